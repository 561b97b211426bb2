"""Inference engines: onnxruntime where it is installed (three times faster on a CPU), torch elsewhere.

Both give the same numbers to float32 accuracy (tests/nn/test_engine.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from sightline._version import __version__
from sightline.errors import OutputError
from sightline.files import WholeFile


def engine_cache() -> Path:
    """Where exported graphs are kept: $SIGHTLINE_CACHE, or `sightline` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("SIGHTLINE_CACHE") or Path(base) / "sightline")


def has_onnxruntime() -> bool:
    """Whether the packages that the onnxruntime engine needs are installed (the extra `export`)."""
    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


_notes: dict[str, None] = {}


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
        if self.device.type == "cpu":
            self.session = _session_or_note(self.network, tuple(example))
        if self.session is not None:
            self.inputs = [node.name for node in self.session.get_inputs()]

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        if self.session is not None:
            feed = {name: value.numpy() for name, value in zip(self.inputs, inputs, strict=True)}
            return [torch.from_numpy(array) for array in self.session.run(None, feed)]
        with torch.no_grad():  # inference mode's tensors could not be written to, as onnxruntime's can
            outputs = self.network(*(value.to(self.device) for value in inputs))
        return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _session_or_note(network: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """A session of ONNX Runtime, None where it is not to be had."""
    if not has_onnxruntime():
        _notes["networks run in torch; pip install 'sightline[export]' makes them about three times as fast"] = None
        return None
    try:
        return _session(network, example)
    except Exception as error:  # a broken installation may raise anything at import, export or opening
        cause = next(iter(str(error).splitlines()), "") or type(error).__name__
        _notes[
            f"networks run in torch, about three times slower: ONNX Runtime does not work ({cause}); reinstall it"
        ] = None
        return None


def _session(network: nn.Module, example: tuple[Tensor, ...]) -> Any:
    path = engine_cache() / f"{_fingerprint(network, example)}.onnx"
    try:
        if path.is_file():
            with contextlib.suppress(Exception):  # onnxruntime has no class of its own for a damaged file
                return _open(path)
        _export(network, example, path)
        return _open(path)
    except (OSError, OutputError):  # a full disk, a home that is read-only or not there
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / path.name
            _export(network, example, path)
            return _open(path)


def _open(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    # Threads that wait actively would take the cores from the decoder and the encoder beside the network.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


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
    for name in ("torch.onnx", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with WholeFile(path) as partial, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, example, partial, dynamo=True, external_data=False, verbose=False)
