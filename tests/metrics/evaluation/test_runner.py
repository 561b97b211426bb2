"""Resuming: finished sequences are kept, changed ones are scored again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sightline.errors import DataError, OutputError
from sightline.metrics.evaluation import runner
from sightline.metrics.evaluation.scores import SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.protocols import VOS


class Lengths(Task):
    """Scores each file by its length; fails for a file that says so."""

    name = "lengths"
    protocol = VOS[0]
    keys = ("length",)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.option = folder, 1
        self.calls: list[str] = []
        self.names = sorted(path.name for path in folder.iterdir())

    def files(self, name: str) -> Sequence[Path]:
        return [self.folder / name]

    def settings(self) -> dict[str, Any]:
        return {"option": self.option}

    def score(self, name: str) -> SequenceScores:
        self.calls.append(name)
        text = (self.folder / name).read_text()
        if text == "fail":
            raise DataError(f"{name}: broken")
        value = float(len(text))
        return SequenceScores(name, ["0"], {"length": [value]}, {"length": Tally([value], 1.0)})

    def tallies(self, scores: SequenceScores) -> dict[str, Tally]:
        return {"length": Tally.of_frames(scores.values["length"], by_sequence=True)}


@pytest.fixture
def task(tmp_path: Path) -> Lengths:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name * 2)
    return Lengths(folder)


def interrupted(task: Lengths, journal: Path) -> None:
    """A run that fails on its last sequence after the others are done."""
    (task.folder / "c").write_text("fail")
    with pytest.raises(DataError, match="c: broken"):
        runner.run(task, workers=1, journal=journal)
    (task.folder / "c").write_text("cc")
    task.calls.clear()
    task.stop.clear()


def test_results_keep_the_order_of_the_names_on_any_number_of_threads(task: Lengths) -> None:
    for workers in (1, 3):
        assert [scores.name for scores in runner.run(task, workers=workers)] == ["a", "b", "c"]


def test_an_interrupted_run_goes_on(task: Lengths, tmp_path: Path) -> None:
    journal = tmp_path / "scores.journal"
    notices: list[str] = []
    interrupted(task, journal)
    found = runner.run(task, workers=1, journal=journal, notice=notices.append)
    assert task.calls == ["c"]
    assert [scores.tallies["length"].total for scores in found] == [[2.0]] * 3
    assert notices == ["resuming: 2 of 3 sequences are done"]
    assert journal.exists()  # until the report is kept


def test_changed_inputs_are_scored_again(task: Lengths, tmp_path: Path) -> None:
    journal = tmp_path / "scores.journal"
    notices: list[str] = []
    interrupted(task, journal)
    (task.folder / "a").write_text("other")
    found = runner.run(task, workers=1, journal=journal, notice=notices.append)
    assert sorted(task.calls) == ["a", "c"]
    assert found[0].tallies["length"].total == [5.0]
    assert "scored again, as their files changed: a" in notices


def test_other_settings_start_anew(task: Lengths, tmp_path: Path) -> None:
    journal = tmp_path / "scores.journal"
    notices: list[str] = []
    interrupted(task, journal)
    task.option = 2
    runner.run(task, workers=1, journal=journal, notice=notices.append)
    assert sorted(task.calls) == ["a", "b", "c"]
    assert "other settings" in notices[0]


def test_a_line_cut_short_by_a_kill_is_left_out(task: Lengths, tmp_path: Path) -> None:
    journal = tmp_path / "scores.journal"
    interrupted(task, journal)
    whole = journal.read_text()
    assert [json.loads(line) for line in whole.splitlines()]
    journal.write_text(whole[:-10])
    runner.run(task, workers=1, journal=journal)
    assert sorted(task.calls) == ["b", "c"]


def test_a_journal_that_cannot_be_written_is_an_error(task: Lengths, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose another place"):
        runner.run(task, workers=1, journal=tmp_path / "absent" / "journal")
