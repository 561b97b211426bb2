"""The folder of an import, written a recording at a time."""

from __future__ import annotations

import gc
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sightline._version import __version__
from sightline.errors import DataError, SightlineError
from sightline.files import short_name
from sightline.gaze import quality, quality_page
from sightline.gaze.align import Aligned, AlignOptions
from sightline.gaze.events import of_eye
from sightline.gaze.geometry import FloatArray
from sightline.gaze.stimulus import Stimulus
from sightline.gaze.tables import write_fixations
from sightline.gaze.viewing import Viewing

PROVENANCE = "provenance.json"
EVENTS = "events.csv"
EVENTS_SCHEMA = {
    "subject": pl.String,
    "kind": pl.String,
    "onset_s": pl.Float64,
    "duration_s": pl.Float64,
    "x_px": pl.Float64,
    "y_px": pl.Float64,
}


class Writer:
    """Writes the folder of one stimulus, a recording at a time.

    Parameters
    ----------
    folder : Path
        Where to write; it is made.
    stimulus : Stimulus
        What was watched.
    every_figure : bool
        Whether the report has a figure of each recording, or of those with problems alone.

    Attributes
    ----------
    measures : list of Quality
        Of the recordings so far.
    failed : dict of str to SightlineError
        Files that could not be imported, and why.
    """

    def __init__(self, folder: Path, stimulus: Stimulus, *, every_figure: bool = True) -> None:
        self.folder, self.stimulus, self.every_figure = folder, stimulus, every_figure
        self.measures: list[quality.Quality] = []
        self._tables: list[pl.DataFrame] = []
        self._entries: list[dict[str, Any]] = []
        self._events: list[pl.DataFrame] = []
        self._figures: list[str] = []
        self.failed: dict[str, SightlineError] = {}
        self._places: list[Viewing] = []
        self._fixated: list[tuple[str, FloatArray]] = []
        self._picture = stimulus.picture()
        (folder / "samples").mkdir(parents=True)

    def add(self, aligned: Aligned) -> quality.Quality:
        """Take in a recording. DataError where another subject's samples have the file that this one's need."""
        samples = self.folder / "samples" / f"{file_name(aligned.recording.subject)}.parquet"
        if samples.exists():
            raise DataError(
                f"{aligned.recording.path}: the samples of subject {aligned.recording.subject!r} and of another one "
                f"would both be samples/{samples.name}; rename one of them"
            )
        measured = quality.measure(aligned)
        self._tables.append(aligned.fixations)
        self._entries.append(_provenance_of(aligned))
        self._events.append(_events_of(aligned))
        self.measures.append(measured)
        self._places.append(aligned.viewing)
        self._fixated.append((aligned.recording.subject, aligned.found.select("x", "y").to_numpy()))
        drawn = self.every_figure or measured.problems
        self._figures.append(quality_page.figure(aligned, self._picture) if drawn else "")
        if len(self._figures) % 16 == 0:
            gc.collect()  # a figure refers to itself, and a hundred of them would pile up before Python looks
        _write_samples(samples, aligned, self.stimulus)
        return measured

    def finish(self, options: AlignOptions) -> None:
        """Write what is of all recordings together."""
        write_fixations(self.folder, pl.concat(self._tables))
        events = pl.concat(self._events).sort("subject", "onset_s")
        events.write_csv(self.folder / EVENTS, float_precision=6)
        _write_frames(self.folder / "frames.csv", self.stimulus)
        quality.write_tables(self.folder, self.measures)
        title = f"Gaze on {self.stimulus.path.name}"
        several = len(self._fixated) > 1
        together = quality_page.overview(self._places[0], self._fixated, self._picture) if several else ""
        quality_page.write_page(self.folder / "quality.html", title, self.measures, self._figures, together=together)
        said = _provenance(self.stimulus, options, self._entries)
        said["failed"] = {path: str(error) for path, error in self.failed.items()}
        (self.folder / PROVENANCE).write_text(json.dumps(said, indent=2) + "\n")


