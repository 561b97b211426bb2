"""AVE (Tian et al., ECCV 2018): ten-second videos with one of 28 audio-visual events, and when it is seen and heard.

Annotations.txt and the lists of the splits have a line an event, `Category&VideoID&Quality&StartTime&EndTime`; category
names have commas in them. A video may have several events.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sightline.data.files import read_names, require_files, require_folder
from sightline.data.tagged import TaggedVideo
from sightline.errors import DataError

LAYOUT = "AVE/<id>.mp4 with Annotations.txt, trainSet.txt, valSet.txt and testSet.txt"
SPLITS = ("train", "val", "test")
CATEGORIES = (
    "Accordion", "Acoustic guitar", "Baby cry, infant cry", "Banjo", "Bark", "Bus", "Cat", "Chainsaw", "Church bell",
    "Clock", "Female speech, woman speaking", "Fixed-wing aircraft, airplane", "Flute", "Frying (food)", "Goat",
    "Helicopter", "Horse", "Male speech, man speaking", "Mandolin", "Motorcycle", "Race car, auto racing",
    "Rodents, rats, mice", "Shofar", "Toilet flush", "Train horn", "Truck", "Ukulele", "Violin, fiddle",
)  # fmt: skip
"""The 28, in the order of their names: a category's number is its place here. Each is a label of AudioSet, too."""
_HEADER = "Category&VideoID&Quality&StartTime&EndTime"


@dataclass(frozen=True, slots=True)
class EventVideo(TaggedVideo):
    """A video and the event in it.

    Attributes
    ----------
    event_s : tuple of float or None
        When it is both seen and heard, first and last second; None where that is not known.
    """

    event_s: tuple[float, float] | None = None


def events(root: str | Path, split: str | None = None) -> list[EventVideo]:
    """The events of a split, or of all of Annotations.txt, in the order of the list.

    Parameters
    ----------
    root : str or Path
        The folder of the data set.
    split : {"train", "val", "test"}, optional
        Which list.

    Raises
    ------
    DataError
        A list or a folder is missing, a line is malformed (with its number), or videos are missing (all at once).
    """
    root = Path(root)
    folder = require_folder(root, "AVE", layout=LAYOUT)
    path = root / ("Annotations.txt" if split is None else f"{split}Set.txt")
    found = []
    for number, line in enumerate(read_names(path), start=1):
        if line != _HEADER:
            found.append(_event(line, folder, f"{path}: line {number}"))
    if not found:
        raise DataError(f"{path}: no events in it; lines of {_HEADER} are expected")
    require_files(dict.fromkeys(event.path for event in found), root)
    return found


def _event(line: str, folder: Path, place: str) -> EventVideo:
    parts = line.split("&")
    if len(parts) != 5 or parts[0] not in CATEGORIES:
        what = f"category {parts[0]!r} is not one of the 28" if len(parts) == 5 else f"{len(parts)} values"
        raise DataError(f"{place}: {what}; {_HEADER} is expected")
    try:
        start_s, end_s = float(parts[3]), float(parts[4])
    except ValueError:
        raise DataError(f"{place}: times {parts[3]!r} and {parts[4]!r}; seconds are expected") from None
    # One published line ends where it begins, at 0: the event's time is not known.
    return EventVideo(folder / f"{parts[1]}.mp4", (parts[0],), (start_s, end_s) if start_s < end_s else None)
