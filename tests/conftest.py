"""Fixtures that every test may use."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data folder ../shared/data is not there")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _no_notes_of_other_tests() -> None:
    """What an engine had to say concerns its own run: a process of `sightline` makes one."""
    engine = sys.modules.get("sightline.nn.engine")
    if engine is not None:
        engine._notes.clear()
