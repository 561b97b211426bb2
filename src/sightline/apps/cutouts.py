"""Objects of photographs, as `sightline data composites` takes them: the work behind `sightline data cutouts`."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.data.files import IMAGE_SUFFIXES, load_image
from sightline.errors import DataError
from sightline.files import WholeFolder
from sightline.nn.naming import VOC
from sightline.progress import track

Finder = Callable[[NDArray[np.uint8]], Iterable[tuple[str, NDArray[np.bool_]]]]
"""Gives the tags and masks (H, W) of a photograph's objects."""
ROOM = 0.45
"""Of a picture around its object, in longer sides of it: the object then covers no more than `data.cutouts.AREA`."""
MARKER = "cutouts.csv"


def write_cutouts(
    roots: Sequence[Path], out: Path, find: Finder, match: str = "*", tags: Sequence[str] = ()
) -> Counter[str]:
    """Find the objects of photographs and write each with its mask.

    Parameters
    ----------
    roots : sequence of Path
        Folders of photographs; folders in them are looked at as well.
    out : Path
        The new folder: `<tag>/<root>_<picture>_<n>.jpg` with the mask beside it (.png), and cutouts.csv
        (file,tag,source). It appears whole or not at all. Files of objects that were named wrongly may be deleted.
    find : callable
        Names the objects: `nn.naming.SegmentNamer.objects`.
    match : str, default "*"
        Only photographs whose path below its root is like this.
    tags : sequence of str
        Only objects with these tags; all where there are none.

    Returns
    -------
    Counter of str
        How many objects there are of each tag.

    Warns
    -----
    UserWarning
        A photograph is damaged and left out.

    Raises
    ------
    DataError
        There are no photographs, or no objects in them.
    OutputError
        Where `out` holds something else, or cannot be written.
    """
    files = [(root, path) for root in roots for path in _photographs(root, match)]
    if not files:
        raise DataError(f"{', '.join(map(str, roots))}: no photographs that match {match!r}")
    counts: Counter[str] = Counter()
    rows = ["file,tag,source"]
    with WholeFolder(out, marker=MARKER, replaces=VOC).require_ours() as partial:
        for root, path in track(files, "Looking for objects"):
            try:
                image = load_image(path)
            except DataError as error:
                warnings.warn(f"{error}; it is left out", stacklevel=2)
                continue
            for number, (tag, mask) in enumerate(find(image)):
                if tags and tag not in tags:
                    continue
                place = path.relative_to(root).with_suffix("")
                name = f"{tag}/{'-'.join((root.name, *place.parts))}_{number}"
                (partial / tag).mkdir(exist_ok=True)
                box = _around(mask)
                Image.fromarray(image[box]).save(partial / f"{name}.jpg", quality=95)
                Image.fromarray(mask[box].astype(np.uint8) * 255).save(partial / f"{name}.png")
                rows.append(f'{name}.jpg,{tag},"{path}"')
                counts[tag] += 1
        if not counts:
            raise DataError(f"{', '.join(map(str, roots))}: no whole object in {len(files)} photographs; give others")
        (partial / MARKER).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return counts


def _photographs(root: Path, match: str) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        is_picture = path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        if is_picture and fnmatch(path.relative_to(root).as_posix(), match):
            yield path


def _around(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The object's box, with room around it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    room = round(ROOM * max(np.ptp(rows), np.ptp(columns)))
    down, across = (slice(max(0, int(each[0]) - room), int(each[-1]) + 1 + room) for each in (rows, columns))
    return down, across
