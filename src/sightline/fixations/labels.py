"""What the rows of a table of eye movements are, by the words that programs use for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("event", "event_type", "label", "trial_type", "eye_movement", "kind", "category", "type")
"""Columns that may hold such words."""

_KINDS = {
    "fixation": re.compile(r"(e?fix(ation)?s?|visual ?intakes?)( [lrb]| left| right)?$", re.IGNORECASE),
    "saccade": re.compile(r"(e?sacc?(ade)?s?)( [lrb]| left| right)?$", re.IGNORECASE),
    "blink": re.compile(r"(e?blinks?|eyesnotfound)( [lrb]| left| right)?$", re.IGNORECASE),
}


def kinds_of(labels: Sequence[str] | NDArray[np.object_]) -> NDArray[np.object_] | None:
    """The kind of each row: fixation, saccade, blink, or "" for something else.

    None where no label is any of them: then the column says something else, and every row may be a fixation.

    >>> kinds_of(["Fixation", "SACC", "Visual Intake", "other"])
    array(['fixation', 'saccade', 'fixation', ''], dtype=object)
    >>> kinds_of(["face", "text"]) is None
    True
    """
    words = {label: next((kind for kind, words in _KINDS.items() if words.match(label)), "") for label in set(labels)}
    if not any(words.values()):
        return None
    return np.array([words[label] for label in labels], dtype=object)
