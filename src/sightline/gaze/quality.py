"""How good a recording is: losses, precision, rate, events. The terms are those of Holmqvist et al. (2012)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from sightline.fixations import inside
from sightline.gaze.align import Aligned
from sightline.gaze.clock import FIRST_SAMPLE
from sightline.gaze.events import BRIDGE_S, of_eye
from sightline.gaze.geometry import FloatArray
from sightline.gaze.recording import PAUSE, Recording, sampling_interval


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of one recording; None where the file does not allow them.

    duration_s: from the first sample to the end of the last. rate_hz: by the mean interval. jitter_ms: the intervals'
    standard deviation without pauses; pauses: how many, and longest_pause_s. lost_share: of the samples due
    at that rate, those without a valid position, blinks included. off_screen_share: of the valid samples, those beside
    the screen (the scene camera's picture). precision_rms, precision_sd: the median over fixations of the root mean
    square of steps between samples (RMS-S2S) and of the standard deviation around the centroid, in degrees and screen
    pixels. fixations: all that were found, with their median and mean duration. saccades, blinks: by the tracker.
    disparity: the median distance between the two eyes' points. accuracy_deg: by the tracker's last validation.
    agreement, kappa: of our fixations with the tracker's, sample by sample. warnings: what to look at, in words.
    """

    subject: str
    file: str
    format: str
    eye: str
    samples: int
    duration_s: float
    rate_hz: float | None
    declared_rate_hz: float | None
    jitter_ms: float | None
    pauses: int
    longest_pause_s: float
    lost_share: float | None
    off_screen_share: float | None
    precision_rms_deg: float | None
    precision_sd_deg: float | None
    precision_rms_px: float | None
    precision_sd_px: float | None
    fixations: int
    fixations_on_stimulus: int
    fixation_median_s: float | None
    fixation_mean_s: float | None
    saccades: int | None
    blinks: int | None
    disparity_px: float | None
    disparity_deg: float | None
    accuracy_deg: float | None
    events: str
    agreement: float | None
    kappa: float | None
    drift_ppm: float | None
    warnings: tuple[str, ...]


def measure(aligned: Aligned) -> Quality:
    """The quality of a recording on its stimulus."""
    recording, clock = aligned.recording, aligned.clock
    valid = ~np.isnan(aligned.screen_xy[:, 0] + aligned.screen_xy[:, 1])
    intervals = np.diff(recording.time_s)
    step = sampling_interval(recording.time_s) or None
    steady = intervals[intervals <= PAUSE * step] if step else intervals
    due = max(len(valid), round((recording.time_s[-1] - recording.time_s[0]) / step) + 1) if step else len(valid)
    on_screen = inside(aligned.screen_xy[valid], aligned.viewing.screen.size_px)
    rms_px, sd_px = precision(recording.time_s, aligned.screen_xy, aligned.found)
    rms_deg, sd_deg = (
        precision(recording.time_s, aligned.degrees, aligned.found) if aligned.degrees is not None else (None, None)
    )
    durations = aligned.found["duration_s"].to_numpy()
    disparity_px, disparity_deg = _disparity(aligned)
    measures = Quality(
        subject=recording.subject,
        file=str(recording.path),
        format=recording.format,
        eye=aligned.eye,
        samples=len(valid),
        duration_s=float(recording.time_s[-1] - recording.time_s[0] + step) if step else 0.0,
        rate_hz=1 / step if step else None,
        declared_rate_hz=recording.declared.rate_hz,
        jitter_ms=float(1000 * steady.std()) if len(steady) else None,
        pauses=len(intervals) - len(steady),
        longest_pause_s=float(intervals.max()) if len(intervals) > len(steady) else 0.0,
        lost_share=1 - float(valid.sum()) / due if due else None,
        off_screen_share=1 - float(on_screen.mean()) if valid.any() else None,
        precision_rms_deg=rms_deg,
        precision_sd_deg=sd_deg,
        precision_rms_px=rms_px,
        precision_sd_px=sd_px,
        fixations=len(durations),
        fixations_on_stimulus=len(aligned.fixations),
        fixation_median_s=float(np.median(durations)) if len(durations) else None,
        fixation_mean_s=float(durations.mean()) if len(durations) else None,
        saccades=_count(recording, aligned.eye, "saccade"),
        blinks=_count(recording, aligned.eye, "blink"),
        disparity_px=disparity_px,
        disparity_deg=disparity_deg,
        accuracy_deg=recording.declared.accuracy_deg.get(aligned.eye),
        events=aligned.method,
        agreement=aligned.agreement.share if aligned.agreement else None,
        kappa=aligned.agreement.kappa if aligned.agreement else None,
        drift_ppm=clock.drift_ppm,
        warnings=(),
    )
    return replace(
        measures,
        warnings=_warnings(measures, recording, aligned.viewing.notes, assumed_start=clock.method == FIRST_SAMPLE),
    )


