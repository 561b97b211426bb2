"""SamGOP's annotations of GOO: COCO's JSON with outlines of the products, and the gaze of each picture beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sightline.errors import DataError

GAZE_WIDTH, GAZE_HEIGHT = 640, 480
"""The gaze point and the eye count in a picture of this size, whatever the size of the file is."""
HEAD = "head"


def is_coco(entries: dict[str, Any]) -> bool:
    """Whether a JSON object is COCO annotations."""
    return isinstance(entries.get("images"), list) and isinstance(entries.get("annotations"), list)


def entries_of(path: Path, coco: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """COCO annotations as {id: entry} in the form of annotations.json, with `polygons`, a list for each box.

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
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path}: not COCO annotations that can be read ({error!r}); write them again") from None
    return found


def _entry(image: dict[str, Any], annotations: list[dict[str, Any]], names: dict[Any, str]) -> dict[str, Any]:
    width, height = int(image["width"]), int(image["height"])
    boxes, labels, polygons = [], [], []
    gaze = image.get("gaze_related_ann") or {}
    head = gaze.get("head_box")
    while isinstance(head, list) and head and isinstance(head[0], list):  # [[x1, y1, x2, y2, ...]]
        head = head[0]
    for annotation in annotations:
        x, y, w, h = map(float, annotation["bbox"])
        if names.get(annotation["category_id"], "").lower() == HEAD:
            head = [x, y, x + w, y + h]
            continue
        boxes.append([x, y, x + w, y + h])
        labels.append(int(annotation["category_id"]))
        polygons.append(_polygons(annotation.get("segmentation")))
    scale = width / GAZE_WIDTH, height / GAZE_HEIGHT
    return {
        "file_name": str(image["file_name"]).replace("\\", "/"),
        "width": width,
        "height": height,
        "boxes_xyxy": boxes,
        "labels": labels,
        "class_names": [names.get(label, "") for label in labels],
        "head_box_xyxy": None if head is None else [float(value) for value in head[:4]],
        "polygons": polygons if any(polygons) else None,
        "gaze_point_xy": _point(gaze, "gaze_cx", "gaze_cy", scale),
        "head_point_xy": _point(gaze, "hx", "hy", scale),
        "gaze_box_index": _best(boxes, gaze.get("gaze_box")),
    }


def _point(gaze: dict[str, Any], x: str, y: str, scale: tuple[float, float]) -> tuple[float, float] | None:
    if gaze.get(x) is None or gaze.get(y) is None:
        return None
    return float(gaze[x]) * scale[0], float(gaze[y]) * scale[1]


def _polygons(segmentation: Any) -> list[list[float]]:
    """Outlines x y x y ...; none where there is none. Raises ValueError for run lengths, which SamGOP does not use."""
    if segmentation in (None, []):
        return []
    if not isinstance(segmentation, list):
        raise ValueError("outlines x y x y ... are expected as `segmentation`, this is a run-length code")
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
