"""Objects as COCO annotations: boxes and masks as run-length codes, for annotation tools and pycocotools."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.object_masks import decode, size_of
from sightline.errors import DataError, UsageError
from sightline.results.kinds import Kind, Lane, Sink
from sightline.types import Frame, Object
from sightline.untrusted import parse_json
from sightline.video import Source


class Coco(Kind):
    """annotations.coco.json: images, categories, annotations with RLE masks; `track_id` is the object's number."""

    name = "coco"
    about = "the objects as COCO annotations"
    entries = ("annotations.coco.json",)
    lane: Lane = "rows"
    on_request = True

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of a model that gives masks or objects."""
        return bool(gives & {"masks", "objects"})

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`. Raises UsageError where pycocotools is not installed."""
        return _CocoSink(folder / self.entries[0])

    def read(self, path: Path) -> dict[str, NDArray[np.uint16]]:
        """Numbers of objects, (H, W), by the name of the frame; where two overlap, the later one of the file shows.

        Raises DataError where the file cannot be read.
        """
        try:
            said = parse_json(path.read_text(encoding="utf-8"))
            found = {
                image["id"]: (Path(image["file_name"]).stem, np.zeros(size_of(image), np.uint16))
                for image in said["images"]
            }
            for entry in said["annotations"]:
                frame = found[entry["image_id"]][1]
                frame[decode(entry["segmentation"], frame.shape)] = entry.get("track_id", entry["id"])
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise DataError(f"{path}: not COCO annotations that can be read ({error!r}); write them again") from None
        return dict(found.values())


def encoder(name: str) -> Any:
    """What turns a mask (H, W) uint8, column by column, into run-length code. UsageError without pycocotools.

    name: of the kind that needs it.
    """
    try:
        from pycocotools import mask
    except ImportError:
        raise UsageError(f"`save` {name}: needs pycocotools; pip install 'sightline[coco]'") from None
    return mask.encode


class _CocoSink(Sink):
    """Annotations go to a file at once, so that memory does not grow with the video."""

    def __init__(self, path: Path) -> None:
        self._encode = encoder("coco")
        self._path = path
        self._images, self._annotations = _Lines(path.parent), _Lines(path.parent)
        self._categories: dict[str, int] = {}

    def write(self, frame: Frame, name: str | None = None) -> None:
        height, width = frame.image.shape[:2]
        number = self._images.count + 1
        self._images.add(
            {
                "id": number,
                "file_name": f"{name or f'{frame.index:05d}'}.png",
                "height": height,
                "width": width,
                "frame": frame.index,
                "time_s": round(frame.time_s, 6),
            }
        )
        for thing, mask in with_masks(frame):
            code = self._encode(np.asfortranarray(mask, dtype=np.uint8))
            x1, y1, x2, y2 = map(float, thing.box)
            category = self._categories.setdefault(thing.label or "object", len(self._categories) + 1)
            self._annotations.add(
                {
                    "id": self._annotations.count + 1,
                    "image_id": number,
                    "category_id": category,
                    "track_id": int(thing.number),
                    "segmentation": {"size": [height, width], "counts": code["counts"].decode("ascii")},
                    "area": int(mask.sum()),
                    "bbox": [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)],
                    "score": round(float(thing.score), 4),
                    "iscrowd": 0,
                }
            )

    def close(self, *, whole: bool = True) -> None:
        categories = [{"id": number, "name": label} for label, number in self._categories.items()]
        with self._path.open("w", encoding="utf-8") as file:
            file.write('{"images": [')
            file.writelines(self._images.joined())
            file.write('],\n"annotations": [')
            file.writelines(self._annotations.joined())
            file.write('],\n"categories": ' + json.dumps(categories) + "}\n")
        self.abort()

    def abort(self) -> None:
        self._images.file.close()
        self._annotations.file.close()


class _Lines:
    """JSON objects in a temporary file, a line each. It lies beside the result, where there has to be space anyway."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        self.file: IO[str] = tempfile.TemporaryFile("w+", dir=folder)  # noqa: SIM115 - `abort` closes it

    def add(self, entry: dict[str, Any]) -> None:
        self.file.write(json.dumps(entry) + "\n")
        self.count += 1

    def joined(self) -> Iterator[str]:
        self.file.seek(0)
        for index, line in enumerate(self.file):
            yield (",\n" if index else "\n") + line.rstrip("\n")


def with_masks(frame: Frame) -> Iterator[tuple[Object, NDArray[np.bool_]]]:
    """The objects that a frame names, or those of its mask, each with its own (H, W)."""
    if frame.objects:
        for thing in frame.objects:
            mask = thing.mask
            if mask is None and frame.mask is not None:
                mask = frame.mask == thing.number
            yield thing, np.zeros(frame.image.shape[:2], bool) if mask is None else mask
        return
    if frame.mask is None:
        return
    for number in np.unique(frame.mask[frame.mask > 0]).tolist():
        mask = frame.mask == number
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        score = 1.0 if frame.probability is None else float(frame.probability[mask].mean())
        yield Object(number, box, score), mask