def precision(time_s: FloatArray, xy: FloatArray, fixations: pl.DataFrame) -> tuple[float | None, float | None]:
    """Median over fixations of RMS-S2S and of the standard deviation (n - 1, both axes), in the unit of `xy`.

    time_s: (N,), xy: (N, 2) with NaN where lost; fixations in events.FIXATION_SCHEMA. None without two valid samples.
    """
    steps, spreads = [], []
    first = np.searchsorted(time_s, fixations["onset_s"].to_numpy() - 5e-7)
    last = np.searchsorted(time_s, (fixations["onset_s"] + fixations["duration_s"]).to_numpy() - 5e-7)
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        squares = (np.diff(xy[a:b], axis=0) ** 2).sum(axis=1)
        squares = squares[~np.isnan(squares)]
        if len(squares):
            steps.append(np.sqrt(squares.mean()))
            spreads.append(np.sqrt(np.nanvar(xy[a:b], axis=0, ddof=1).sum()))
    return (float(np.median(steps)), float(np.median(spreads))) if steps else (None, None)


def _disparity(aligned: Aligned) -> tuple[float | None, float | None]:
    eyes = aligned.recording.eyes
    if not {"left", "right"} <= set(eyes):
        return None, None
    left, right = (aligned.viewing.screen_xy(aligned.recording, eyes[eye]) for eye in ("left", "right"))
    apart = np.hypot(*(left - right).T)
    if np.isnan(apart).all():
        return None, None
    degrees = [aligned.viewing.degrees(eye) for eye in (left, right)]
    angle = float(np.nanmedian(np.hypot(*(degrees[0] - degrees[1]).T))) if degrees[0] is not None else None  # type: ignore[operator]
    return float(np.nanmedian(apart)), angle


def _count(recording: Recording, eye: str, kind: str) -> int | None:
    if recording.events is None:
        return None
    return of_eye(recording.events, eye).filter(pl.col("kind") == kind).height


def _warnings(q: Quality, recording: Recording, notes: Sequence[str] = (), *, assumed_start: bool) -> tuple[str, ...]:
    """Put into words what a look at the recording should start with."""
    words = [*recording.notes, *notes]
    if assumed_start:
        words.append("the file does not say when the stimulus began: the first sample is taken (or give `offset_s`)")
    elsewhere = 1 - q.fixations_on_stimulus / q.fixations if q.fixations else 0.0
    if elsewhere > 0.25:
        words.append(f"{elsewhere:.0%} of the fixations lie beside the stimulus or outside of its time")
    if q.lost_share is not None and q.lost_share > 0.2:
        words.append(f"{q.lost_share:.0%} of the samples are lost")
    if q.off_screen_share is not None and q.off_screen_share > 0.1:
        words.append(f"{q.off_screen_share:.0%} of the gaze lies beside the screen")
    if q.rate_hz and q.declared_rate_hz and abs(q.rate_hz / q.declared_rate_hz - 1) > 0.02:
        words.append(f"{q.rate_hz:.0f} Hz measured, {q.declared_rate_hz:.0f} Hz declared")
    if q.longest_pause_s > BRIDGE_S:
        words.append(f"the longest of its pauses ({q.pauses}) is {q.longest_pause_s:.2f} s")
    if q.precision_rms_deg is not None and q.precision_rms_deg > 0.5:
        words.append(f"noisy: RMS-S2S {q.precision_rms_deg:.2f} degrees")
    if q.accuracy_deg is not None and q.accuracy_deg > 1:
        words.append(f"the validation was off by {q.accuracy_deg:.1f} degrees")
    if q.drift_ppm is not None and abs(q.drift_ppm) > 1000:
        words.append(f"the clocks drift by {q.drift_ppm / 1000:.1f} ms a second")
    return tuple(words)


def write_tables(folder: Path, measures: Sequence[Quality]) -> None:
    """Write quality.json (a list) and quality.csv (a row for each recording)."""
    rows = [asdict(q) for q in measures]
    (folder / "quality.json").write_text(json.dumps(rows, indent=2) + "\n")
    table = pl.DataFrame([{**row, "warnings": "; ".join(row["warnings"])} for row in rows], infer_schema_length=None)
    table.write_csv(folder / "quality.csv", float_precision=6)
