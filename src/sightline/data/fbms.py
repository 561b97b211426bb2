"""FBMS-59 (Ochs, Malik, Brox, PAMI 2014): {Trainingset,Testset}/<sequence>/*.jpg with sparse labels in GroundTruth/."""

from __future__ import annotations

import re
from pathlib import Path

from sightline.data import vsod
from sightline.data.files import list_images, require_folder
from sightline.data.samples import VideoSequence
from sightline.errors import DataError

SPLITS = {"train": "Trainingset", "test": "Testset"}
LAYOUT = "{Trainingset,Testset}/<sequence>/<frame>.jpg with GroundTruth/<frame>.pgm or <frame>_gt.ppm"

# Grey labels are background up to a tenth of white; in these two sequences small objects are darker, or others are
# lighter, than that. Published evaluations of moving objects use these values.
_OBJECT_FROM = {"marple2": 103, "marple7": 13}
_DEFAULT_FROM = 26


def sequences(root: str | Path, split: str | None = None) -> list[VideoSequence]:
    """The sequences of FBMS, all objects as one; about every twentieth frame is labelled.

    split: train or test; None is what there is. A folder that has <sequence>/Imgs is read as in `vsod` instead.
    Colour labels (.ppm) are objects on white, grey ones (.pgm) objects on black; of two labels of a frame the colour
    one counts, as its grey copy drops objects. Raises DataError for a missing folder or a label without its frame.
    """
    if vsod.packaged(root):
        return vsod.sequences(root)
    parts = [part for part in SPLITS.values() if Path(root, part).is_dir()] if split is None else [SPLITS[split]]
    if not parts:
        raise DataError(f"{root}: neither {' nor '.join(SPLITS.values())} is in it; {LAYOUT} is expected")
    return [
        _sequence(folder)
        for part in parts
        for folder in sorted(path for path in require_folder(root, part, layout=LAYOUT).iterdir() if path.is_dir())
    ]


def _sequence(folder: Path) -> VideoSequence:
    frames = {_number(path): path for path in list_images(folder)}
    truth = require_folder(folder, "GroundTruth", layout=LAYOUT)
    colour = [path for path in sorted(truth.glob("*.ppm")) if "PROB" not in path.stem]
    masks = {_number(path): path for path in colour or sorted(truth.glob("*.pgm"))}
    missing = sorted(masks.keys() - frames.keys())
    if missing or not masks:
        reason = f"no frame for {masks[missing[0]].name}" if missing else "no labels"
        raise DataError(f"{truth}: {reason}; {LAYOUT} is expected")
    order = sorted(frames)
    threshold = 255 if colour else _OBJECT_FROM.get(folder.name, _DEFAULT_FROM)
    labels = [masks.get(number) for number in order]
    return VideoSequence(folder.name, [frames[number] for number in order], labels, threshold, inverted=bool(colour))


def _number(path: Path) -> int:
    digits = re.search(r"(\d+)$", path.stem.removesuffix("_gt"))
    if digits is None:
        raise DataError(f"{path}: the name ends in no frame number; {LAYOUT} is expected")
    return int(digits.group(1))
