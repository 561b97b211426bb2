"""What the rows of a table say of themselves: trial, stimulus, kind of event, eye, and whether gaze is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sightline.fixations import labels
from sightline.fixations.labels import kinds_of
from sightline.gaze.formats.columns import Columns
from sightline.gaze.formats.table import Table
from sightline.gaze.recording import FloatArray

MIN_CONFIDENCE = 0.6  # of samples whose confidence goes from 0 to 1, as Pupil's software takes it


def trials_of(table: Table, columns: Columns) -> NDArray[np.object_]:
    """The name of each row's trial: its number, else what was shown; "" where neither is there."""
    key = next((columns.of[key] for key in ("trial", "stimulus") if key in columns), None)
    return table.text(key) if key else np.full(len(table), "", dtype=object)


def stimuli_of(table: Table, columns: Columns, named: Sequence[str]) -> tuple[str, ...]:
    """What a trial's rows call its stimulus: the column of that name, and those with names of files."""
    names = [columns.of["stimulus"]] if "stimulus" in columns else []
    words = [str(table.text(name)[0]) for name in dict.fromkeys([*names, *named]) if len(table)]
    return tuple(word for word in dict.fromkeys(words) if word)


def kinds_in(table: Table, columns: Columns) -> NDArray[np.object_]:
    """The kind of each row's event; "" for others. All are fixations where no column tells kinds apart."""
    kinds = kinds_of(table.text(columns.of["event"])) if "event" in columns else None
    if kinds is not None:
        return kinds
    return np.full(len(table), "fixation", dtype=object)


def eyes_of(table: Table, columns: Columns) -> NDArray[np.object_] | None:
    """The eye of each row, None where rows do not say."""
    if "eye" not in columns:
        return None
    return labels.eyes_of(table.text(columns.of["eye"]))


def lost_in(table: Table, columns: Columns, xy: FloatArray) -> NDArray[np.bool_]:
    """Which rows have no gaze: by their validity, their confidence, or a position that stands for none."""
    nowhere = np.isnan(xy).any(axis=1) | (xy == 0).all(axis=1)
    lost = np.array(np.isnan(xy).any(axis=1))
    if "validity" in columns:
        lost |= labels.invalid_by(table.text(columns.of["validity"]), nowhere)
    if "confidence" in columns:
        sure = table.numbers(columns.of["confidence"])
        scale = 100.0 if np.nanmax(sure, initial=0.0) > 1 else 1.0
        lost |= sure < MIN_CONFIDENCE * scale
    return lost


def positions(table: Table, x: str, y: str) -> FloatArray:
    return np.column_stack([table.numbers(x), table.numbers(y)])
