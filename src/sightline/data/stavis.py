"""The six audio-visual sets of eye tracking as STAViS ships them (Tsiami et al., CVPR 2020).

Fixations and saliency maps of each frame, the frames as pictures, the sound as a file beside them, and lists of the
splits that audio-visual papers score: three for all sets but DIEM, which has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sightline.data.files import list_images, read_names, require_folder
from sightline.data.observed import Maps
from sightline.errors import DataError

LAYOUT = (
    "annotations/{name}/<video>/fixMap_00001.mat and maps/eyeMap_00001.jpg, beside them video_frames/{name}, "
    "video_audio/{name} and fold_lists/{name}_list_<split>_fps.txt"
)
SPLITS = ("train_1", "test_1", "train_2", "test_2", "train_3", "test_3")
DIEM_SPLITS = ("train", "test")


class WatchedVideo(Maps):
    """A video that was watched with its sound.

    Attributes
    ----------
    stimulus : Path or None
        The folder of its frames.
    sound : Path or None
        The file of its sound.
    fps : float or None
        Frames a second, where a list of a split says it.
    """

    sound: Path | None = None
    fps: float | None = None


def videos(name: str, root: str | Path, split: str | None = None) -> dict[str, WatchedVideo]:
    """The videos of one of the six sets.

    Parameters
    ----------
    name : str
        What STAViS calls its folder: AVAD, Coutrot_db1, Coutrot_db2, DIEM, SumMe, ETMD_av.
    root : str or Path
        STAViS's `data` folder, with the sets side by side.
    split : str, optional
        Which of the lists; all videos if left out.

    Returns
    -------
    dict of str to WatchedVideo
        By the name of the video, in the order of the list or of names. Their first fixation maps are read.

    Raises
    ------
    DataError
        A folder, a list, or a video of the list is missing, or a line of it is malformed.
    """
    root = Path(root)
    folder = require_folder(root, "annotations", name, layout=LAYOUT.format(name=name))
    rates = _rates(root / "fold_lists" / f"{name}_list_{split}_fps.txt") if split else None
    names = rates or sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    found: dict[str, WatchedVideo] = {}
    for video in names:
        fixations = sorted((folder / video).glob("fixMap_*.mat"))
        if not fixations:
            raise DataError(f"{folder / video}: no fixMap_00001.mat in it; {LAYOUT.format(name=name)} is expected")
        watched = WatchedVideo(video, fixations, list_images(folder / video / "maps"))
        watched.stimulus = _there(root / "video_frames" / name / video)
        watched.sound = _there(*sorted((root / "video_audio" / name / video).glob("*.wav")))
        watched.fps = rates[video] if rates else None
        found[video] = watched
    if not found:
        raise DataError(f"{folder}: no videos in it; {LAYOUT.format(name=name)} is expected")
    return found


def _rates(path: Path) -> dict[str, float]:
    """Frames a second of the videos of a list: lines of name, count of frames, frames a second."""
    found: dict[str, float] = {}
    for number, line in enumerate(read_names(path), start=1):
        parts: Sequence[str] = line.rsplit(maxsplit=2)
        try:
            video, _, rate = parts
            found[video] = float(rate)
        except ValueError:
            raise DataError(f"{path}: line {number}: {line!r}; name, frames and frames a second are expected") from None
    if not found:
        raise DataError(f"{path}: no videos in it; name, frames and frames a second a line are expected")
    return found


def _there(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)
