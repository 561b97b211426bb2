"""GOO (Tomas et al., CVPRW 2021): shoppers, where they look, and at which product; as JSON or in the published pickles.

JSON: `annotations.json`, {id: {width, height, boxes_xyxy (the last is the head), labels, gaze_box_index, gaze_point_xy,
head_point_xy}}, with `images/<id>.jpg` and, where there are masks, 16-bit `instances/<id>.png` of instance numbers.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.errors import DataError

IOU_OF_A_MATCH = 0.9
LAYOUT = "annotations.json with images/<id>.jpg and, for masks, instances/<id>.png; or the published .pickle"


@dataclass(frozen=True)
class Scene:
    """One picture. size: (height, width). boxes: (N, 4) x0 y0 x1 y1 of the products, without the head.

    labels: (N,) classes. gaze, eye: the points looked at and from, in pixels. gaze_index: the product looked at.
    instances: the file of instance numbers, None where there is none.
    """

    name: str
    size: tuple[int, int]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    head_box: NDArray[np.float64]
    gaze: tuple[float, float]
    eye: tuple[float, float]
    gaze_index: int
    instances: Path | None = None

    def masks(self) -> NDArray[np.bool_] | None:
        """The masks of the products, (N, H, W); None where the scene has no file of them.

        Instances are told by their outlines; a product that has none (it is hidden) gets an empty mask.
        """
        if self.instances is None:
            return None
        numbers = read_instances(self.instances)
        if numbers.shape != self.size:
            raise DataError(f"{self.instances}: {numbers.shape} pixels, the annotation says {self.size}")
        masks = np.zeros((len(self.boxes), *self.size), dtype=np.bool_)
        for number in np.unique(numbers[numbers > 0]):
            mask = numbers == number
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = np.array([columns[0], rows[0], columns[-1], rows[-1]], dtype=np.float64)
            iou = _iou(self.boxes, box)
            if len(iou) and iou.max() > IOU_OF_A_MATCH:
                masks[iou.argmax()] = mask
        return masks


def read_scenes(root: str | Path) -> dict[str, Scene]:
    """The scenes of a folder with annotations.json, of a JSON file, or of a published .pickle / .pkl file, by name.

    Pickles are read without running any code in them. Raises DataError that names the file and the scene.
    """
    root = Path(root)
    path = root / "annotations.json" if root.is_dir() else root
    folder = path.parent
    if path.suffix.lower() in {".pickle", ".pkl"}:
        entries = [_from_pickle(entry) for entry in _read_pickle(path)]
    else:
        entries = list(read_json(path).items())
    return {str(name): _scene(path, str(name), entry, folder) for name, entry in entries}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file with an object in it. Raises DataError otherwise."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; an entry a picture is expected in it, see docs/metrics.md") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not JSON that can be read ({error}); write it again") from None
    if not isinstance(entries, dict):
        raise DataError(f"{path}: an object with an entry for each picture is expected, this is a list or a value")
    return entries


def read_instances(path: Path) -> NDArray[np.int64]:
    """Instance numbers (H, W) of a grey picture of 8 or 16 bits."""
    try:
        with Image.open(path) as image:
            if image.mode not in {"L", "P", "I", "I;16", "I;16B"}:
                raise DataError(f"{path}: instance numbers as 8- or 16-bit grey are expected, this is {image.mode!r}")
            return np.asarray(image).astype(np.int64)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: the picture is damaged ({error}); write it again") from None


def _scene(path: Path, name: str, entry: dict[str, Any], folder: Path) -> Scene:
    try:
        boxes = np.array(entry["boxes_xyxy"], dtype=np.float64).reshape(-1, 4)
        labels = np.array(entry["labels"], dtype=np.int64)
        instances = folder / "instances" / f"{name}.png"
        scene = Scene(
            name,
            (int(entry["height"]), int(entry["width"])),
            boxes[:-1],
            labels[:-1],
            boxes[-1],
            _point(entry["gaze_point_xy"]),
            _point(entry["head_point_xy"]),
            int(entry["gaze_box_index"]),
            instances if instances.is_file() else None,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path}: scene {name}: {type(error).__name__} {error}; see sightline.data.goo") from None
    if len(boxes) != len(labels):
        raise DataError(f"{path}: scene {name}: {len(boxes)} boxes with {len(labels)} labels; one for each is expected")
    return scene


def _from_pickle(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name = Path(str(entry["filename"]).replace("\\", "/")).stem
    return name, {
        "width": entry["width"],
        "height": entry["height"],
        "boxes_xyxy": entry["ann"]["bboxes"],
        "labels": entry["ann"]["labels"],
        "gaze_point_xy": (entry["gaze_cx"], entry["gaze_cy"]),
        "head_point_xy": (entry["hx"], entry["hy"]),
        "gaze_box_index": entry["gazeIdx"],
    }


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, text, lists, dictionaries and NumPy arrays; refuses to call anything else."""

    ALLOWED = frozenset({"ndarray", "dtype", "scalar", "_reconstruct", "_frombuffer"})

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in self.ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which annotations have no need of")


def _read_pickle(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            entries = _load(file)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, AttributeError, ImportError, IndexError) as error:
        raise DataError(f"{path}: not a pickle of GOO that can be read safely ({error})") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "ann" in entry for entry in entries):
        raise DataError(f"{path}: a list of GOO annotations is expected in it")
    return entries


def _load(file: IO[bytes]) -> Any:
    return _PlainUnpickler(file).load()


def _point(values: Any) -> tuple[float, float]:
    x, y = values
    return float(x), float(y)


def _iou(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.clip(high - low + 1, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    return common / (areas + (box[2:] - box[:2] + 1).prod() - common)
