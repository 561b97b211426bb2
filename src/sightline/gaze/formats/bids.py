"""BIDS eye tracking (the physiological recordings of BEP020): *_physio.tsv.gz without a header, with a JSON sidecar.

Each eye has a file of its own (recording-eye1, recording-eye2); `join` makes them one recording.

The sidecar names the columns, the eye, the rate and the units; StimulusPresentation in the task's *_events.json the
screen, in metres. Events come from *_physioevents.tsv.gz. Sidecars are inherited from the folders above.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import BaseModel, BeforeValidator, Field, FiniteFloat, ValidationError

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, Table, beside, read_head, read_table
from sightline.gaze.recording import (
    Declared,
    FloatArray,
    Message,
    Recording,
    clean_times,
    events_frame,
    join_eyes,
    pixels,
)
from sightline.untrusted import parse_json

NAME = "bids"
TITLE = "BIDS *_physio.tsv.gz"
NEEDS: dict[str, str] = {}

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_EYES = {"left": "left", "right": "right", "cyclopean": "both"}
_PIXELS = ("pixel", "pixels", "px")


def recognises(head: Head) -> bool:
    """Whether the file is named as BIDS asks."""
    return recognises_name(head.path)


Positive = Annotated[FiniteFloat, Field(gt=0)]


def _known(value: object) -> object:
    """Some write n/a for what they do not know, or leave it empty."""
    return None if value in ("n/a", "", []) else value


class _Column(BaseModel):
    """What a sidecar says of a column."""

    units: str | None = Field(None, alias="Units")


class _Shown(BaseModel):
    """What it says of the screen: (width, height) in pixels and in metres."""

    origin: tuple[str, ...] = Field(("top", "left"), alias="ScreenOrigin")
    resolution: Annotated[tuple[Positive, Positive] | None, BeforeValidator(_known)] = Field(
        None, alias="ScreenResolution"
    )
    size_m: Annotated[tuple[Positive, Positive] | None, BeforeValidator(_known)] = Field(None, alias="ScreenSize")
    distance_m: Annotated[Positive | None, BeforeValidator(_known)] = Field(None, alias="ScreenDistance")


class _Said(BaseModel):
    """What sidecars say of a recording or its events, as far as it is used here."""

    columns: list[str] = Field([], alias="Columns")
    rate_hz: Annotated[Positive | None, BeforeValidator(_known)] = Field(None, alias="SamplingFrequency")
    system: str = Field("gaze-on-screen", alias="SampleCoordinateSystem")
    eye: Annotated[str | None, BeforeValidator(_known)] = Field(None, alias="RecordedEye")
    start_s: Annotated[FiniteFloat | None, BeforeValidator(_known)] = Field(None, alias="StartTime")
    accuracy_deg: Annotated[list[float] | None, BeforeValidator(_known)] = Field(None, alias="AverageCalibrationError")
    shown: _Shown | None = Field(None, alias="StimulusPresentation")
    x: _Column = Field(_Column(), alias="x_coordinate")
    y: _Column = Field(_Column(), alias="y_coordinate")
    timestamp: _Column = _Column()
    onset: _Column = _Column()
    duration: _Column = _Column()


def recognises_name(path: Path) -> bool:
    """Whether a file is named as BIDS names eye tracking."""
    return re.search(r"_(physio|eyetrack)\.tsv(\.gz)?$", path.name) is not None


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The one recording of the file. Raises DataError for other coordinates than gaze on a screen in pixels."""
    said = _sidecar(head.path, _suffix(head.path))
    if not said.columns:
        raise DataError(f"{head.path}: no JSON sidecar that names its Columns; put {_json_name(head.path)} beside it")
    table = read_table(replace(head, header=-1, columns=said.columns, separator="\t"), said.columns)
    lacking = [name for name in ("x_coordinate", "y_coordinate") if name not in table]
    if lacking:
        raise DataError(f"{head.path}: Columns of the sidecar lack {', '.join(lacking)}; a BIDS eye recording has them")
    _require_pixels(head.path, said)
    time, unit = _times(head.path, table, said, options)
    origin = float(time[0])
    eye = _EYES.get(str(said.eye or "cyclopean").lower(), "both")
    events, messages = _events(head.path, unit, origin, eye)
    return [
        Recording(
            path=head.path,
            format=NAME,
            subject=match[1] if (match := re.match(r"(sub-[^_]+)", head.path.name)) else "",
            time_s=clean_times(head.path, time - origin, table.lines),
            eyes={eye: np.column_stack([table.numbers("x_coordinate"), table.numbers("y_coordinate")])},
            # The task began at 0 of the clock on which the first sample has StartTime.
            start_s=None if said.start_s is None else -said.start_s,
            events=events,
            messages=messages,
            origin_s=origin,
            declared=_declared(head.path, said),
            lines=table.lines,
        )
    ]


