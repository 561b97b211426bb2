"""Exported networks: the same numbers as the model, a card, an example that needs neither Sightline nor torch."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from typer.testing import CliRunner

from sightline.apps.export import export_networks
from sightline.apps.export.formats import FORMATS, quiet
from sightline.cli.app import app
from sightline.errors import OutputError, UsageError
from sightline.models import load
from sightline.models.base import Predictor
from sightline.models.exports import ExportPart, Input, picture
from sightline.nn.blocks import pool_to, resize
from sightline.types import Clip, Frame, Prompt

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


class See(nn.Module):
    """Level 2 of a picture, and its mean in cells of 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stage = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1))
        self.prior = nn.Parameter(torch.rand(1, 1, 3, 4))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.stage(images)
        small = pool_to(maps, maps[..., ::2, ::2])
        return maps, resize(small.mean(dim=1, keepdim=True) + resize(self.prior, small.shape[-2:]), images.shape[-2:])


class Decide(nn.Module):
    """Anything that reads what another network gives, and a memory."""

    def __init__(self, broken: bool) -> None:
        super().__init__()
        self.broken = broken

    def forward(self, maps: Tensor, memory: Tensor) -> Tensor:
        if self.broken and float(maps.sum()) > 1e9:  # a branch on values cannot be traced
            return maps
        return maps.sigmoid() + memory.mean()


class Small(Predictor):
    name = "small"
    weights_sha256 = "0" * 64
    gives: ClassVar[frozenset[str]] = frozenset({"saliency"})

    def __init__(self, broken: bool = False) -> None:
        self.see, self.decide = See().eval(), Decide(broken).eval()

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        yield from ()

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        height, width = (max(2, round(side / 160)) * 32 for side in size)
        memory = Input("memory", "of earlier frames", (1, 2))
        return (
            ExportPart(
                "see",
                "what is seen",
                self.see,
                (picture((height, width)),),
                {"maps": "level 2", "small": "its mean"},
                any_size=True,
            ),
            ExportPart(
                "decide",
                "what it means",
                self.decide,
                (Input("maps", "level 2", (), "see.maps"), memory),
                {"map": "it"},
            ),
        )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "small"
    export_networks(Small(), ["onnx", "torch"], out)
    return out


def test_the_files_give_what_the_model_gives(written: Path) -> None:
    model = Small()
    image = torch.rand(1, 3, 96, 160)
    maps, small = model.see(image)
    got = onnxruntime.InferenceSession(written / "see.onnx").run(None, {"picture": image.numpy()})
    for found, said in zip(got, (maps, small), strict=True):
        np.testing.assert_allclose(found, said.detach().numpy(), atol=1e-3)
    feed = {"maps": torch.rand(1, 4, 16, 32).numpy(), "memory": np.array([[0.25, 0.75]], np.float32)}
    (found,) = onnxruntime.InferenceSession(written / "decide.onnx").run(None, feed)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-feed["maps"])) + 0.5, atol=1e-3)
    exported = torch.export.load(written / "see.pt2").module()(image)
    np.testing.assert_allclose(exported[1].detach().numpy(), small.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["torch._export.serde.serialize", "onnx_ir.passes.common.initializer_deduplication"])
def test_what_exporters_say_in_every_run_is_not_heard(name: str) -> None:
    with quiet():
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)


def test_the_card_says_what_goes_in_and_comes_out(written: Path) -> None:
    card = json.loads((written / "card.json").read_text())
    see, decide = card["parts"]
    assert see["any_size"]
    assert see["inputs"] == [
        {"name": "picture", "about": "the picture, RGB in [0, 1]", "source": "picture", "shape": [1, 3, 64, 128]}
    ]
    assert [(out["name"], out["shape"]) for out in see["outputs"]] == [
        ("maps", [1, 4, 16, 32]),
        ("small", [1, 1, 64, 128]),
    ]
    assert decide["inputs"][1] == {"name": "memory", "about": "of earlier frames", "source": "zeros", "shape": [1, 2]}
    assert see["files"] == {"onnx": "see.onnx", "torch": "see.pt2"}
    assert all(0 <= value <= 1e-3 for part in card["parts"] for value in part["parity"].values())
    text = (written / "README.md").read_text()
    assert "divided by 255" in text
    assert "| in | `maps` | 1×4×16×32 | `see.maps` | level 2 |" in text


