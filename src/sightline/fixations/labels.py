"""What rows of a table of eye movements are, of which eye, and whether they count: by the words of programs."""

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


EYE_COLUMNS = ("eye", "eye_used", "tracked_eye")
VALIDITY_COLUMNS = ("validity", "valid", "state")

_EYES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_BOTH = ("b", "both", "binocular", "cyclopean", "avg", "mean", "")
_BAD = ("false", "invalid", "no", "lost", "f", "missing")


def eyes_of(labels: Sequence[str] | NDArray[np.object_]) -> NDArray[np.object_] | None:
    """The eye of each row: left, right or both; None where a label is neither.

    >>> eyes_of(["L", "Right", ""])
    array(['left', 'right', 'both'], dtype=object)
    >>> eyes_of(["left", "open"]) is None
    True
    """
    words = [label.lower() for label in labels]
    if not set(words) <= {*_EYES, *_BOTH}:
        return None
    return np.array([_EYES.get(word, "both") for word in words], dtype=object)


def invalid_by(labels: Sequence[str] | NDArray[np.object_], nowhere: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rows are lost by their validity. nowhere: (N,) which have no position, or (0, 0).

    A validity of numbers means what it means where there is no position: that value is a lost row's.

    >>> invalid_by(["7", "1", "7"], np.array([False, True, False]))
    array([False,  True, False])
    """
    words = np.array([label.lower() for label in labels], dtype=object)
    lost = np.isin(words, _BAD)
    values = set(words.tolist())
    if nowhere.any() and not nowhere.all():
        lost |= np.isin(words, sorted(set(words[nowhere].tolist()) - set(words[~nowhere].tolist())))
    if values <= {"0", "1", "2", "3", "4"} and len(values) > 2:  # Tobii: 0 is certain
        lost |= np.isin(words, ("2", "3", "4"))
    elif values in ({"0", "1"}, {"0.0", "1.0"}) and not nowhere.any():
        lost |= np.isin(words, ("0", "0.0"))
    return lost
