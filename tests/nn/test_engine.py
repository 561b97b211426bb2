"""Both engines give the same numbers; the cache of exported graphs is never wrong and never half-written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sightline.nn.engine
from models import small
from sightline.errors import UsageError
from sightline.kept import kept_folder
from sightline.models.wcsnet.tracker import _Step
from sightline.nn.engine import Engine, _fingerprint, _notes, engine_notes, has_onnxruntime, prefer

needs_onnxruntime = pytest.mark.skipif(
    not has_onnxruntime(), reason="onnxruntime, onnx and onnxscript are not installed"
)


class Scaled(nn.Module):
    """A small network with a setting that is in neither its weights nor its printed form."""

    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3)
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        return self.factor * self.convolution(images)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def quick_export(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stand in for the export, which takes seconds: writes a graph made once; returns the files asked for."""
    torch.manual_seed(0)
    made: list[Path] = []

    def export(network: nn.Module, example: tuple[Tensor, ...], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_minimal_graph())
        made.append(path)

    monkeypatch.setattr(sightline.nn.engine, "_export", export)
    return made


def _minimal_graph() -> bytes:
    """An ONNX model that returns its input."""
    from onnx import TensorProto, helper

    shape = [1, 3, 8, 8]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [source], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _step() -> tuple[nn.Module, list[Tensor]]:
    network = small.wcsnet()
    template, mask, gaze, search = small.pair()
    with torch.inference_mode():
        kernels = network.template(network.backbone(template), mask, gaze)
        features = network.backbone(search)
    inputs = [*features, *kernels.mask, *kernels.hotspot]
    return _Step(network, len(features)).eval(), [value.clone() for value in inputs]


@pytest.fixture
def openvino() -> Iterator[None]:
    pytest.importorskip("openvino")
    prefer("openvino")
    yield
    prefer("auto")
    _notes.clear()


@needs_onnxruntime
@pytest.mark.usefixtures("cache", "openvino")
def test_openvino_gives_what_torch_gives_to_the_digits_of_its_precision() -> None:
    torch.manual_seed(0)
    network, example = _step()
    engine = Engine(network, example)
    (note,) = engine_notes()
    assert note in ("networks run in OpenVINO, in bf16", "networks run in OpenVINO, in f32")
    with torch.inference_mode():
        expected = network(*example)
    first = engine(*example)
    kept = [value.clone() for value in first]
    engine(*(torch.rand_like(value) for value in example))
    for ours, copy, theirs in zip(first, kept, expected, strict=True):
        torch.testing.assert_close(ours, copy, msg="a later run writes over an earlier result")
        assert (ours - theirs).abs().max() < 0.05 * theirs.abs().max()


def test_an_engine_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="`engine` fast: choose one of auto, torch, onnxruntime, openvino"):
        prefer("fast")
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)
    for name in ("onnxruntime", "openvino"):
        with pytest.raises(UsageError, match=f"`engine` {name}: not installed; pip install"):
            prefer(name)


@needs_onnxruntime
@pytest.mark.parametrize("make", [lambda: (small.egnet(), [torch.rand(1, 3, 64, 96)]), _step], ids=["egnet", "step"])
def test_onnxruntime_gives_what_torch_gives(make: Callable[[], tuple[nn.Module, list[Tensor]]]) -> None:
    torch.manual_seed(0)
    network, example = make()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2)
    engine = Engine(network, example)
    assert engine.session is not None
    other = [value if number else torch.rand_like(value) for number, value in enumerate(example)]
    for inputs in (example, other):
        outputs = engine(*inputs)
        with torch.inference_mode():
            expected = network(*inputs)
        expected = [expected] if isinstance(expected, Tensor) else list(expected)
        assert len(outputs) == len(expected)
        for ours, theirs in zip(outputs, expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@needs_onnxruntime
def test_a_graph_is_exported_once_and_nothing_else_is_left_in_the_cache(cache: Path) -> None:
    network, example = Scaled().eval(), [torch.rand(1, 3, 8, 8)]
    first = Engine(network, example)
    files = list(cache.iterdir())
    assert [file.suffix for file in files] == [".onnx"]
    exported = files[0].stat().st_ino
    second = Engine(network, example)
    assert list(cache.iterdir()) == files
    assert files[0].stat().st_ino == exported
    np.testing.assert_array_equal(first(*example)[0].numpy(), second(*example)[0].numpy())


@needs_onnxruntime
def test_an_export_that_is_stopped_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: object, **options: object) -> None:
        Path(str(args[2])).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.onnx, "export", stopped)
    with pytest.raises(KeyboardInterrupt):
        Engine(Scaled(), [torch.rand(1, 3, 8, 8)])
    assert list(cache.iterdir()) == []


