"""The short form of the fuzzing, and files that once crashed a reader; harness.py searches for longer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fuzz.harness import attempt, damaged
from fuzz.targets import MODELS, TARGETS
from sightline.models import REGISTRY

FOUND = Path(__file__).with_name("found")
CRASHES = {
    "bids-columns": ("bids", "sub-07_task-film_recording-eye1_physio.tsv.gz"),
    "bids-names": ("bids", "sub-07_task-film_recording-eye1_physio.tsv.gz"),
    "bids-objects": ("bids", "sub-07_task-film_recording-eye1_physio.tsv.gz"),
    "coco-number": ("coco", "coco.json"),
    "coco-size": ("coco", "coco.json"),
    "crops-encoding": ("result tables", "path.csv"),
    "goo-width": ("goo", "annotations.json"),
    "import-size": ("imports", "film"),
    "list-long": ("lists", "list.txt"),
    "list-nul": ("lists", "list.txt"),
    "npz-empty": ("masks.npz", "masks.npz"),
    "npz-stream": ("masks.npz", "masks.npz"),
    "npz-version": ("masks.npz", "masks.npz"),
    "parquet-panic": ("parquet", "fixations.parquet"),
    "predictions-box": ("predictions", "predictions.json"),
    "predictions-empty": ("predictions", "a"),
    "predictions-label": ("predictions", "predictions.json"),
    "pupil-column": ("pupil", "gaze.csv"),
    "salicon-size": ("salicon", "salicon"),
    "samgop-outline": ("samgop", "goo"),
    "smi-calibration": ("smi", "samples.txt"),
    "smi-user-event": ("smi-events", "events.txt"),
    "tiff-dimensions": ("stills", "a.tiff"),
    "tobii-duration": ("tobii", "export.tsv"),
    "typed-heads": ("typed prompts", "typed.txt"),
    "typed-names": ("typed prompts", "typed.txt"),
    "video-box": ("video", "clip.mov"),
    "video-codec": ("video", "clip.mov"),
    "video-sound": ("video", "clip.mov"),
    "video-stream": ("video", "clip.ts"),
}
"""Folders of `found`: the target, and the file that is read."""
READ = {"list-long", "typed-names", "video-sound", "video-stream"}
"""Those that nothing is wrong with; the others are refused."""


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


@pytest.mark.parametrize("name", CRASHES)
def test_what_once_was_a_crash_is_none(name: str, tmp_path: Path) -> None:
    target, file = CRASHES[name]
    place = Path(shutil.copytree(FOUND / name, tmp_path / "case"))
    assert attempt(TARGETS[target], place / file) == ("read" if name in READ else "refused")


def test_every_model_that_loads_has_its_config_fuzzed() -> None:
    assert set(MODELS) == {info.name for info in REGISTRY}


def test_all_that_was_kept_is_tried() -> None:
    assert {path.name for path in FOUND.iterdir()} == set(CRASHES)
