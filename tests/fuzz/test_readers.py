"""The short form of the fuzzing, and files that once crashed a reader; harness.py searches for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.harness import attempt, damaged
from fuzz.targets import TARGETS

FOUND = Path(__file__).with_name("found")


@pytest.mark.parametrize("name", TARGETS)
def test_good_files_are_read(name: str, tmp_path: Path) -> None:
    for seed in TARGETS[name].seeds(tmp_path):
        assert attempt(TARGETS[name], seed) == "read"


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    seeds = target.seeds(tmp_path / "seeds")
    results = {attempt(target, damaged(seeds, case, tmp_path)) for case in range(target.cases)}
    assert "refused" in results
