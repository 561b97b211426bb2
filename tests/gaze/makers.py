"""Writes one known recording in each maker's export, from the columns that the makers document."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCREEN = (1080, 1920)  # (height, width)
SCREEN_CM = (29.8125, 53.0)
HEIGHT, WIDTH = SCREEN
DISTANCE_CM = 60.0
SPOTS = ((500.0, 300.0), (1200.0, 700.0), (900.0, 400.0), (300.0, 800.0))


@dataclass(frozen=True)
class Truth:
    """A recording that is known exactly.

    time_s from 0; xy (N, 2) screen pixels, NaN where lost; labels a sample; fixations: onset_s, duration_s, x, y.
    """

    rate_hz: int
    time_s: NDArray[np.float64]
    xy: NDArray[np.float64]
    labels: list[str]
    fixations: list[tuple[float, float, float, float]]
    messages: list[tuple[float, str]]

    @property
    def norm(self) -> NDArray[np.float64]:
        """Positions as fractions of the screen."""
        return self.xy / (WIDTH, HEIGHT)


def truth(rate_hz: int = 250, dwell_s: float = 0.4, move_s: float = 0.044, seed: int = 0) -> Truth:
    """Four fixations with saccades between, and a blink in the middle of the second saccade's flight."""
    rng = np.random.default_rng(seed)
    dwell, move = round(dwell_s * rate_hz), round(move_s * rate_hz)
    points: list[Any] = []
    labels: list[str] = []
    fixations: list[Any] = []
    for index, spot in enumerate(SPOTS):
        start = len(labels)
        points.append(np.tile(spot, (dwell, 1)) + rng.normal(0, 0.4, (dwell, 2)))
        labels += ["fixation"] * dwell
        fixations.append((start / rate_hz, dwell / rate_hz, *points[-1].mean(axis=0)))
        if index + 1 < len(SPOTS):
            share = np.linspace(0, 1, move + 2)[1:-1, None]
            points.append(np.array(spot) * (1 - share) + np.array(SPOTS[index + 1]) * share)
            labels += ["saccade"] * move
    xy = np.concatenate(points).round(2)
    lost = slice(labels.index("saccade") + dwell + move, labels.index("saccade") + dwell + 2 * move)
    xy[lost] = np.nan
    labels[lost] = ["blink"] * move
    fixations = [(t, d, float(x), float(y)) for t, d, x, y in fixations]
    messages = [(0.0, "STIMULUS ON"), (0.2, "frame 5"), (0.4, "frame 10")]
    return Truth(rate_hz, np.arange(len(labels)) / rate_hz, xy, labels, fixations, messages)


