"""The files of single frames: maps, masks and the table of hotspots."""

from __future__ import annotations

import csv
from pathlib import Path

from sightline.results.frame import Frame
from sightline.results.png import write_mask, write_saliency

HOTSPOT_COLUMNS = ("frame", "time_s", "x_px", "y_px", "score")


class FrameFiles:
    """Writes saliency/<name>.png, masks/<name>.png and hotspots.csv into `folder`, those of them in `outputs`.

    A frame without a hotspot (the target is lost) has a row with no position and the score 0.
    """

    def __init__(self, folder: Path, outputs: frozenset[str]) -> None:
        self._saliency = folder / "saliency" if "saliency" in outputs else None
        self._masks = folder / "masks" if "masks" in outputs else None
        for made in (self._saliency, self._masks):
            if made is not None:
                made.mkdir()
        self._table = (folder / "hotspots.csv").open("w", newline="") if "hotspots" in outputs else None
        if self._table is not None:
            self._rows = csv.writer(self._table, lineterminator="\n")
            self._rows.writerow(HOTSPOT_COLUMNS)

    def write_maps(self, name: str, frame: Frame) -> None:
        """Write one frame's images; several threads may do so at once."""
        if self._saliency is not None:
            write_saliency(self._saliency / f"{name}.png", frame.saliency)
        if self._masks is not None and frame.mask is not None:
            write_mask(self._masks / f"{name}.png", frame.mask)

    def write_row(self, name: str, frame: Frame) -> None:
        """Add one frame to the table."""
        if self._table is not None:
            spot = frame.hotspot
            where = ("", "", 0) if spot is None else (f"{spot.x_px:.2f}", f"{spot.y_px:.2f}", f"{spot.score:.4f}")
            self._rows.writerow((name, f"{frame.time_s:.6f}", *where))

    def close(self) -> None:
        """Finish the table."""
        if self._table is not None:
            self._table.close()
