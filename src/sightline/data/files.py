"""Reading the small files that data sets are made of: pictures, masks and lists of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sightline.errors import DataError
from sightline.files import IMAGE_SUFFIXES
from sightline.untrusted import PICTURE_ERRORS


def load_image(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture, upright as its EXIF orientation says.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ndarray, (H, W, 3) uint8
        RGB.

    Raises
    ------
    DataError
        If the file is missing, cut short, or no picture at all.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grey.png"
    >>> Image.new("L", (4, 3), 7).save(path)
    >>> load_image(path).shape, load_image(path)[0, 0].tolist()
    ((3, 4, 3), [7, 7, 7])
    """
    with _open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def load_mask(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask, its values as they are stored.

    Palette pictures give their indices (PASCAL VOC, DAVIS: 0 background, 255 void), black-and-white ones 0 and 1,
    grey ones their grey (DUTS, DAVIS-2016: 0 and 255, where 255 is the object), and colour ones, as in SegTrackv2,
    their luminance.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ndarray, (H, W) uint8
        The values.

    Raises
    ------
    DataError
        If the file is missing, damaged, or of more than 8 bits.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mask.png"
    >>> Image.fromarray(np.array([[0, 255]], np.uint8)).save(path)
    >>> load_mask(path).tolist()
    [[0, 255]]
    """
    with _open(path) as image:
        if image.mode in {"P", "L", "1"}:
            return np.asarray(image).astype(np.uint8)
        if image.mode in {"RGB", "RGBA", "LA"}:
            return np.asarray(image.convert("L"))
        raise DataError(
            f"{path}: a mask of at most 8 bits is expected, this is a {image.mode!r} picture; save it as 8-bit PNG"
        )


def mask_values(path: str | Path) -> dict[int, int]:
    """How many pixels each value of a mask has: {value: pixels}, without the values that do not occur."""
    counts = np.bincount(load_mask(path).ravel(), minlength=256)
    return {int(value): int(counts[value]) for value in counts.nonzero()[0]}


def list_images(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, hidden files left out; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) from a picture's header. Raises DataError where there is none that can be read."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise DataError(f"{path}: no such picture") from None
    except PICTURE_ERRORS as error:
        raise DataError(f"{path}: not a picture that can be read ({error})") from None


def load_matlab(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file, its cells and structures as arrays and dictionaries; DataError if damaged."""
    from scipy.io import loadmat

    try:
        variables: dict[str, Any] = loadmat(path, simplify_cells=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # SciPy raises whatever its parser trips over in a damaged file
        raise DataError(f"{path}: not a MATLAB file that can be read ({error}); save it with -v7") from None
    return variables


def read_names(path: Path) -> list[str]:
    """The lines of a list file (an ImageSets/*.txt), without blanks. Raises DataError if it is missing or not text."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path}: this list of the data set is missing; check that the folder is complete") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: the list cannot be read ({error}); a text file with a name a line is expected"
        ) from None
    return [line.strip() for line in lines if line.strip()]


def require_folder(root: str | Path, *parts: str, layout: str) -> Path:
    """The folder root/parts. Raises DataError that names what is missing and the layout that is expected."""
    folder = Path(root).joinpath(*parts)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; {layout} is expected under {root}")
    return folder


def require_files(paths: Iterable[Path], root: str | Path) -> None:
    """Raise one DataError that lists the missing files, so that they can be mended in one go."""
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        noun = "file is" if len(missing) == 1 else "files are"
        raise DataError(f"{root}: {len(missing)} {noun} missing: {shown}; download them or take them off the list")


def pair(frames: Sequence[Path], labels: Iterable[Path], folder: Path) -> list[Path | None]:
    """The label of each frame, by its name without suffix; None where a frame has none.

    Raises DataError where a label has no frame, or there are none: then the folder is of another sequence.
    """
    by_stem = {path.stem: path for path in labels}
    unknown = sorted(by_stem.keys() - {frame.stem for frame in frames})
    if unknown or not by_stem:
        what = f"no frame for {', '.join(unknown[:5])}" if unknown else "no labels"
        raise DataError(f"{folder}: {what}; a picture called like its frame is expected for each")
    return [by_stem.get(frame.stem) for frame in frames]


def _open(path: str | Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a picture that can be read; PNG or JPEG is expected") from None
    except PICTURE_ERRORS as error:
        raise DataError(f"{path}: the picture is damaged ({error}); copy or download it again") from None
    return image