def recording_of(path: Path) -> tuple[Path, str] | None:
    """What the files of the two eyes of one recording have in common; None for other files."""
    name, found = re.subn(r"_recording-eye\d+(?=_)", "", path.name)
    return (path.parent, name) if found and recognises_name(path) else None


def join(files: Sequence[Sequence[Recording]]) -> list[Recording]:
    """One recording of the files that hold an eye each. Raises DataError where two hold the same one."""
    (first,), *others = files
    for (other,) in others:
        same = set(first.eyes) & set(other.eyes)
        if same:
            raise DataError(
                f"{other.path}: its RecordedEye is {', '.join(same)}, as in {first.path}; give each eye once, or mend "
                "the sidecar"
            )
        # Each counts from its own first sample.
        late = other.origin_s - first.origin_s
        time, eyes = join_eyes((first.time_s, dict(first.eyes)), (other.time_s + late, dict(other.eyes)))
        events = [first.events] if first.events is not None else []
        if other.events is not None:
            events.append(other.events.with_columns(pl.col("onset_s") + late))
        first = replace(
            first,
            time_s=time,
            eyes=eyes,
            lines=None,
            events=pl.concat(events).sort("onset_s") if events else None,
            messages=tuple(
                sorted({*first.messages, *(m.later(late) for m in other.messages)}, key=lambda m: (m.time_s, m.text))
            ),
            declared=replace(
                first.declared, accuracy_deg={**first.declared.accuracy_deg, **other.declared.accuracy_deg}
            ),
        )
    return [first]


def _require_pixels(path: Path, said: _Said) -> None:
    if said.system != "gaze-on-screen":
        raise DataError(
            f"{path}: SampleCoordinateSystem is {said.system!r}; gaze-on-screen is needed to place the gaze"
        )
    for name, column in (("x_coordinate", said.x), ("y_coordinate", said.y)):
        units = column.units or "pixel"
        if units.lower() not in _PIXELS:
            raise DataError(f"{path}: {name} is in {units!r}; pixels of the screen are needed")


def _times(path: Path, table: Table, said: _Said, options: ReadOptions) -> tuple[FloatArray, float]:
    """Times in seconds, and the seconds of one unit of the device's clock."""
    rate = said.rate_hz or options.rate_hz
    if "timestamp" not in table:
        if not rate:
            raise DataError(
                f"{path}: neither a timestamp column nor SamplingFrequency in the sidecar: the rate is unknown; "
                "give `rate_hz`"
            )
        return np.arange(len(table)) / float(rate), 1.0
    stamps = table.numbers("timestamp")
    named = said.timestamp.units
    if named in _SECONDS:
        return stamps * _SECONDS[named], _SECONDS[named]
    step = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
    if not rate or step <= 0:
        raise DataError(
            f"{path}: neither Units of the timestamps nor SamplingFrequency in the sidecar: the rate is unknown; "
            "give `rate_hz`"
        )
    unit = min(set(_SECONDS.values()), key=lambda seconds: abs(np.log(step * seconds * float(rate))))
    return stamps * unit, unit


