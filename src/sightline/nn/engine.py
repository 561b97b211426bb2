"""Inference engines: onnxruntime where it is installed (three times faster on a CPU), torch elsewhere.

Both give the same numbers to float32 accuracy (tests/nn/test_engine.py). OpenVINO, on request, runs the same graph in
bfloat16 on CPUs that have it, and torch does on a GPU: faster, with numbers of three digits.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import io
import logging
import tempfile
import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor, nn

from sightline._version import __version__
from sightline.errors import OutputError, UsageError
from sightline.files import WholeFile
from sightline.kept import kept_folder, make_room, used


def has_onnxruntime() -> bool:
    """Whether the packages that the onnxruntime engine needs are installed (the extra `export`)."""
    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


Name = Literal["auto", "torch", "onnxruntime", "openvino"]
_preferred: list[Name] = ["auto"]
_notes: dict[str, None] = {}


def prefer(name: str) -> None:
    """Choose the engine of all networks that are made from now on, on a CPU; "auto" is onnxruntime or else torch.

    Raises
    ------
    UsageError
        There is no such engine, or its package is not installed.
    """
    if name not in get_args(Name):
        raise UsageError(f"`engine` {name}: choose one of {', '.join(get_args(Name))}")
    if name == "onnxruntime" and not has_onnxruntime():
        raise UsageError("`engine` onnxruntime: not installed; pip install 'sightline[export]'")
    if name == "openvino" and not (has_onnxruntime() and importlib.util.find_spec("openvino")):
        raise UsageError("`engine` openvino: not installed; pip install openvino 'sightline[export]'")
    _preferred[0] = name  # type: ignore[call-overload]  # one of them


def engine_notes() -> list[str]:
    """Why networks run in torch on this CPU, although ONNX Runtime is faster; nothing where they do not."""
    return list(_notes)


class Engine:
    """A network in evaluation mode, called with tensors of fixed shapes; returns a list of tensors.

    The onnxruntime graph is made at the first use of a network and shape and kept in `engine_cache()`, under a name
    that its weights, code and shapes determine. Where nothing can be kept, it is made anew each time. Where ONNX
    Runtime is not there or does not work, torch takes its place, and `engine_notes` says so.
    """

    def __init__(self, network: nn.Module, example: Sequence[Tensor], device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.session: Any = None
        if self.device.type == "cpu" and _preferred[0] != "torch":
            self.session = _session_or_note(self.network, tuple(example))

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        if self.session is not None:
            return [torch.from_numpy(array) for array in self.session.run([value.numpy() for value in inputs])]
        half = self.device.type == "cuda"
        # Inference mode's tensors could not be written to, as onnxruntime's can.
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            outputs = self.network(*(value.to(self.device) for value in inputs))
        found = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        return [value.float() for value in found] if half else found


def _session_or_note(network: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """A session of ONNX Runtime, None where it is not to be had."""
    if not has_onnxruntime():
        _notes["networks run in torch; pip install 'sightline[export]' makes them about three times as fast"] = None
        return None
    try:
        return _session(network, example)
    except UsageError:
        raise
    except Exception as error:  # a broken installation may raise anything at import, export or opening
        cause = next(iter(str(error).splitlines()), "") or type(error).__name__
        _notes[
            f"networks run in torch, about three times slower: ONNX Runtime does not work ({cause}); reinstall it"
        ] = None
        return None


def _session(network: nn.Module, example: tuple[Tensor, ...]) -> Any:
    path = kept_folder() / f"{_fingerprint(network, example)}.onnx"
    try:
        if used(path):
            with contextlib.suppress(Exception):  # onnxruntime has no class of its own for a damaged file
                return _open(path)
        make_room()
        _export(network, example, path)
        return _open(path)
    except (OSError, OutputError):  # a full disk, a home that is read-only or not there
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / path.name
            _export(network, example, path)
            return _open(path)


class _OnnxRuntime:
    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        # Threads that wait actively would take the cores from the decoder and the encoder beside the network.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [node.name for node in self._session.get_inputs()]

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        return list(self._session.run(None, dict(zip(self._names, inputs, strict=True))))


class _OpenVINO:
    def __init__(self, path: Path) -> None:
        import openvino

        core = openvino.Core()
        precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": precision, **threads})
        self._request = compiled.create_infer_request()
        _notes[f"networks run in OpenVINO, in {precision}"] = None

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        found = self._request.infer([np.ascontiguousarray(value) for value in inputs])
        return [np.array(value) for value in found.values()]


def _open(path: Path) -> _OnnxRuntime | _OpenVINO:
    return _OpenVINO(path) if _preferred[0] == "openvino" else _OnnxRuntime(path)


def _fingerprint(network: nn.Module, example: tuple[Tensor, ...]) -> str:
    shapes = [(tuple(value.shape), str(value.dtype)) for value in example]
    digest = hashlib.sha256(f"{__version__} {torch.__version__} {network} {shapes}".encode())
    # An edited layer, or one with another setting, must not meet the graph of the old one.
    for file in sorted({inspect.getfile(type(module)) for module in network.modules()}):
        if "site-packages" not in file:
            digest.update(Path(file).read_bytes())
    for module in network.modules():
        settings = {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, int | float | str | tuple | BaseModel)
        }
        digest.update(repr(settings).encode())
    for name, value in chain(network.named_parameters(), network.named_buffers()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()[:32]


def _export(network: nn.Module, example: tuple[Tensor, ...], path: Path) -> None:
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with WholeFile(path) as partial, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, example, partial, dynamo=True, external_data=False, verbose=False)
