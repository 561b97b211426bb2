"""What a recording may call a stimulus."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from sightline.gaze import Stimulus


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        ("Müller Straße.png", True),
        (unicodedata.normalize("NFD", "Müller Straße.png"), True),  # as macOS writes it
        ("C:\\pictures\\MÜLLER STRASSE.PNG", True),
        ("images/müller straße", True),
        ("müller straße.jpg#2", True),
        ("müller", False),
        ("", False),
    ],
)
def test_names(name: str, is_it: bool) -> None:
    stimulus = Stimulus(Path("shown/Müller Straße.png"), (48, 64), np.zeros(1), float("inf"))
    assert stimulus.is_called(name) == is_it