def _events(path: Path, unit: float, origin: float, eye: str) -> tuple[pl.DataFrame | None, tuple[Message, ...]]:
    """Events and messages of *_physioevents.tsv.gz; onset and duration in the clock's unit unless it says otherwise."""
    file = beside(path, re.sub(r"_(physio|eyetrack)\.tsv(\.gz)?", r"_\1events.tsv", path.name))
    if file is None:
        return None, ()
    said = _sidecar(file, _suffix(file))
    columns = said.columns or ["onset", "duration", "trial_type", "blink", "message"]
    head = read_head(file)
    header = 0 if head.columns[: len(columns)] == columns else -1
    table = read_table(replace(head, header=header, columns=columns, separator="\t"), columns)
    if "onset" not in table:
        raise DataError(f"{file}: no column onset; BIDS events have one")
    onset = table.numbers("onset") * _SECONDS.get(said.onset.units or "", unit) - origin
    by = _SECONDS.get(said.duration.units or "", unit)
    length = table.numbers("duration") * by if "duration" in table else np.full(len(table), np.nan)
    kinds = table.text("trial_type") if "trial_type" in table else np.full(len(table), "", dtype=object)
    blink = table.text("blink") if "blink" in table else np.full(len(table), "", dtype=object)
    rows = [
        ("blink" if flag in ("1", "1.0", "True") else kind, eye, float(t), float(d), None, None)
        for kind, flag, t, d in zip(kinds, blink, onset, length, strict=True)
        if kind in ("fixation", "saccade", "blink") and np.isfinite(d)
    ]
    texts = table.text("message") if "message" in table else np.full(len(table), "", dtype=object)
    messages = tuple(
        Message(float(onset[i]), str(text), int(table.lines[i]))
        for i, text in enumerate(texts)
        if text not in ("", "n/a", "NaN", "nan")
    )
    return (events_frame(rows) if rows else None), messages


def _declared(path: Path, said: _Said) -> Declared:
    shown = said.shown or _sidecar(path, "events").shown or _Shown()
    if shown.origin != ("top", "left"):
        raise DataError(f"{path}: ScreenOrigin is {list(shown.origin)}; positions from the top left are needed")
    px, metres, distance = shown.resolution, shown.size_m, shown.distance_m
    eye = _EYES.get((said.eye or "").lower())
    return Declared(
        rate_hz=said.rate_hz,
        screen_px=pixels(f"{path}: the screen's resolution", px[1], px[0]) if px else None,
        screen_cm=(100 * metres[1], 100 * metres[0]) if metres else None,
        distance_cm=100 * distance if distance else None,
        accuracy_deg={eye: said.accuracy_deg[0]} if eye and said.accuracy_deg else {},
    )


def _suffix(path: Path) -> str:
    return path.name.split(".")[0].rsplit("_", 1)[-1]


def _json_name(path: Path) -> str:
    return path.name.split(".")[0] + ".json"


def _sidecar(path: Path, suffix: str) -> _Said:
    """The merged sidecars of a suffix that apply: those whose entities the file has too, the nearest one winning."""
    entities = set(path.name.split(".")[0].split("_")[:-1])
    merged: dict[str, Any] = {}
    for folder in reversed((path.parent, *list(path.resolve().parents)[1:4])):
        applies = [
            file for file in folder.glob(f"*_{suffix}.json") if set(file.name.split(".")[0].split("_")[:-1]) <= entities
        ]
        for file in sorted(applies, key=lambda file: file.name.count("_")):
            try:
                merged.update(parse_json(file.read_text(encoding="utf-8-sig")))
                _Said.model_validate(merged)
            except ValidationError as error:
                problem = error.errors()[0]
                field = ".".join(map(str, problem["loc"]))
                raise DataError(f"{file}: {field}: {problem['msg']}, not {problem['input']!r:.60}; mend it") from None
            except (OSError, ValueError, TypeError) as error:
                raise DataError(f"{file}: the sidecar is no JSON object ({error}); mend it") from None
    return _Said.model_validate(merged)
