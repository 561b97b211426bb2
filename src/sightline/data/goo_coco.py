"""SamGOP's annotations of GOO: COCO's JSON with outlines of the products, and the gaze of each picture beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sightline.data.object_masks import size_of
from sightline.errors import DataError

GAZE_WIDTH, GAZE_HEIGHT = 640, 480
"""The gaze target and the eye count in a picture of this size, whatever the size of the file is."""
HEAD = "Head"
CLASSES = (
    "Kellogg Corn Flakes", "Honey Stars", "Koko Krunch", "Fita", "Mamon", "Buttercake", "Wafer", "Choco Crunchies",
    "iHop", "Butterlicious", "Pik-nik", "Pringles", "Super Fruits", "Locally Mango", "Camomille", "Oishi Prawn",
    "Kimchi Noodles", "Grahams", "Hansel", "Danisa", "Chocolate Chips", "Fresh Milk", "Bear brand", "Chuckie",
)  # fmt: skip
"""GOO's products: the number of a class counts from 1. The names are those of GOO-Real, which GOO-Synth's pictures bear
out."""


def is_coco(entries: dict[str, Any]) -> bool:
    """Whether a JSON object is COCO annotations."""
    return isinstance(entries.get("images"), list) and isinstance(entries.get("annotations"), list)


def entries_of(path: Path, coco: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """COCO annotations as {id: entry} in the form of annotations.json, with `codes`, the mask of each box.

    The head is the object of the category "head", or `head_box` of the picture; there may be none. The product that is
    looked at is the one with the highest IoU with `gaze_box`. Raises DataError that names the file.
    """
    try:
        names = {one["id"]: str(one["name"]) for one in coco.get("categories", ())}
        by_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in coco["images"]}
        for annotation in coco["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
        found = {}
        for image in coco["images"]:
            name = str(Path(str(image["file_name"]).replace("\\", "/")).with_suffix("").name)
            found[name] = _entry(image, by_image[image["id"]], names)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, OSError) as error:
        raise DataError(f"{path}: not COCO annotations that can be read ({error!r}); write them again") from None
    return found


def coco_of(path: Path, entries: dict[str, Any]) -> dict[str, Any]:
    """Entries in the form of annotations.json as COCO annotations, the gaze as SamGOP has it. Raises DataError."""
    names = dict(enumerate((*CLASSES, HEAD), start=1))
    numbers = {name: number for number, name in names.items()}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    try:
        for number, (name, entry) in enumerate(entries.items(), start=1):
            image = {"id": number, "file_name": str(entry.get("file_name", f"{name}.jpg"))}
            image |= {"width": int(entry["width"]), "height": int(entry["height"])}
            if gaze := _gaze_of(entry):
                image["gaze_related_ann"] = gaze
            images.append(image)
            boxes = entry["boxes_xyxy"]
            labels = [numbers[one] for one in entry["names"]] if "names" in entry else [*map(int, entry["labels"])]
            if "names" not in entry:  # the last is the head
                labels[-1:] = [numbers[HEAD]]
            for (x1, y1, x2, y2), label in zip(boxes, labels, strict=True):
                box = [float(x1), float(y1), float(x2) - float(x1), float(y2) - float(y1)]
                one = {"id": len(annotations) + 1, "image_id": number, "category_id": label, "bbox": box, "iscrowd": 0}
                annotations.append(one)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, OSError) as error:
        raise DataError(f"{path}: neither COCO annotations nor those of GOO ({error!r}); see docs/label.md") from None
    categories = [{"id": number, "name": name} for number, name in names.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def _gaze_of(entry: dict[str, Any]) -> dict[str, Any]:
    scale = GAZE_WIDTH / float(entry["width"]), GAZE_HEIGHT / float(entry["height"])
    gaze: dict[str, Any] = {}
    for field, names in (("gaze_point_xy", ("gaze_cx", "gaze_cy")), ("head_point_xy", ("hx", "hy"))):
        if entry.get(field) is not None:
            gaze |= {name: float(value) * by for name, value, by in zip(names, entry[field], scale, strict=True)}
    if entry.get("gaze_box_index") is not None:
        gaze["gaze_box"] = [float(value) for value in entry["boxes_xyxy"][int(entry["gaze_box_index"])]]
    return gaze


def _entry(image: dict[str, Any], annotations: list[dict[str, Any]], names: dict[Any, str]) -> dict[str, Any]:
    height, width = size_of(image)
    boxes, labels, codes = [], [], []
    gaze = image.get("gaze_related_ann") or {}
    head = gaze.get("head_box")
    while isinstance(head, list) and head and isinstance(head[0], list):  # [[x1, y1, x2, y2, ...]]
        head = head[0]
    for annotation in annotations:
        x, y, w, h = map(float, annotation["bbox"])
        if names.get(annotation["category_id"], "").lower() == HEAD.lower():
            head = [x, y, x + w, y + h]
            continue
        boxes.append([x, y, x + w, y + h])
        labels.append(int(annotation["category_id"]))
        codes.append(_mask(annotation.get("segmentation")))
    scale = width / GAZE_WIDTH, height / GAZE_HEIGHT
    return {
        "file_name": str(image["file_name"]).replace("\\", "/"),
        "width": width,
        "height": height,
        "boxes_xyxy": boxes,
        "labels": labels,
        "class_names": [names.get(label, "") for label in labels],
        "head_box_xyxy": None if head is None else [float(value) for value in head[:4]],
        "codes": codes if any(codes) else None,
        "gaze_point_xy": _point(gaze, "gaze_cx", "gaze_cy", scale),
        "head_point_xy": _point(gaze, "hx", "hy", scale),
        "gaze_box_index": _best(boxes, gaze.get("gaze_box")),
    }


def _point(gaze: dict[str, Any], x: str, y: str, scale: tuple[float, float]) -> tuple[float, float] | None:
    if gaze.get(x) is None or gaze.get(y) is None:
        return None
    return float(gaze[x]) * scale[0], float(gaze[y]) * scale[1]


def _mask(segmentation: Any) -> Any:
    """Run lengths as they are, or outlines x y x y ...; None where there is none."""
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return segmentation
    return [[float(value) for value in outline] for outline in segmentation]


def _best(boxes: list[list[float]], wanted: Any) -> int | None:
    """The box with the highest IoU with that which is looked at; None where none overlaps it."""
    while isinstance(wanted, list) and wanted and isinstance(wanted[0], list):
        wanted = wanted[0]
    if not wanted or not boxes:
        return None
    shares = [_iou(box, [float(value) for value in wanted[:4]]) for box in boxes]
    best = max(range(len(boxes)), key=shares.__getitem__)
    return best if shares[best] > 0 else None


def _iou(first: list[float], second: list[float]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    common = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return common / (areas - common) if areas > common else 0.0
