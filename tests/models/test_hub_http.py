"""The Hub over HTTP, by huggingface_hub itself, against a small one on the loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models.hub_server import TOKEN, Hub, hub
from sightline.models import weights

WHOLE = ["README.md", "config.json", "model.safetensors"]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with hub() as made:
        yield made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def ask(server: Hub, home: Path) -> Iterator[Ask]:
    """One step of a user's."""
    own = {
        "HF_ENDPOINT": server.address,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "models.hub_visitor"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **own, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_COLOR": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def step(*command: str, **asked: Any) -> dict[str, Any]:
        print(json.dumps({"command": command, **asked}), file=process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    yield step
    process.stdin.close()
    assert process.wait(20) == 0


@pytest.fixture(autouse=True)
def anew(server: Hub, home: Path) -> None:
    """An empty Hub and an empty cache."""
    for kept in (server.repositories, server.private, server.cut, server.asked, server.messages):
        kept.clear()
    shutil.rmtree(home / "hub", ignore_errors=True)


def test_a_model_is_pushed_pulled_and_loaded(server: Hub, ask: Ask, tmp_path: Path) -> None:
    pushed = ask(load="egnet", push="me/eyes", token=TOKEN)
    assert pushed["said"] == f"{server.address}/me/eyes/commit/{server.commit_of('me/eyes')}"
    assert sorted(server.repositories["me/eyes"]) == WHOLE
    assert server.messages == ["Weights of egnet"]
    shipped = weights.SHIPPED / "egnet"
    assert server.repositories["me/eyes"]["model.safetensors"] == (shipped / "model.safetensors").read_bytes()
    assert ask(load="me/eyes") == {"sha256": weights.sha256(shipped), "name": "egnet"}
    pulled = ask("pull", "me/eyes", "--out", str(tmp_path / "mine"))
    assert (pulled["code"], pulled["said"]) == (0, str(tmp_path / "mine"))
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == WHOLE
    again = ask("push", str(tmp_path / "mine"), "me/second", "--private", token=TOKEN)
    assert again["code"] == 0
    assert server.private == {"me/second"}
    assert "me/second: cannot be had from the Hub" in ask("pull", "me/second")["error"]
    assert ask("pull", "me/second", token=TOKEN)["code"] == 0


def test_a_wrong_token_and_a_repository_that_is_not_there(server: Hub, ask: Ask, tmp_path: Path) -> None:
    for token in ("hf_wrong", None):
        refused = ask("push", "egnet", "me/eyes", token=token)
        assert refused["code"] == 1
        assert "me/eyes: the Hub does not take it" in refused["error"]
        assert "log in with `hf auth login`" in refused["error"]
    assert not server.repositories
    missing = ask("pull", "me/nothing", "--out", str(tmp_path / "out"), token=TOKEN)
    assert missing["code"] == 1
    assert "me/nothing: cannot be had from the Hub" in missing["error"]
    assert not (tmp_path / "out").exists()


def test_half_a_download_is_no_model_and_is_finished_later(server: Hub, ask: Ask, tmp_path: Path) -> None:
    server.repositories["me/eyes"] = files = {name: (weights.SHIPPED / "egnet" / name).read_bytes() for name in WHOLE}
    server.cut.add("model.safetensors")
    half = ask("pull", "me/eyes", "--out", str(tmp_path / "out"))
    assert half["code"] == 1
    assert "me/eyes: cannot be had from the Hub" in half["error"]
    assert "check the name and the connection" in half["error"]
    assert not (tmp_path / "out").exists()
    server.cut.clear()
    assert ask("pull", "me/eyes", "--out", str(tmp_path / "out"))["code"] == 0
    assert (tmp_path / "out/model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_pickle_is_neither_downloaded_nor_read(server: Hub, ask: Ask, tmp_path: Path) -> None:
    config = (weights.SHIPPED / "egnet" / "config.json").read_bytes()
    server.repositories["me/pickle"] = {"config.json": config, "pytorch_model.bin": b"cos\nsystem\n(S'true'\ntR."}
    refused = ask(load="me/pickle")
    assert "me/pickle: holds no model.safetensors; weights in other formats are not read" in refused["error"]
    assert not any(asked.endswith("pytorch_model.bin") for asked in server.asked)
    server.repositories["me/false"] = {"config.json": config, "model.safetensors": b"cos\nsystem\n(S'true'\ntR."}
    assert "model.safetensors: damaged" in ask(load="me/false")["error"]