@needs_onnxruntime
@pytest.mark.parametrize("content", [b"", b"no graph at all", "cut"])
def test_a_damaged_graph_is_made_anew(content: bytes | str, cache: Path, quick_export: list[Path]) -> None:
    example = torch.rand(1, 3, 8, 8)
    path = kept_folder() / f"{_fingerprint(network := Scaled().eval(), (example,))}.onnx"
    cache.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else _minimal_graph()[:40])
    assert torch.equal(Engine(network, [example])(example)[0], example)
    assert quick_export == [path]


@needs_onnxruntime
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file"))
    example = torch.rand(1, 3, 8, 8)
    network = Scaled().eval()
    with torch.inference_mode():
        expected = network(example)
    torch.testing.assert_close(Engine(network, [example])(example)[0], expected)
    assert (tmp_path / "file").read_bytes() == b""


def test_without_onnxruntime_torch_runs_the_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)
    network, example = Scaled(), torch.rand(1, 3, 8, 8)
    engine = Engine(network, [example])
    assert engine.session is None
    assert not network.training, "the engine runs a network as it is used, not as it is trained"
    with torch.inference_mode():
        assert torch.equal(engine(example)[0], network(example))
    assert not cache.exists()


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_onnxruntime_needs_all_three_packages(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = sightline.nn.engine.importlib.util.find_spec
    monkeypatch.setattr(
        sightline.nn.engine.importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    assert not has_onnxruntime()


def test_a_graph_is_known_by_everything_that_it_depends_on(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, example = Scaled(), (torch.zeros(1, 3, 8, 8),)
    name = _fingerprint(network, example)
    assert _fingerprint(network, (torch.rand(1, 3, 8, 8),)) == name, "values of the example do not matter"
    assert _fingerprint(network, (torch.zeros(1, 3, 8, 9),)) != name
    network.factor = 3.0
    assert _fingerprint(network, example) != name
    network.factor = 2.0
    with torch.no_grad():
        network.convolution.bias[0] += 1e-3
    assert _fingerprint(network, example) != name
    # A buffer that no state_dict holds counts as well.
    first, second = small.egnet(), small.egnet()
    second.load_state_dict(first.state_dict())
    assert _fingerprint(first, example) == _fingerprint(second, example)
    second.backbone.get_buffer("mean").add_(0.1)
    assert _fingerprint(first, example) != _fingerprint(second, example)


def test_a_graph_is_known_by_the_config_of_its_network() -> None:
    network, example = small.egnet(), (torch.zeros(1, 3, 64, 64),)
    name = _fingerprint(network, example)
    network.config = network.config.model_copy(update={"input_size": 96})
    assert _fingerprint(network, example) != name


def test_a_graph_is_known_by_the_code_of_its_network(tmp_path: Path) -> None:
    import importlib.util
    import sys

    names = []
    for operation in ("+", "-"):
        path = tmp_path / "layer.py"
        path.write_text(
            "from torch import nn\n"
            "class Layer(nn.Module):\n"
            "    def forward(self, x):\n"
            f"        return x {operation} 1\n"
        )
        spec = importlib.util.spec_from_file_location("layer_of_a_test", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["layer_of_a_test"] = module
        spec.loader.exec_module(module)
        names.append(_fingerprint(module.Layer(), (torch.zeros(1),)))
    del sys.modules["layer_of_a_test"]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    "error",
    [ImportError("libfoo.so: cannot open shared object file"), RuntimeError("module compiled against ABI version 1")],
)
@needs_onnxruntime
def test_a_broken_onnxruntime_gives_way_to_torch_and_says_so(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (tmp_path / "shim" / "onnxruntime").mkdir(parents=True)
    (tmp_path / "shim" / "onnxruntime" / "__init__.py").write_text(f"raise {type(error).__name__}({str(error)!r})\n")
    monkeypatch.syspath_prepend(tmp_path / "shim")
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.setattr(sightline.nn.engine, "_notes", {})
    monkeypatch.setattr(sightline.nn.engine, "_export", lambda network, example, path: None)
    network, images = Scaled().eval(), torch.rand(1, 3, 8, 8)
    engine = Engine(network, [images])
    torch.testing.assert_close(engine(images)[0], network(images).detach())
    assert engine.session is None
    (note,) = engine_notes()
    assert str(error) in note


def test_a_lacking_onnxruntime_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightline.nn.engine, "_notes", {})
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)
    for _ in range(2):
        Engine(Scaled(), [torch.rand(1, 3, 8, 8)])
    assert engine_notes() == [
        "networks run in torch; pip install 'sightline[export]' makes them about three times as fast"
    ]
