"""Weights folders: written whole or not at all, read strictly, and every damage named."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sightline.errors import OutputError, UsageError, WeightsError
from sightline.models import weights


def network(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights.save(network(), {"model": "tiny"}, tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_folder_holds_float16_tensors_and_the_config(folder: Path) -> None:
    saved = network()
    weights.save(saved, {"model": "tiny", "width": 4}, folder)
    tensors = load_file(folder / "model.safetensors")
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    assert "1.num_batches_tracked" not in tensors
    assert weights.read_config(folder) == {"model": "tiny", "width": 4}
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    loaded = network()
    weights.load_into(loaded, folder)
    for name, value in loaded.state_dict().items():
        if value.is_floating_point():
            assert value.dtype == torch.float32
            assert torch.equal(value, saved.state_dict()[name].half().float())


def test_whoever_may_read_the_config_may_read_the_weights(folder: Path) -> None:
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1


def test_values_beyond_float16_keep_their_precision(folder: Path) -> None:
    saved, loaded = network(), network()
    saved[1].running_var[0] = 1e6
    weights.save(saved, {}, folder)
    weights.load_into(loaded, folder)
    assert loaded[1].running_var[0] == 1e6


def test_a_failed_save_leaves_the_old_weights_and_no_rest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(tensors: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(OutputError, match=r"tiny: cannot be written .*No space left"):
        weights.save(network(), {"model": "other"}, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="weights: cannot be written"):
        weights.save(network(), {}, tmp_path / "file" / "weights")


def test_the_checksum_is_that_of_the_file(folder: Path) -> None:
    expected = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert weights.sha256(folder) == expected


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "cut", "header", "text", "a tensor less", "a tensor more", "shape"]
)
def test_tensors_that_cannot_be_used(damage: str, folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(content[:-10])
        case "header":
            path.write_bytes(b"\xff" * 8 + content[8:])
        case "text":
            path.write_text("this is no tensor file")
        case "a tensor less":
            weights.save(network()[0], {}, folder)
        case "a tensor more":
            weights.save(nn.Sequential(*network(), nn.Linear(1, 1)), {}, folder)  # type: ignore[misc]
        case "shape":
            weights.save(network(5), {}, folder)
    with pytest.raises(WeightsError) as caught:
        weights.load_into(network(), folder)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "{", "[1]", "\x00"])
def test_a_config_that_cannot_be_read(content: str | None, folder: Path) -> None:
    path = folder / "config.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(WeightsError) as caught:
        weights.read_config(folder)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_no_pickle_is_ever_read(folder: Path) -> None:
    """A torch checkpoint under the name of a safetensors file is refused, and what is in it does not run."""

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(folder / "exploded"),)

    torch.save({"0.weight": Bomb()}, folder / "model.safetensors")
    with pytest.raises(WeightsError, match="damaged"):
        weights.load_into(network(), folder)
    assert not (folder / "exploded").exists()


def test_a_name_a_path_and_a_hub_id_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "shipped")
    (tmp_path / "shipped/tiny").mkdir(parents=True)
    (tmp_path / "tiny").mkdir()
    assert weights.find_weights("tiny") == tmp_path / "shipped/tiny"
    for name in ("./tiny", Path("tiny"), str(tmp_path / "tiny")):
        assert weights.find_weights(name).resolve() == tmp_path / "tiny"
    with pytest.raises(WeightsError, match="nothing: no weights of that name ship"):
        weights.find_weights("nothing")
    with pytest.raises(WeightsError, match="a/b/c: no such folder"):
        weights.find_weights("a/b/c")


def test_weights_from_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[tuple[str, list[str]]] = []

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert weights.find_weights("someone/tiny") == folder
    ((repository, patterns),) = asked
    assert repository == "someone/tiny"
    assert "*.safetensors" in patterns
    assert not any(pattern.endswith((".bin", ".pt", ".ckpt", "*")) for pattern in patterns), "only safe files come"


@pytest.mark.parametrize("kind", ["no network", "no repository"])
def test_a_hub_that_does_not_answer(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    def fail(repository: str, allow_patterns: list[str]) -> str:
        if kind == "no network":
            raise LocalEntryNotFoundError("cannot find the files on the Hub\nand no copy on this disk")
        response: Any = SimpleNamespace(headers={}, request=None)
        raise RepositoryNotFoundError("404 Client Error.\nRepository Not Found", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(WeightsError, match=r"someone/tiny: cannot be had from the Hub .*give a local folder") as caught:
        weights.find_weights("someone/tiny")
    assert "\n" not in str(caught.value)


def test_devices() -> None:
    assert weights.device_of("cpu") == torch.device("cpu")
    assert weights.device_of("auto").type in {"cpu", "cuda", "mps"}
    for name in ("tpu9", "cuda:99", ""):
        with pytest.raises(UsageError, match=f"`device` '{name}'"):
            weights.device_of(name)


def test_a_config_is_plain_json(folder: Path) -> None:
    assert json.loads((folder / "config.json").read_text()) == {"model": "tiny"}


def test_what_is_rounded_as_saved_is_the_same_once_it_is_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other = (nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)) for _ in range(2))
    norm: Any = network[1]
    norm.num_batches_tracked += 7
    norm.running_var *= 1e6
    weights.round_as_saved(network)
    weights.save(network, {}, tmp_path)
    weights.load_into(other, tmp_path)
    for (name, before), after in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(before, after), name


def test_folders_are_those_of_parts_of_parts_too_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    for name, parts in {"plus": ["base", "eyes"], "base": ["eyes"], "eyes": []}.items():
        (tmp_path / name).mkdir()
        said = {part: {"weights": part, "sha256": "0" * 64} for part in parts}
        (tmp_path / name / "config.json").write_text(json.dumps({"model": name, "parts": said}))
    assert weights.folders_of(tmp_path / "plus") == tuple(tmp_path / name for name in ("plus", "base", "eyes"))
    assert weights.folders_of(tmp_path / "eyes") == (tmp_path / "eyes",)
