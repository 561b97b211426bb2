"""VideoAttentionTarget (Chong et al., CVPR 2020): who looks where in clips of shows, frame by frame."""

from __future__ import annotations

from pathlib import Path

from sightline.data.looking import by_picture, in_splits
from sightline.data.samples import LookingImage, Onlooker
from sightline.data.tables import read_rows

LAYOUT = "annotations/<split>/<show>/<clip>/<person>.txt with images/<show>/<clip>/<frame>.jpg"
SPLITS = ("train", "test")
_BOX = ("xmin", "ymin", "xmax", "ymax")


def frames(root: str | Path, split: str | None = None) -> list[LookingImage]:
    """The annotated frames of the clips, each with all its people.

    Parameters
    ----------
    root : str or Path
        The folder with annotations/ and images/.
    split : str, optional
        "train" or "test"; None for both.

    Returns
    -------
    list of LookingImage
        By show, clip and frame. A person is a file of the clip and keeps its number; the target is () where it lies
        outside of the frame (-1, -1).

    Raises
    ------
    DataError
        If the layout is another, a line cannot be read, or a picture is missing.
    """
    root = Path(root)
    clips = in_splits(root, SPLITS if split is None else (split,), "*/*/", LAYOUT)
    return [image for clip in clips for image in _frames(root / "images" / clip.parent.name / clip.name, clip)]


def _frames(images: Path, clip: Path) -> list[LookingImage]:
    rows = []
    for number, path in enumerate(sorted(clip.glob("*.txt")), start=1):
        for row in read_rows(path, ("frame", *_BOX, "gaze_x", "gaze_y"), header=False):
            x, y = row.number("gaze_x"), row.number("gaze_y")
            inside = x >= 0 and y >= 0
            file = row.text("frame")
            name = f"{clip.parent.name}/{clip.name}/{Path(file).stem}"
            head = row.box(*_BOX)
            rows.append(
                (name, images / file, Onlooker(head, target=(x, y) if inside else None, inside=inside, number=number))
            )
    return by_picture(sorted(rows, key=lambda row: row[0]))
