"""From gaze samples to fixations: the tracker's own, or I-VT and I-DT by pymovements, with thresholds in degrees."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.gaze.recording import FloatArray, Recording, mean_of_eyes

Method = Literal["auto", "tracker", "ivt", "idt"]
METHODS = ("auto", "tracker", "ivt", "idt")
BRIDGE_S = 0.075  # shorter losses are noise of the tracker and are bridged; blinks are longer
SMOOTH_S = 0.020  # window of the velocity's Savitzky-Golay filter

FIXATION_SCHEMA = {"onset_s": pl.Float64, "duration_s": pl.Float64, "x": pl.Float64, "y": pl.Float64}


@dataclass(frozen=True, slots=True)
class EventOptions:
    """How fixations are found.

    Attributes
    ----------
    method : {"auto", "tracker", "ivt", "idt"}
        "tracker" takes the file's own; "auto" does so where there are any, and else uses I-VT.
    velocity_deg_s : float
        The threshold of I-VT, in degrees a second.
    dispersion_deg : float
        The threshold of I-DT, in degrees.
    min_duration_s : float
        Shorter fixations are dropped, the tracker's own too; seconds.

    Raises
    ------
    UsageError
        For an unknown method, or a threshold that is not positive.

    Source
    ------
    Salvucci and Goldberg, Identifying fixations and saccades in eye-tracking protocols, ETRA 2000.

    Examples
    --------
    >>> EventOptions("idt", dispersion_deg=0.8).min_duration_s
    0.06
    """

    method: Method = "auto"
    velocity_deg_s: float = 35.0
    dispersion_deg: float = 1.0
    min_duration_s: float = 0.060

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"`events` {self.method!r}: choose one of {', '.join(METHODS)}")
        for option, value in (("velocity_deg_s", self.velocity_deg_s), ("dispersion_deg", self.dispersion_deg)):
            if not 0 < value < math.inf:
                raise UsageError(f"`{option}` {value:g}: a positive threshold is expected")
        if not 0 <= self.min_duration_s < math.inf:
            raise UsageError(f"`min_duration_s` is {1000 * self.min_duration_s:g} ms: 0 or more is expected")


def without_blinks(recording: Recording, eye: str, xy: FloatArray) -> FloatArray:
    """The (N, 2) positions with the samples of the tracker's blinks lost (NaN); of a mean, each eye's own."""
    if recording.events is None:
        return xy
    if eye == "mean":
        return mean_of_eyes(*(without_blinks(recording, side, recording.eyes[side]) for side in ("left", "right")))
    blinks = of_eye(recording.events, eye).filter(pl.col("kind") == "blink")
    return np.where(covered(recording.time_s, blinks)[:, None], np.nan, xy)


def of_eye(events: pl.DataFrame, eye: str) -> pl.DataFrame:
    """The events of an eye; those that name no eye belong to every one.

    Both eyes together and their mean have the events that were found for both; where there are none, those of the
    eye with more fixations, without that eye's own positions.
    """
    of_all = pl.col("eye").is_null()
    own = events.filter(of_all | (pl.col("eye") == eye))
    if eye not in ("mean", "both") or not own.is_empty():
        return own
    for other in ("both", _richer(events)):
        found = events.filter(pl.col("eye") == other)
        if not found.is_empty():
            unplaced = pl.lit(None, dtype=pl.Float64)
            return found.with_columns(unplaced.alias("x"), unplaced.alias("y"))
    return own


def _richer(events: pl.DataFrame) -> str:
    fixations = events.filter(pl.col("kind") == "fixation")["eye"]
    return max(("left", "right"), key=lambda side: int((fixations == side).sum()))


def covered(time_s: FloatArray, events: pl.DataFrame) -> NDArray[np.bool_]:
    """Which of (N,) times lie in any of the events [onset_s, onset_s + duration_s)."""
    onset = events["onset_s"].to_numpy()
    # Half a microsecond less: an event ends where the next sample begins, and rounding must not let it in.
    first = np.searchsorted(time_s, onset - 5e-7)
    last = np.searchsorted(time_s, onset + events["duration_s"].to_numpy() - 5e-7)
    steps = np.zeros(len(time_s) + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    inside: NDArray[np.bool_] = np.cumsum(steps[:-1]) > 0
    return inside


def tracker_fixations(recording: Recording, eye: str, xy: FloatArray) -> pl.DataFrame | None:
    """The tracker's own fixations in FIXATION_SCHEMA, in the unit of the samples; None where the file has none.

    Where the file gives no position, it is the mean of the valid samples; a fixation without any is dropped.
    """
    if recording.events is None:
        return None
    own = of_eye(recording.events, eye).filter(pl.col("kind") == "fixation")
    if own.is_empty():
        return None
    onset, duration = own["onset_s"].to_numpy(), own["duration_s"].to_numpy()
    first = np.searchsorted(recording.time_s, onset - 5e-7)
    last = np.searchsorted(recording.time_s, onset + duration - 5e-7)
    mean = _means(xy, first, last)
    given = own.select("x", "y").cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return _table(onset, duration, np.where(np.isnan(given), mean, given))


def detect(
    time_s: FloatArray, xy: FloatArray, xy_deg: FloatArray, interval_s: float, options: EventOptions
) -> pl.DataFrame:
    """Fixations in FIXATION_SCHEMA by I-VT or I-DT (Salvucci & Goldberg 2000), as pymovements implements them.

    time_s: (N,) seconds. xy: (N, 2) in any unit, averaged over each fixation. xy_deg: (N, 2) degrees. Lost samples
    are NaN; losses and pauses up to BRIDGE_S are bridged, longer ones end a fixation.
    """
    if len(time_s) < 6:
        return _table(np.empty(0), np.empty(0), np.empty((0, 2)))
    degrees = _bridge(time_s, xy_deg)
    spans = _ivt(degrees, interval_s, options) if options.method != "idt" else _idt(degrees, interval_s, options)
    first, last = _split_at_pauses(spans, time_s)
    duration = time_s[last - 1] - time_s[first] + interval_s
    keep = duration >= options.min_duration_s - 1e-9
    first, last, duration = first[keep], last[keep], duration[keep]
    return _table(time_s[first], duration, _means(xy, first, last))


def _ivt(degrees: FloatArray, interval_s: float, options: EventOptions) -> NDArray[np.int64]:
    from pymovements.events import ivt
    from pymovements.transforms.numpy import pos2vel

    window = max(3, 2 * (round(SMOOTH_S / interval_s) // 2) + 1)
    # mode: the default fits a polynomial to either end, which a loss there would make fail.
    how = {"window_length": window, "polyorder": 2, "mode": "nearest"}
    velocity = pos2vel(degrees, 1 / interval_s, "savitzky_golay", **how)
    # Indices as time: the durations are checked against the real clock afterwards.
    found = ivt(
        velocity, timesteps=np.arange(len(degrees)), minimum_duration=0, velocity_threshold=options.velocity_deg_s
    )
    return _spans(found)


def _idt(degrees: FloatArray, interval_s: float, options: EventOptions) -> NDArray[np.int64]:
    from pymovements.events import idt

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")  # a window that is lost has no dispersion, as it should
        found = idt(
            degrees,
            timesteps=np.arange(len(degrees)),
            minimum_duration=max(2, round(options.min_duration_s / interval_s)),
            dispersion_threshold=options.dispersion_deg,
        )
    return _spans(found)


def _spans(found: Any) -> NDArray[np.int64]:
    """First and last (exclusive) sample of each event: (K, 2)."""
    first, last = found.frame["onset"].to_numpy(), found.frame["offset"].to_numpy()
    return np.column_stack([first, last + 1]).astype(np.int64)


def _bridge(time_s: FloatArray, xy: FloatArray) -> FloatArray:
    """Interpolate losses no longer than BRIDGE_S."""
    valid = ~np.isnan(xy[:, 0] + xy[:, 1])
    if valid.all() or not valid.any():
        return xy
    known = np.flatnonzero(valid)
    before = np.searchsorted(known, np.arange(len(xy)), side="right") - 1
    left, right = known[np.maximum(before, 0)], known[np.minimum(before + 1, len(known) - 1)]
    short = ~valid & (before >= 0) & (before + 1 < len(known)) & (time_s[right] - time_s[left] <= BRIDGE_S)
    filled = xy.copy()
    for axis in range(2):
        filled[short, axis] = np.interp(time_s[short], time_s[valid], xy[valid, axis])
    filled[~valid & ~short] = np.nan
    return filled


def _split_at_pauses(spans: NDArray[np.int64], time_s: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """No fixation goes on through a pause of the recording longer than BRIDGE_S."""
    pauses = np.flatnonzero(np.diff(time_s) > BRIDGE_S) + 1
    bounds = [np.array([a, *pauses[(pauses > a) & (pauses < b)], b]) for a, b in spans] if len(pauses) else list(spans)
    first = np.array([start for edge in bounds for start in edge[:-1]], dtype=np.int64)
    last = np.array([end for edge in bounds for end in edge[1:]], dtype=np.int64)
    return first, last


def _means(xy: FloatArray, first: NDArray[np.int64], last: NDArray[np.int64]) -> FloatArray:
    """Mean of the valid samples in each [first, last): (K, 2), NaN where there are none."""
    valid = ~np.isnan(xy[:, 0] + xy[:, 1])
    sums = np.vstack([np.zeros((1, 2)), np.cumsum(np.where(valid[:, None], xy, 0.0), axis=0)])
    counts = np.concatenate([[0], np.cumsum(valid)])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: FloatArray = (sums[last] - sums[first]) / (counts[last] - counts[first])[:, None]
    return mean


def _table(onset: FloatArray, duration: FloatArray, xy: FloatArray) -> pl.DataFrame:
    table = pl.DataFrame({"onset_s": onset, "duration_s": duration, "x": xy[:, 0], "y": xy[:, 1]}, FIXATION_SCHEMA)
    return table.filter(pl.col("x").is_not_nan() & pl.col("y").is_not_nan())


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two sets of fixations of one recording say the same of its samples.

    samples: how many samples were compared. share: those that both call fixation or both do not. kappa: Cohen's,
    agreement beyond chance (NaN if both are constant). tracker_count, count: the numbers of fixations.
    tracker_median_s, median_s: their median durations.
    """

    samples: int
    share: float
    kappa: float
    tracker_count: int
    count: int
    tracker_median_s: float
    median_s: float


def agreement(time_s: FloatArray, tracker: pl.DataFrame, ours: pl.DataFrame) -> Agreement:
    """Compare two tables of fixations sample by sample, each sample being fixation or not."""
    a, b = covered(time_s, tracker), covered(time_s, ours)
    share, p, q = float(np.mean(a == b)), float(np.mean(a)), float(np.mean(b))
    chance = p * q + (1 - p) * (1 - q)
    kappa = float((share - chance) / (1 - chance)) if chance < 1 else float("nan")
    return Agreement(
        len(time_s), share, kappa, len(tracker), len(ours), _median(tracker["duration_s"]), _median(ours["duration_s"])
    )


def _median(values: pl.Series) -> float:
    return float(np.median(values.to_numpy())) if len(values) else float("nan")
