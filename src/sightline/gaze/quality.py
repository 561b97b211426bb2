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
from sightline.gaze.quality_table import ACCURACY_DEG, DRIFT_PPM, LOST, NOISE_DEG
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
    agreement, kappa: of our fixations with the tracker's, sample by sample. problems: what is bad (lost samples, noise,
    validation, drift), in words; warnings: the problems first, then what is worth a look.
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
    problems: tuple[str, ...]
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
        accuracy_deg=_accuracy(recording, aligned.eye),
        events=aligned.method,
        agreement=aligned.agreement.share if aligned.agreement else None,
        kappa=aligned.agreement.kappa if aligned.agreement else None,
        drift_ppm=clock.drift_ppm,
        problems=(),
        warnings=(),
    )
    problems = _problems(measures)
    notes = _notes(measures, recording, assumed_start=clock.method == FIRST_SAMPLE)
    return replace(measures, problems=problems, warnings=(*problems, *notes, *aligned.viewing.notes))


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


def _accuracy(recording: Recording, eye: str) -> float | None:
    """The error of the eye's last validation; of both eyes together the worse one."""
    known = recording.declared.accuracy_deg
    if eye in ("mean", "both") and eye not in known:
        return max(known.values(), default=None)
    return known.get(eye)


def _count(recording: Recording, eye: str, kind: str) -> int | None:
    if recording.events is None:
        return None
    return of_eye(recording.events, eye).filter(pl.col("kind") == kind).height


def _problems(q: Quality) -> tuple[str, ...]:
    """What is bad, in words; the limits are those of quality_table.py."""
    words = []
    if q.lost_share is not None and q.lost_share > LOST:
        words.append(f"{q.lost_share:.0%} of the samples are lost")
    if q.precision_rms_deg is not None and q.precision_rms_deg > NOISE_DEG:
        words.append(f"noisy: RMS-S2S {q.precision_rms_deg:.2f} degrees")
    if q.accuracy_deg is not None and q.accuracy_deg > ACCURACY_DEG:
        words.append(f"the validation was off by {q.accuracy_deg:.1f} degrees")
    if q.drift_ppm is not None and abs(q.drift_ppm) > DRIFT_PPM:
        words.append(f"the clocks drift by {q.drift_ppm / 1000:.1f} ms a second")
    return tuple(words)


def _notes(q: Quality, recording: Recording, *, assumed_start: bool) -> list[str]:
    """What else a look at the recording should take in, the weightier first."""
    words = []
    elsewhere = 1 - q.fixations_on_stimulus / q.fixations if q.fixations else 0.0
    if elsewhere > 0.25:
        words.append(f"{elsewhere:.0%} of the fixations lie beside the stimulus or outside of its time")
    if q.off_screen_share is not None and q.off_screen_share > 0.1:
        words.append(f"{q.off_screen_share:.0%} of the gaze lies beside the screen")
    if q.rate_hz and q.declared_rate_hz and abs(q.rate_hz / q.declared_rate_hz - 1) > 0.02:
        words.append(f"{q.rate_hz:.0f} Hz measured, {q.declared_rate_hz:.0f} Hz declared")
    if q.longest_pause_s > BRIDGE_S:
        words.append(f"the longest of its pauses ({q.pauses}) is {q.longest_pause_s:.2f} s")
    words += recording.notes
    if assumed_start:
        words.append("the file does not say when the stimulus began: the first sample is taken (or give `offset_s`)")
    return words


def of_viewer(subject: str, trials: Sequence[tuple[str, Quality]]) -> Quality:
    """The quality of a viewer over several trials, (name, measures) each.

    Counts and durations are added; shares, rates and precisions are means weighted by the trials' samples, medians of
    fixations by their fixations, validation and drift the worst. A problem of a trial is one of the viewer where the
    viewer's own value is bad; else it stands among the warnings with the trials that have it.
    """
    found = [q for _, q in trials]
    first = found[0]
    samples = [q.samples for q in found]
    fixations = [q.fixations for q in found]
    measures = replace(
        first,
        subject=subject,
        file=", ".join(dict.fromkeys(Path(q.file).name for q in found)),
        eye=", ".join(dict.fromkeys(q.eye for q in found)),
        samples=sum(samples),
        duration_s=sum(q.duration_s for q in found),
        rate_hz=_mean([q.rate_hz for q in found], samples),
        jitter_ms=_mean([q.jitter_ms for q in found], samples),
        pauses=sum(q.pauses for q in found),
        longest_pause_s=max(q.longest_pause_s for q in found),
        lost_share=_mean([q.lost_share for q in found], samples),
        off_screen_share=_mean([q.off_screen_share for q in found], samples),
        precision_rms_deg=_mean([q.precision_rms_deg for q in found], samples),
        precision_sd_deg=_mean([q.precision_sd_deg for q in found], samples),
        precision_rms_px=_mean([q.precision_rms_px for q in found], samples),
        precision_sd_px=_mean([q.precision_sd_px for q in found], samples),
        fixations=sum(fixations),
        fixations_on_stimulus=sum(q.fixations_on_stimulus for q in found),
        fixation_median_s=_mean([q.fixation_median_s for q in found], fixations),
        fixation_mean_s=_mean([q.fixation_mean_s for q in found], fixations),
        saccades=_sum([q.saccades for q in found]),
        blinks=_sum([q.blinks for q in found]),
        disparity_px=_mean([q.disparity_px for q in found], samples),
        disparity_deg=_mean([q.disparity_deg for q in found], samples),
        accuracy_deg=max((q.accuracy_deg for q in found if q.accuracy_deg is not None), default=None),
        events=", ".join(dict.fromkeys(q.events for q in found)),
        agreement=_mean([q.agreement for q in found], samples),
        kappa=_mean([q.kappa for q in found], samples),
        drift_ppm=max((q.drift_ppm for q in found if q.drift_ppm is not None), key=abs, default=None),
        problems=(),
        warnings=(),
    )
    problems = _problems(measures)
    said: dict[str, list[str]] = {}
    for bad in (True, False):
        for name, q in trials:
            for words in q.warnings:
                if (words in q.problems) == bad:
                    said.setdefault(words, []).append(name)
    rest = [f"{words} ({_of_trials(names, len(trials))})" for words, names in said.items() if words not in problems]
    return replace(measures, problems=problems, warnings=(*problems, *rest))


def _of_trials(names: Sequence[str], total: int) -> str:
    if len(names) == total:
        return "in every trial"
    return ", ".join(names) if len(names) < 4 else f"{len(names)} of {total} trials"


def _mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """The weighted mean of what is known; None where nothing is."""
    known = [(value, max(weight, 1)) for value, weight in zip(values, weights, strict=True) if value is not None]
    return sum(v * w for v, w in known) / sum(w for _, w in known) if known else None


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def write_tables(folder: Path, measures: Sequence[Quality]) -> None:
    """Write quality.json (a list) and quality.csv (a row for each recording)."""
    rows = [asdict(q) for q in measures]
    (folder / "quality.json").write_text(json.dumps(rows, indent=2) + "\n")
    table = pl.DataFrame(
        [{**row, **{key: "; ".join(row[key]) for key in ("problems", "warnings")}} for row in rows],
        infer_schema_length=None,
    )
    table.write_csv(folder / "quality.csv", float_precision=6)
