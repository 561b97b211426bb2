"""frames.parquet: a row a frame, with objects whose masks are COCO run-length codes, hotspots, people and sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sightline.errors import UsageError
from sightline.results.coco import encoder, with_masks
from sightline.results.kinds import Kind, Lane, Sink
from sightline.types import Frame, Hotspot
from sightline.video import Source

ROWS = 256  # frames that are written at once, and held until then


class FramesTable(Kind):
    """A row a frame in one table, for a data frame or a data base."""

    name = "parquet"
    about = "all but the maps in one table, masks as COCO RLE"
    entries = ("frames.parquet",)
    lane: Lane = "rows"
    on_request = True

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of a model that gives more than maps."""
        return bool(gives & {"masks", "objects", "hotspots", "people", "sound"})

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`. Raises UsageError where pyarrow or pycocotools are not installed."""
        return _Sink(folder / self.entries[0])


def schema() -> Any:
    """The columns. x, y, boxes and sizes are pixels, times seconds."""
    import pyarrow as pa

    def struct(**fields: Any) -> Any:
        return pa.struct([pa.field(name, kind) for name, kind in fields.items()])

    text, real, whole = pa.string(), pa.float32(), pa.int32()
    box = dict.fromkeys(("x1_px", "y1_px", "x2_px", "y2_px"), real)
    code = struct(size=pa.list_(whole), counts=text)
    person = {"person": whole} | {f"head_{name}": kind for name, kind in box.items()} | {"head_score": real}
    person |= {"target_x_px": real, "target_y_px": real, "target_score": real, "object": whole}
    return pa.schema(
        {
            "frame": whole,
            "name": text,
            "time_s": pa.float64(),
            "height_px": whole,
            "width_px": whole,
            "state": text,
            "hotspot": struct(x_px=real, y_px=real, score=real),
            "objects": pa.list_(struct(object=whole, label=text, score=real, **box, segmentation=code)),
            "people": pa.list_(struct(**person)),
            "sound": struct(switch=pa.bool_(), switch_score=real, tag=text, tag_score=real),
        }
    )


class _Sink(Sink):
    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise UsageError("`save` parquet: needs pyarrow; pip install 'sightline[ray]'") from None
        self._encode = encoder("parquet")
        self._schema = schema()
        self._table = pyarrow.Table
        self._rows: list[dict[str, Any]] = []
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, frame: Frame, name: str | None = None) -> None:
        height, width = frame.image.shape[:2]
        self._rows.append(
            {
                "frame": frame.index,
                "name": name or f"{frame.index:05d}",
                "time_s": frame.time_s,
                "height_px": height,
                "width_px": width,
                "state": frame.state,
                "hotspot": _hotspot(frame.hotspot),
                "objects": [self._object(thing, mask) for thing, mask in with_masks(frame)],
                "people": [_person(person) for person in frame.people],
                "sound": frame.sound
                and {
                    "switch": frame.sound.switch,
                    "switch_score": frame.sound.switch_score,
                    "tag": frame.sound.tag,
                    "tag_score": frame.sound.tag_score,
                },
            }
        )
        if len(self._rows) >= ROWS:
            self._flush()

    def _object(self, thing: Any, mask: Any) -> dict[str, Any]:
        code = self._encode(np.asfortranarray(mask, dtype=np.uint8))
        return {
            "object": int(thing.number),
            "label": thing.label,
            "score": float(thing.score),
            **dict(zip(("x1_px", "y1_px", "x2_px", "y2_px"), map(float, thing.box), strict=True)),
            "segmentation": {"size": list(mask.shape), "counts": code["counts"].decode("ascii")},
        }

    def _flush(self) -> None:
        self._writer.write_table(self._table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()

    def close(self, *, whole: bool = True) -> None:
        self._flush()
        self._writer.close()

    def abort(self) -> None:
        self._rows.clear()
        self._writer.close()


def _hotspot(spot: Hotspot | None) -> dict[str, Any] | None:
    return None if spot is None else {"x_px": spot.x_px, "y_px": spot.y_px, "score": spot.score}


def _person(person: Any) -> dict[str, Any]:
    target = person.target or (None, None)
    head = dict(zip(("head_x1_px", "head_y1_px", "head_x2_px", "head_y2_px"), map(float, person.head), strict=True))
    return {
        "person": person.number,
        **head,
        "head_score": person.head_score,
        "target_x_px": target[0],
        "target_y_px": target[1],
        "target_score": person.target_score,
        "object": person.object,
    }