def file_name(subject: str) -> str:
    """A subject's name as a file name: of one that no file system would take, the beginning and a checksum.

    Examples
    --------
    >>> file_name("S 01"), len(file_name("a" * 400)), file_name("a" * 400) == file_name("a" * 401)
    ('S_01', 120, False)
    """
    return short_name(re.sub(r"[^\w.\-]+", "_", subject) or "subject", subject)


def _write_samples(path: Path, aligned: Aligned, stimulus: Stimulus) -> None:
    shown = (aligned.time_s >= 0) & (aligned.time_s < stimulus.end_s)
    xy = aligned.xy[shown]
    table = pl.DataFrame({"time_s": aligned.time_s[shown], "x_px": xy[:, 0], "y_px": xy[:, 1]})
    table.with_columns(pl.col("x_px", "y_px").fill_nan(None).cast(pl.Float32)).write_parquet(path)


def _events_of(aligned: Aligned) -> pl.DataFrame:
    """All fixations that were found, and the tracker's saccades and blinks of the eye, in EVENTS_SCHEMA."""
    recording, found = aligned.recording, aligned.found
    xy = aligned.viewing.placement.to_stimulus(found.select("x", "y").to_numpy())
    spans = [("fixation", found["onset_s"].to_numpy(), found["duration_s"].to_numpy(), xy)]
    if recording.events is not None:
        own = of_eye(recording.events, aligned.eye)
        for kind in ("saccade", "blink"):
            each = own.filter(pl.col("kind") == kind)
            nowhere = np.full((len(each), 2), np.nan)
            spans.append((kind, each["onset_s"].to_numpy(), each["duration_s"].to_numpy(), nowhere))
    tables = []
    for kind, onset, duration, at in spans:
        begin, end = aligned.clock(onset), aligned.clock(onset + duration)
        columns = [recording.subject] * len(begin), [kind] * len(begin), begin, end - begin, at[:, 0], at[:, 1]
        tables.append(pl.DataFrame(dict(zip(EVENTS_SCHEMA, columns, strict=True)), EVENTS_SCHEMA))
    return pl.concat(tables).with_columns(pl.col("x_px", "y_px").fill_nan(None))


def _write_frames(path: Path, stimulus: Stimulus) -> None:
    times = pl.DataFrame({"time_s": stimulus.frame_times_s}).with_row_index("frame")
    times.write_csv(path, float_precision=6)


def _provenance_of(aligned: Aligned) -> dict[str, Any]:
    recording, viewing, clock = aligned.recording, aligned.viewing, aligned.clock
    return {
        "subject": recording.subject,
        "file": str(recording.path.resolve()),
        "sha256": sha256(recording.path),
        "format": recording.format,
        "trial": recording.trial,
        "eye": aligned.eye,
        "samples": len(recording.time_s),
        "rate_hz": round(1 / recording.interval_s, 3) if len(recording.time_s) else None,
        "screen": asdict(viewing.screen),
        "placement": {**asdict(viewing.placement), "bars": viewing.placement.bars},
        "stimulus_px_per_degree": viewing.stimulus_px_per_degree,
        "clock": {"method": clock.method, "drift_ppm": clock.drift_ppm, "jitter_ms": clock.jitter_ms},
        "events": aligned.method,
        "fixations_found": len(aligned.found),
        "fixations_on_stimulus": len(aligned.fixations),
        "agreement_with_tracker": asdict(aligned.agreement) if aligned.agreement else None,
        "notes": list(recording.notes),
    }


def _provenance(stimulus: Stimulus, options: AlignOptions, entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sightline": __version__,
        "stimulus": {
            "path": str(stimulus.path.resolve()),
            "sha256": sha256(stimulus.path) if stimulus.path.is_file() else None,
            "size": list(stimulus.size),
            "pixel_aspect": stimulus.pixel_aspect,
            "frames": len(stimulus.frame_times_s),
            "end_s": None if stimulus.is_image else stimulus.end_s,
        },
        "options": asdict(options),
        "recordings": list(entries),
    }


def sha256(path: Path) -> str:
    """The checksum of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
