"""The words that programs use for fixations, saccades and blinks."""

from __future__ import annotations

import pytest

from sightline.fixations.labels import kinds_of


@pytest.mark.parametrize(
    ("label", "kind"),
    [("Fixation", "fixation"), ("EFIX", "fixation"), ("fix", "fixation"), ("Visual Intake", "fixation"),
     ("Fixation L", "fixation"), ("Saccade R", "saccade"), ("ESACC", "saccade"), ("EBLINK", "blink"),
     ("EyesNotFound", "blink"), ("Unclassified", ""), ("prefixation", ""), ("", "")],
)  # fmt: skip
def test_kinds(label: str, kind: str) -> None:
    kinds = kinds_of([label, "fixation"])
    assert kinds is not None
    assert kinds.tolist() == [kind, "fixation"]


def test_labels_of_something_else() -> None:
    assert kinds_of(["face", "text", ""]) is None
