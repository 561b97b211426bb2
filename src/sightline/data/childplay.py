"""ChildPlay (Tafasca et al., ICCV 2023): where children and adults look in clips, frame by frame."""

from __future__ import annotations

from pathlib import Path

from sightline.data.looking import by_picture, in_splits
from sightline.data.samples import LookingImage, Onlooker
from sightline.data.tables import Row, read_rows
from sightline.errors import DataError

LAYOUT = "annotations/<split>/<clip>.csv with images/<clip>/<video>_<frame of the video>.jpg"
SPLITS = ("train", "val", "test")
INSIDE = "inside_visible"
OUTSIDE = "outside_frame"
_COLUMNS = (
    "clip", "frame", "person_id", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "gaze_class", "gaze_x", "gaze_y"
)  # fmt: skip


def frames(root: str | Path, split: str | None = None) -> list[LookingImage]:
    """The annotated frames of the clips, each with all its people.

    Parameters
    ----------
    root : str or Path
        The folder with annotations/ and images/.
    split : str, optional
        "train", "val" or "test"; None for all.

    Returns
    -------
    list of LookingImage
        By clip and frame. `inside` is True of the class inside_visible, False of outside_frame and None of the others
        (hidden, unsure, eyes closed, a shift, not annotated); only the first has a target. A row of that class without
        a point counts as not annotated.

    Raises
    ------
    DataError
        If the layout is another, a line cannot be read, or a picture is missing.
    """
    root = Path(root)
    tables = in_splits(root, SPLITS if split is None else (split,), "*.csv", LAYOUT)
    return [image for table in tables for image in _frames(root / "images", table)]


def _frames(images: Path, table: Path) -> list[LookingImage]:
    numbers: dict[str, int] = {}
    rows = []
    for row in read_rows(table, _COLUMNS):
        clip, frame = row.text("clip"), int(row.number("frame"))
        image = images / clip / _file_of(row, clip, frame)
        x, y = row.number("gaze_x"), row.number("gaze_y")
        kind = row.text("gaze_class")
        seen = kind == INSIDE and x >= 0 and y >= 0
        left, top = row.number("bbox_x"), row.number("bbox_y")
        head = (left, top, left + row.number("bbox_width"), top + row.number("bbox_height"))
        if head[2] <= left or head[3] <= top:
            raise DataError(f"{row.place}: the head box holds nothing; mend or drop the line")
        number = numbers.setdefault(row.text("person_id"), len(numbers) + 1)
        inside = True if seen else False if kind == OUTSIDE else None
        rows.append((frame, clip, image, Onlooker(head, target=(x, y) if seen else None, inside=inside, number=number)))
    rows.sort(key=lambda row: row[0])
    return by_picture([(f"{clip}/{image.stem}", image, looker) for _, clip, image, looker in rows])


def _file_of(row: Row, clip: str, frame: int) -> str:
    """<video>_<number>.jpg: frames are counted from 1 in a clip, and from its start in the name of the file."""
    video, _, interval = clip.removesuffix("-downsample").rpartition("_")
    start = interval.partition("-")[0]
    if not video or not start.isdecimal():
        raise DataError(f"{row.place}: the clip {clip!r} is not called <video>_<first frame>-<last frame>")
    return f"{video}_{int(start) + frame - 1}.jpg"