def _rows(path: Path, rows: Iterable[Iterable[object]], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return path


def _cell(value: float, form: str = "{:.2f}", lost: str = "") -> str:
    return lost if np.isnan(value) else form.format(value)


def eyelink(folder: Path, t: Truth, *, eyes: str = "L", clock_ms: int = 1_000_000) -> Path:
    """ASC with samples, events and messages. eyes: L, R or LR; the right eye is 4 px to the right."""
    names = {"L": "LEFT", "R": "RIGHT"}
    which = "\t".join(names[eye] for eye in eyes)
    lines = [
        "** CONVERTED FROM s1.edf using edfapi 4.2.1 Linux",
        "** DATE: Wed Mar  8 09:25:20 2023",
        "** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED",
        "** VERSION: EYELINK II 1",
        "** EYELINK II CL v6.12 Feb  1 2018 (EyeLink Portable Duo)",
        "**",
        "",
        f"MSG\t{clock_ms - 900} DISPLAY_COORDS 0 0 {WIDTH - 1} {HEIGHT - 1}",
        f"MSG\t{clock_ms - 800} !CAL",
        f">>>>>>> CALIBRATION (HV9,P-CR) FOR {names[eyes[0]]}: <<<<<<<<<",
        *(
            f"MSG\t{clock_ms - 700} !CAL VALIDATION HV9 {eyes} {names[eye]}  GOOD ERROR 0.{27 + 5 * k} avg. 0.83 max  "
            "OFFSET 0.11 deg. 3.7,2.4 pix."
            for k, eye in enumerate(eyes)
        ),
        f"MSG\t{clock_ms - 600} TRIALID film",
        f"MSG\t{clock_ms - 2} RECCFG CR {t.rate_hz} 2 1 {eyes}",
        f"MSG\t{clock_ms - 2} GAZE_COORDS 0.00 0.00 {WIDTH - 1}.00 {HEIGHT - 1}.00",
        f"START\t{clock_ms} \t{which}\tSAMPLES\tEVENTS",
        "PRESCALER\t1",
        "PUPIL\tAREA",
        f"EVENTS\tGAZE\t{which}\tRATE\t{t.rate_hz:.2f}\tTRACKING\tCR\tFILTER\t2",
        f"SAMPLES\tGAZE\t{which}\tRATE\t{t.rate_hz:.2f}\tTRACKING\tCR\tFILTER\t2",
    ]
    step = 1000 / t.rate_hz
    stamp = [clock_ms + 1000 * time for time in t.time_s]
    shown = [f"{s:.1f}" if step < 1 else f"{s:.0f}" for s in stamp]
    said = iter([*t.messages, (np.inf, "")])
    message = next(said)
    for i, time in enumerate(t.time_s):
        while message[0] <= time:
            lines.append(f"MSG\t{clock_ms + 1000 * message[0]:.0f} {message[1]}")
            message = next(said)
        if i == 0 or t.labels[i] != t.labels[i - 1]:
            lines += [f"S{_EYELINK[t.labels[i]]} {eye}   {shown[i]}" for eye in eyes]
        values = [
            cell
            for eye in eyes
            for cell in (
                _cell(t.xy[i, 0] + 4 * (eye == "R"), "  {:.1f}", "   ."),
                _cell(t.xy[i, 1], "  {:.1f}", "   ."),
                "  778.0",
            )
        ]
        lines.append("\t".join([shown[i], *values, "." * (3 + 2 * (len(eyes) == 2))]))
        if i + 1 == len(t.labels) or t.labels[i + 1] != t.labels[i]:
            lines += [_eyelink_end(t, i, eye, clock_ms, step) for eye in eyes]
    lines.append(f"END\t{stamp[-1] + step:.0f} \tSAMPLES\tEVENTS\tRES\t  47.75\t  45.92")
    path = folder / "s1.asc"
    path.write_text("\n".join(lines) + "\n")
    return path


_EYELINK = {"fixation": "FIX", "saccade": "SACC", "blink": "BLINK"}


def _eyelink_end(t: Truth, last: int, eye: str, clock_ms: int, step: float) -> str:
    first = last
    while first and t.labels[first - 1] == t.labels[last]:
        first -= 1
    kind = t.labels[last]
    start, end = (clock_ms + 1000 * t.time_s[i] for i in (first, last))
    line = f"E{_EYELINK[kind]} {eye}   {start:.1f}\t{end:.1f}\t{end - start + step:.1f}"
    if kind == "fixation":
        x, y = t.xy[first : last + 1].mean(axis=0)
        return f"{line}\t  {x + 4 * (eye == 'R'):.1f}\t  {y:.1f}\t    791"
    if kind == "saccade":
        return f"{line}\t  138.1\t  132.8\t  500.0\t  300.0\t   1.21\t    103"
    return line


def smi(folder: Path, t: Truth) -> Path:
    """IDF Converter: a preamble, MSG rows, both eyes, microseconds."""
    header = ["Time", "Type", "Trial"]
    header += [f"{eye} {what}" for eye in "LR" for what in ("Dia X [px]", "POR X [px]", "POR Y [px]")]
    header += ["L Event Info", "R Event Info"]
    rows: list[list[object]] = [[*header]]
    said = iter([*t.messages, (np.inf, "")])
    message = next(said)
    for time, (x, y), label in zip(t.time_s, t.xy, t.labels, strict=True):
        stamp = 264_597_551_640 + round(1e6 * time)
        while message[0] <= time:
            rows.append([264_597_551_640 + round(1e6 * message[0]), "MSG", 1, f"# Message: {message[1]}"])
            message = next(said)
        at = [_cell(x, lost="0.00"), _cell(y, lost="0.00")]
        other = [_cell(x + 4, lost="0.00"), _cell(y, lost="0.00")]
        rows.append([stamp, "SMP", 1, "13.5", *at, "13.5", *other, label.title(), label.title()])
    path = _rows(folder / "s1.txt", rows, "\t")
    preamble = (
        "## [iView]\n## Converted from:\ts1.idf\n## Version:\tIDF Converter 3.0.20\n"
        f"## Sample Rate:\t{t.rate_hz}\n## Subject:\tAnna\n## [Calibration]\n"
        f"## Calibration Area:\t{WIDTH}\t{HEIGHT}\n"
        f"## [Geometry]\n## Stimulus Dimension [mm]:\t{10 * SCREEN_CM[1]}\t{10 * SCREEN_CM[0]}\n"
        f"## Head Distance [mm]:\t{10 * DISTANCE_CM:.0f}\n"
    )
    path.write_text(preamble + path.read_text())
    return path


def begaze(folder: Path, t: Truth) -> Path:
    """BeGaze's raw data export: milliseconds, a participant and a stimulus in each row."""
    header = ["RecordingTime [ms]", "Trial", "Stimulus", "Participant", "Category Binocular"]
    header += ["Point of Regard Binocular X [px]", "Point of Regard Binocular Y [px]"]
    rows: list[list[object]] = [[*header]]
    for time, (x, y), label in zip(t.time_s, t.xy, t.labels, strict=True):
        at = [_cell(x, lost="0"), _cell(y, lost="0")]
        rows.append([f"{5000 + 1000 * time:.1f}", "Trial001", "film.avi", "Anna", label.title(), *at])
    return _rows(folder / "raw.csv", rows, ",")


def tobii(folder: Path, t: Truth, *, style: str = "new") -> Path:
    """Pro Lab's single file. style: "new" (units in brackets), "old" (none, decimal commas) or "media" (MCS)."""
    units = {"new": (" [ms]", " [DACS px]"), "old": ("", ""), "media": ("", " (MCSnorm)")}[style]
    stamp, point = units
    header = [f"Recording timestamp{stamp}", "Sensor", "Participant name", "Event", "Event value"]
    header += [f"Gaze point X{point}", f"Gaze point Y{point}", "Eye movement type", "Eye movement type index"]
    header += ["Gaze event duration" + stamp, f"Fixation point X{point}", f"Fixation point Y{point}"]
    header += ["Presented Stimulus name" if style == "new" else "Presented Media name"]
    if style != "media":
        header += ["Recording resolution width", "Recording resolution height"]
    rows: list[list[object]] = [[*header]]
    scale = np.array([1.0, 1.0]) if style != "media" else 1 / np.array([WIDTH, HEIGHT])
    form = "{:.4f}" if style == "media" else "{:.2f}"
    tail: list[object] = [] if style == "media" else [WIDTH, HEIGHT]

    def number(value: float, form: str = form) -> str:
        text = _cell(value, form)
        return text.replace(".", ",") if style == "old" else text

    empty = [""] * 7
    said = iter([(0.0, "VideoStimulusStart", "film.mp4"), (np.inf, "", "")])
    event = next(said)
    index = 0
    for i, (time, xy, label) in enumerate(zip(t.time_s, t.xy * scale, t.labels, strict=True)):
        ms = number(2000 + 1000 * time, "{:.1f}")
        while event[0] <= time:
            rows.append([ms, "", "Anna", event[1], event[2], *empty, "film.mp4", *tail])
            event = next(said)
        new = i == 0 or t.labels[i - 1] != label
        index += new
        kind = {"fixation": "Fixation", "saccade": "Saccade", "blink": "EyesNotFound"}[label]
        length, mean = "", ["", ""]
        if label == "fixation":
            _, duration, x, y = t.fixations[[round(f[0], 6) <= round(time, 6) for f in t.fixations].count(True) - 1]
            length, mean = f"{1000 * duration:.0f}", [number(x * scale[0]), number(y * scale[1])]
        at = [number(xy[0]), number(xy[1])]
        rows.append([ms, "Eye Tracker", "Anna", "", "", *at, kind, index, length, *mean, "film.mp4", *tail])
        if i % 5 == 0:
            rows.append([ms, "Mouse", "Anna", "", "", *empty, "film.mp4", *tail])
    return _rows(folder / "export.tsv", rows, "\t")


def tobii_glasses(folder: Path, t: Truth) -> Path:
    """Glasses 3's own gazedata.gz; the scene is as large as the screen; lost samples have an empty object."""
    path = folder / "gazedata.gz"
    with gzip.open(path, "wt") as stream:
        for time, (x, y) in zip(t.time_s, t.norm, strict=True):
            data = {} if np.isnan(x) else {"gaze2d": [x, y], "gaze3d": [1.0, 2.0, 3.0]}
            stream.write(json.dumps({"type": "gaze", "timestamp": 0.25 + time, "data": data}) + "\n")
    return path


def pupil_core(folder: Path, t: Truth) -> Path:
    """A Pupil Player export: y upwards, low confidence where lost, with fixations and the world's timestamps."""
    clock = 342_391.25
    rows: list[list[object]] = [
        ["gaze_timestamp", "world_index", "confidence", "norm_pos_x", "norm_pos_y", "base_data"]
    ]
    for time, (x, y) in zip(t.time_s, t.norm, strict=True):
        lost = np.isnan(x)
        at = (0.1, 0.1) if lost else (x, 1 - y)
        rows.append([f"{clock + time:.9f}", int(time * 30), 0.2 if lost else 0.98, *at, "a-0 b-1"])
    path = _rows(folder / "gaze_positions.csv", rows)
    _rows(
        folder / "fixations.csv",
        [
            ["id", "start_timestamp", "duration", "start_frame_index", "norm_pos_x", "norm_pos_y", "confidence"],
            *(
                [k, f"{clock + o:.9f}", 1000 * d, 0, x / WIDTH, 1 - y / HEIGHT, 0.9]
                for k, (o, d, x, y) in enumerate(t.fixations)
            ),
        ],
    )
    frames = np.arange(round(t.time_s[-1] * 30) + 1) / 30
    _rows(
        folder / "world_timestamps.csv", [["# timestamps [seconds]", "pts"], *([f"{clock + s:.9f}", 0] for s in frames)]
    )
    return path


def pupil_neon(folder: Path, t: Truth) -> Path:
    """A Timeseries download: nanoseconds of UTC, fixations, world timestamps, events and the scene camera."""
    clock = 1_726_232_123_456_789_012
    stamp = [clock + round(1e9 * time) for time in t.time_s]
    head = ["section id", "recording id"]
    ids = ["5b0d", "32f5"]
    rows: list[list[object]] = [
        [*head, "timestamp [ns]", "gaze x [px]", "gaze y [px]", "worn", "fixation id", "blink id", "azimuth [deg]"]
    ]
    for ns, (x, y) in zip(stamp, t.xy, strict=True):
        rows.append([*ids, ns, _cell(x, "{:.3f}"), _cell(y, "{:.3f}"), 1, "", "", "0.1"])
    path = _rows(folder / "gaze.csv", rows)
    fixations = [[*head, "fixation id", "start timestamp [ns]", "end timestamp [ns]", "duration [ms]"]]
    fixations[0] += ["fixation x [px]", "fixation y [px]"]
    for k, (o, d, x, y) in enumerate(t.fixations):
        start, end = clock + round(1e9 * o), clock + round(1e9 * (o + d))
        fixations.append([*ids, str(k), str(start), str(end), str(round(1000 * d)), f"{x:.3f}", f"{y:.3f}"])
    _rows(folder / "fixations.csv", fixations)
    frames = np.arange(round(t.time_s[-1] * 30) + 1) / 30
    world = [[*head, "timestamp [ns]"], *([*ids, clock + round(1e9 * s)] for s in frames)]
    _rows(folder / "world_timestamps.csv", world)
    events = [["recording id", "timestamp [ns]", "name", "type"]]
    events += [["32f5", str(clock + round(1e9 * s)), text, "recording"] for s, text in t.messages]
    _rows(folder / "events.csv", events)
    matrix = [[890.0, 0.0, 800.0], [0.0, 890.0, 600.0], [0.0, 0.0, 1.0]]
    (folder / "scene_camera.json").write_text(json.dumps({"camera_matrix": matrix, "serial_number": "x"}))
    return path


def gazepoint(folder: Path, t: Truth) -> Path:
    """Gazepoint Analysis: fractions of the screen, a fixation growing row by row, markers in USER."""
    header = ["MEDIA_ID", "MEDIA_NAME", "CNT", "TIME(2024/03/22 09:11:45.123)", "TIMETICK(f=10000000)"]
    header += ["FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID", "FPOGV", "BPOGX", "BPOGY", "BPOGV", "USER"]
    rows: list[list[object]] = [[*header]]
    number, since = 0, 0.0
    for i, (time, (x, y), label) in enumerate(zip(t.time_s, t.norm, t.labels, strict=True)):
        if label == "fixation" and (i == 0 or t.labels[i - 1] != label):
            number, since = number + 1, time
        fixated = label == "fixation"
        _, _, fx, fy = t.fixations[max(0, number - 1)]
        user = next((text for at, text in t.messages if at <= time), "") if i == 0 else t.messages[0][1]
        lost = np.isnan(x)
        row: list[object] = [0, "film.mp4", i, f"{time:.5f}", round(1e7 * time)]
        row += [f"{fx / WIDTH:.5f}", f"{fy / HEIGHT:.5f}", f"{since:.5f}", f"{time - since:.5f}"]
        row += [number, int(fixated), *(("0", "0", 0) if lost else (f"{x:.5f}", f"{y:.5f}", 1)), user]
        rows.append(row)
    return _rows(folder / "User 1_all_gaze.csv", rows)


def gazepoint_step(maker: str, t: Truth) -> float:
    """What a maker's fixations are shorter by: Gazepoint ends them with their last sample, not with its interval."""
    return 1 / t.rate_hz if maker == "gazepoint" else 0.0


def bids(folder: Path, t: Truth) -> Path:
    """BEP020: a headerless table, its sidecar, the task's events sidecar one folder up, and physioevents."""
    eye = folder / "sub-07" / "beh"
    eye.mkdir(parents=True)
    name = "sub-07_task-film_recording-eye1"
    with gzip.open(eye / f"{name}_physio.tsv.gz", "wt") as stream:
        for time, (x, y) in zip(t.time_s, t.xy, strict=True):
            cells = [f"{7_186_000 + 1000 * time:.0f}", _cell(x, lost="n/a"), _cell(y, lost="n/a"), "800"]
            stream.write("\t".join(cells) + "\n")
    sidecar = {
        "Columns": ["timestamp", "x_coordinate", "y_coordinate", "pupil_size"],
        "PhysioType": "eyetrack",
        "SamplingFrequency": t.rate_hz,
        "StartTime": -0.1,
        "RecordedEye": "right",
        "SampleCoordinateSystem": "gaze-on-screen",
        "x_coordinate": {"Units": "pixel"},
        "y_coordinate": {"Units": "pixel"},
    }
    (eye / f"{name}_physio.json").write_text(json.dumps(sidecar))
    shown = {
        "ScreenDistance": DISTANCE_CM / 100,
        "ScreenOrigin": ["top", "left"],
        "ScreenResolution": [WIDTH, HEIGHT],
        "ScreenSize": [c / 100 for c in SCREEN_CM[::-1]],
    }
    (folder / "task-film_events.json").write_text(json.dumps({"StimulusPresentation": shown}))
    with gzip.open(eye / f"{name}_physioevents.tsv.gz", "wt") as stream:
        for o, d, _, _ in t.fixations:
            stream.write(f"{7_186_000 + 1000 * o:.0f}\t{1000 * d:.0f}\tfixation\t0\tn/a\n")
        for at, text in t.messages:
            stream.write(f"{7_186_000 + 1000 * at:.0f}\tn/a\tn/a\tn/a\t{text}\n")
    about = {"Columns": ["onset", "duration", "trial_type", "blink", "message"]}
    (eye / f"{name}_physioevents.json").write_text(json.dumps(about))
    return eye / f"{name}_physio.tsv.gz"


def plain(folder: Path, t: Truth) -> Path:
    """A table of samples with names anybody would give."""
    rows: list[list[object]] = [["subject", "time_ms", "x", "y", "event"]]
    for time, (x, y), label in zip(t.time_s, t.xy, t.labels, strict=True):
        rows.append(["Anna", f"{1000 * time:.3f}", _cell(x), _cell(y), label])
    return _rows(folder / "samples.csv", rows)


def fixation_table(folder: Path, t: Truth) -> Path:
    """Fixations alone, in pixels of the stimulus."""
    rows: list[list[object]] = [["subject", "onset_ms", "duration_ms", "x_px", "y_px"]]
    rows += [["Anna", 1000 * o, 1000 * d, f"{x:.2f}", f"{y:.2f}"] for o, d, x, y in t.fixations]
    return _rows(folder / "fixations_only.csv", rows)


MAKERS: dict[str, Callable[[Path, Truth], Path]] = {
    "eyelink": eyelink,
    "smi": smi,
    "tobii": tobii,
    "tobii-glasses3": tobii_glasses,
    "pupil-core": pupil_core,
    "pupil-neon": pupil_neon,
    "gazepoint": gazepoint,
    "bids": bids,
    "csv": plain,
}
