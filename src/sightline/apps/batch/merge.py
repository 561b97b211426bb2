"""The tables of single sources as one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sightline.apps.batch.job import PARTS
from sightline.apps.batch.store import Place
from sightline.untrusted import parse_json

COLUMNS = ("source", "source_sha256", "complete")
"""What each row says of its source, beside the columns of its frame."""


def merge(place: Place, name: str) -> int:
    """Write all tables in `parts` of a place into one, a source after the other; how many there are.

    Each row gets the source, the checksum of its content, and whether all of the source is there. Memory does not grow
    with their number.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sightline.results.frames_table import schema

    known = [pa.field("source", pa.string()), pa.field("source_sha256", pa.string()), pa.field("complete", pa.bool_())]
    whole = pa.schema([*known, *schema()])
    markers = [file for file in place.names(PARTS) if file.endswith(".json")]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "all.parquet"
        with pq.ParquetWriter(path, whole, compression="zstd") as writer:
            for marker in markers:
                said = _summary(place.read(f"{PARTS}/{marker}"))
                if said is None:
                    continue
                with place.open(f"{PARTS}/{marker.removesuffix('.json')}.parquet") as file:
                    part = pq.ParquetFile(file)
                    for group in range(part.num_row_groups):
                        rows = part.read_row_group(group)
                        values = [
                            pa.array([said[key]] * len(rows), field.type)
                            for key, field in zip(COLUMNS, known, strict=True)
                        ]
                        writer.write_table(pa.table([*values, *rows.columns], schema=whole))
        place.write(name, path)
    return len(markers)


def _summary(text: bytes | None) -> dict[str, Any] | None:
    try:
        said = parse_json(text or b"")
    except ValueError:
        return None
    return said if isinstance(said, dict) and set(COLUMNS) <= said.keys() else None
