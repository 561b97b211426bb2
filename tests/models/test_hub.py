"""Weights to and from the Hub: whole, with their parts; safetensors alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models import small
from sightline.cli.app import app
from sightline.errors import OutputError, UsageError, WeightsError
from sightline.models import load, weights
from sightline.models.hub import copy_whole, pull, push


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with a part beside it, and a pickle that has no business there."""
    for name, parts in (("eyes", {}), ("model", {"egnet": "eyes"})):
        network = small.egnet()
        weights.save(network, {"model": name}, tmp_path / name)
        named = {key: weights.part(tmp_path / value).model_dump() for key, value in parts.items()}
        (tmp_path / name / "config.json").write_text(json.dumps({"model": name, "parts": named}))
        (tmp_path / name / "README.md").write_text(f"# {name}\n")
    (tmp_path / "model/pytorch_model.bin").write_bytes(b"a pickle")
    return tmp_path / "model"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


WHOLE = [f"{place}{file}" for place in ("", "egnet/") for file in ("README.md", "config.json", "model.safetensors")]


def test_a_copy_needs_nothing_else(folder: Path, tmp_path: Path) -> None:
    copy_whole(folder, tmp_path / "copy")
    assert files(tmp_path / "copy") == sorted(WHOLE)
    config = weights.read_config(tmp_path / "copy")
    assert config["parts"]["egnet"]["weights"] == "./egnet"
    parts = {name: weights.Part.model_validate(said) for name, said in config["parts"].items()}
    assert weights.find_part(tmp_path / "copy", "egnet", parts) == tmp_path / "copy/egnet"


def test_save_pretrained_is_loaded_again(tmp_path: Path) -> None:
    model = load("egnet", device="cpu")
    model.save_pretrained(tmp_path / "mine")
    again = load(tmp_path / "mine", device="cpu")
    assert again.weights_sha256 == model.weights_sha256
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        model.save_pretrained(tmp_path / "other")


def test_of_a_part_that_is_another_nothing_is_copied(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "eyes/model.safetensors").write_bytes(b"other")
    with pytest.raises(WeightsError, match="not the weights that"):
        copy_whole(folder, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


class Hub:
    """Stands in for HfApi: keeps what is uploaded."""

    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}
        self.made: list[tuple[str, bool]] = []

    def __call__(self) -> Hub:
        return self

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> None:
        assert exist_ok
        self.made.append((repository, private))

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str, allow_patterns: list[str]) -> str:
        assert commit_message == "Weights of model"
        from huggingface_hub.utils import filter_repo_objects

        self.kept[repo_id] = sorted(filter_repo_objects(files(folder_path), allow_patterns=allow_patterns))
        return f"https://hub/{repo_id}/commit/1"


def test_push(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", hub)
    assert push(folder, "user/model", private=True) == "https://hub/user/model/commit/1"
    assert hub.made == [("user/model", True)]
    assert hub.kept == {"user/model": sorted(WHOLE)}
    with pytest.raises(OutputError, match="user/model is expected"):
        push(folder, "model")
    said = CliRunner().invoke(app, ["models", "push", str(folder), "user/model", "--json"])
    assert json.loads(said.stdout) == {"repository": "user/model", "commit": "https://hub/user/model/commit/1"}


def test_without_a_card_nothing_is_pushed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", hub)
    (folder / "README.md").unlink()
    with pytest.raises(WeightsError, match=r"README\.md: missing"):
        push(folder, "user/model")
    assert not hub.made


def test_a_hub_that_refuses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses(Hub):
        def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> None:
            raise OSError("401 Client Error")

    monkeypatch.setattr("huggingface_hub.HfApi", Refuses())
    with pytest.raises(OutputError, match=r"user/model: the Hub does not take it \(401 Client Error\); log in"):
        push(folder, "user/model")


@pytest.fixture
def on_the_hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """`snapshot_download` gives a whole copy of the folder; what it was asked for."""
    copy_whole(folder, tmp_path / "snapshot")
    asked: dict[str, Any] = {"folder": tmp_path / "snapshot"}

    def download(repository: str, *, allow_patterns: list[str]) -> str:
        asked.update(repository=repository, allow=allow_patterns)
        return str(asked["folder"])

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


def test_pull(on_the_hub: dict[str, Any], tmp_path: Path) -> None:
    from huggingface_hub.utils import filter_repo_objects

    assert pull("user/model") == on_the_hub["folder"]
    there = [*WHOLE, "pytorch_model.bin", "egnet/weights.pt", "run.py"]
    assert sorted(filter_repo_objects(there, allow_patterns=on_the_hub["allow"])) == sorted(WHOLE)
    said = CliRunner().invoke(app, ["models", "pull", "user/model", "--out", str(tmp_path / "mine")])
    assert said.stdout.strip() == str(tmp_path / "mine")
    assert files(tmp_path / "mine") == sorted(WHOLE)


def test_a_repository_of_pickles_is_refused(on_the_hub: dict[str, Any]) -> None:
    (on_the_hub["folder"] / "model.safetensors").unlink()
    (on_the_hub["folder"] / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(WeightsError, match=r"user/model: holds no model\.safetensors; weights in other formats"):
        pull("user/model")


def test_a_model_that_came_from_no_folder() -> None:
    from hostile.fake_model import BrightestSpot

    with pytest.raises(UsageError, match="was not loaded from a folder"):
        BrightestSpot().save_pretrained("x")
