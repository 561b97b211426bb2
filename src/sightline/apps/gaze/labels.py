"""An import as weak labels: frames of the video and the fixations on them, in the layout that training reads.

That is `sightline.data.image_fixations`: images/*.jpg, images.csv and fixations.csv, in pixels of the video.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from sightline.errors import DataError, UsageError
from sightline.files import WholeFolder
from sightline.fixations import frames_of
from sightline.gaze.importing import ImportFolder
from sightline.gaze.stimulus import Stimulus
from sightline.progress import track

MARKER = "labels.json"


def write_labels(
    folder: str | Path, out: str | Path, *, every_s: float = 0.5, stimulus: str | Path | None = None
) -> Path:
    """Save a frame every `every_s` seconds with the fixations that were going on, and return `out`.

    `order` counts a viewer's fixations from the start of the video, so that the first one, which was there before, is
    left out as it is with photographs. Frames that nobody fixated are not saved. stimulus: the file, where it was
    moved. Raises SightlineError; an earlier set in `out` is replaced when the new one is whole.
    """
    from sightline.video import open_source

    if not every_s > 0:
        raise UsageError(f"`every_s` {every_s:g}: a positive number of seconds is expected")
    imported = ImportFolder.open(folder)
    watched = imported.stimulus(stimulus)
    wanted = np.unique(watched.frame_at(np.arange(0, watched.frame_times_s[-1] + 1e-9, every_s)))
    table = _on_frames(imported.fixations(), watched, wanted)
    if table.is_empty():
        raise DataError(f"{folder}: no frame every {every_s:g} s has a fixation; give a smaller `every_s`")
    kept = set(table["frame"].to_list())
    height, width = watched.size
    degree = imported.px_per_degree
    target, stem = Path(out), watched.path.stem
    with WholeFolder(target, MARKER).require_ours() as made, open_source(watched.path) as source:
        (made / "images").mkdir()
        for frame in track(source, "Frames", len(watched.frame_times_s)):
            if frame.index in kept:
                Image.fromarray(frame.image).save(made / "images" / _name(stem, frame.index), quality=95)
        images = pl.DataFrame({"image": [_name(stem, index) for index in sorted(kept)]}).with_columns(
            original_width_px=width, original_height_px=height, width_px=width, height_px=height
        )
        if degree is not None:
            images = images.with_columns(px_per_degree=float(np.sqrt(degree[0] * degree[1])))
        images.write_csv(made / "images.csv", float_precision=4)
        names = table["frame"].map_elements(lambda index: _name(stem, index), return_dtype=pl.String)
        table.select(
            names.alias("image"), "subject", "order", "x_px", "y_px", duration_ms=pl.col("duration_s") * 1000
        ).write_csv(made / "fixations.csv", float_precision=3)
        about = {"import": str(Path(folder).resolve()), "stimulus": str(watched.path), "every_s": every_s}
        (made / MARKER).write_text(json.dumps(about, indent=2) + "\n")
    return target


def _on_frames(fixations: pl.DataFrame, watched: Stimulus, wanted: NDArray[np.int64]) -> pl.DataFrame:
    """A row for each wanted frame and fixation going on in it, with the fixation's `order` for its viewer."""
    table = fixations.sort("subject", "onset_s")
    table = table.with_columns(order=pl.int_range(1, pl.len() + 1).over("subject"))
    first, last = frames_of(
        table["onset_s"].to_numpy(), table["duration_s"].to_numpy(), watched.frame_times_s, watched.end_s
    )
    rows = [np.flatnonzero((first <= frame) & (frame < last)) for frame in wanted.tolist()]
    index = np.concatenate(rows)
    frames = np.repeat(wanted, [len(each) for each in rows])
    return table[index].with_columns(pl.Series("frame", frames.astype(np.int32)))


def _name(stem: str, index: int) -> str:
    return f"{stem}_{index:05d}.jpg"