def test_the_example_needs_neither_sightline_nor_torch(written: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "picture.png")
    script = (
        "import runpy, sys; sys.modules['torch'] = sys.modules['sightline'] = None; "
        f"sys.argv = ['example.py', 'picture.png']; runpy.run_path({str(written / 'example.py')!r})"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    assert len((written / "example.py").read_text().splitlines()) <= 33
    got = np.load(tmp_path / "outputs.npz")
    maps, _ = Small().see(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 255))
    np.testing.assert_allclose(got["decide.map"], maps.detach().sigmoid().numpy(), atol=1e-3)


def test_a_network_that_cannot_be_traced_is_left_out_with_the_reason(tmp_path: Path) -> None:
    card = export_networks(Small(broken=True), ["torch"], tmp_path / "out")
    see, decide = card["parts"]
    assert see["files"] == {"torch": "see.pt2"}
    assert decide["files"] == {}
    assert decide["not_in"]["torch"]
    assert not (tmp_path / "out/decide.pt2").exists()
    assert f"Not in torch: {decide['not_in']['torch']}" in (tmp_path / "out/README.md").read_text()


def test_a_file_that_differs_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.apps.export.networks.PARITY", -1.0)
    card = export_networks(Small(), ["torch"], tmp_path / "out", parts=["decide"])
    (decide,) = card["parts"]
    assert decide["not_in"]["torch"].startswith("differs from the model by")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "card.json"]


def test_openvino_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    card = export_networks(Small(), ["openvino"], tmp_path / "out", parts=["decide"])
    assert card["parts"][0]["parity"]["openvino"] <= 1e-3
    there = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert there == ["README.md", "card.json", "decide.bin", "decide.xml"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"formats": ["tflite"]}, "`format` tflite: choose from onnx, openvino, torch"),
        ({"formats": ["torch"], "parts": ["look"]}, "`part` look: small has see, decide"),
        ({"formats": ["torch"], "size": (0, 5)}, "`size` 0x5"),
    ],
)
def test_wrong_usage_leaves_nothing(tmp_path: Path, given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        export_networks(Small(), out=tmp_path / "out", **given)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        export_networks(Small(), ["torch"], tmp_path, parts=["decide"])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.models.load", lambda name, device: Small())
    out = tmp_path / "out"
    said = CliRunner().invoke(app, ["export", "small", "-f", "torch", "--part", "decide", "-o", str(out), "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout) == json.loads((out / "card.json").read_text())
    assert isinstance(CliRunner().invoke(app, ["export", "small", "--size", "big", "-o", "x"]).exception, UsageError)


def test_a_check_keeps_nothing_and_says_what_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sightline.models.load", lambda name, device: Small())
    said = CliRunner().invoke(app, ["export", "small", "--check", "-f", "torch", "--part", "decide"])
    assert said.exit_code == 0, said.output
    assert re.fullmatch(r"decide in torch  \(differs by \d\.\de[+-]\d\d at most\)", said.stdout.strip())
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("sightline.models.load", lambda name, device: Small(broken=True))
    said = CliRunner().invoke(app, ["export", "small", "--check", "-f", "torch"])
    assert said.exit_code == 1
    assert "see in torch" in said.stdout
    assert "decide is not in torch" in said.stderr
    for wrong in (["export", "small"], ["export", "small", "--check", "-o", "x"]):
        assert isinstance(CliRunner().invoke(app, wrong).exception, UsageError)


SHIPPED = os.environ.get("EXPORT_SHIPPED")


@pytest.mark.parametrize("name", ["egnet", "egcnet", "wcsnet", "samgop", "stanet-plus"])
@pytest.mark.skipif(SHIPPED is None, reason="minutes of work: EXPORT_SHIPPED=1 exports the weights that ship")
def test_the_weights_that_ship_are_the_same_in_every_format(name: str, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    card = export_networks(load(name, device="cpu"), list(FORMATS), tmp_path / "out", size=(96, 160))
    assert not [(part["name"], kind) for part in card["parts"] for kind in part["not_in"]]
    assert all(value <= 1e-3 for part in card["parts"] for value in part["parity"].values())
