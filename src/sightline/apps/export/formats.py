"""A network as a file: ONNX, OpenVINO, torch.export; and each of them run again."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.models.exports import ExportPart
from sightline.nn.backbones import for_any_size

Array = NDArray[np.float32]
LARGEST = 64
"""Side of the largest picture, where any size will do, in units of 32 pixels."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    name, suffix
        What the command calls it, and how its files end.
    needs
        The packages that write and run it.
    write
        Of (the traced graph, the part, the path).
    run
        Of (the path, the inputs): the outputs.
    """

    name: str
    suffix: str
    needs: tuple[str, ...]
    write: Callable[[Any, ExportPart, Path], None]
    run: Callable[[Path, Sequence[Array]], list[Array]]

    @property
    def missing(self) -> list[str]:
        """Packages that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def traced(part: ExportPart, inputs: Sequence[Tensor]) -> torch.export.ExportedProgram:
    """The network's graph for inputs of these shapes, or of any size."""
    shapes: Any = None
    if part.any_size:
        height, width = (torch.export.Dim(name, min=2, max=LARGEST) for name in ("height", "width"))
        shapes = tuple({2: 32 * height, 3: 32 * width} for _ in inputs)
    with quiet(), torch.no_grad(), for_any_size() if part.any_size else contextlib.nullcontext():
        return torch.export.export(part.network, tuple(inputs), dynamic_shapes=shapes, strict=False)


def _write_onnx(graph: torch.export.ExportedProgram, part: ExportPart, path: Path) -> None:
    names = {"input_names": [entry.name for entry in part.inputs], "output_names": list(part.outputs)}
    with quiet():
        torch.onnx.export(graph, (), path, dynamo=True, external_data=False, verbose=False, **names)  # type: ignore[arg-type]


def _run_onnx(path: Path, inputs: Sequence[Array]) -> list[Array]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    return list(session.run(None, dict(zip(names, inputs, strict=True))))


def _write_openvino(graph: torch.export.ExportedProgram, part: ExportPart, path: Path) -> None:
    import openvino

    written, own = path.with_suffix(".onnx"), path.with_suffix(".for-openvino.onnx")
    source = written if written.is_file() else own
    try:
        if source == own:
            _write_onnx(graph, part, source)
        openvino.save_model(openvino.convert_model(source), path, compress_to_fp16=False)
    finally:
        own.unlink(missing_ok=True)


_OPENVINO = """
import sys
import numpy as np, openvino
path, given, found, threads = sys.argv[1:]
# On processors with bfloat16 the default is to compute in it, to three digits.
exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": int(threads)}
with np.load(given) as values:
    inputs = [np.ascontiguousarray(values[name]) for name in values.files]
np.savez(found, *openvino.Core().compile_model(path, "CPU", exact)(inputs).values())
"""


def _run_openvino(path: Path, inputs: Sequence[Array]) -> list[Array]:
    """In a process of its own: OpenVINO ends the whole process where its compiler fails on a graph."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
        np.savez(given, *inputs)
        command = [sys.executable, "-c", _OPENVINO, str(path), str(given), str(found), str(torch.get_num_threads())]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or [f"OpenVINO's process ended with {done.returncode}"]
            raise RuntimeError(said[0])
        with np.load(found) as values:
            return [values[name] for name in values.files]


def _write_torch(graph: torch.export.ExportedProgram, part: ExportPart, path: Path) -> None:
    with quiet():
        torch.export.save(graph, path)


def _run_torch(path: Path, inputs: Sequence[Array]) -> list[Array]:
    with quiet(), torch.no_grad():
        found = torch.export.load(path).module()(*map(torch.from_numpy, inputs))
    return [value.numpy() for value in ([found] if isinstance(found, Tensor) else found)]


FORMATS = {
    each.name: each
    for each in (
        Format("onnx", ".onnx", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _run_onnx),
        Format("openvino", ".xml", ("onnx", "onnxscript", "openvino"), _write_openvino, _run_openvino),
        Format("torch", ".pt2", (), _write_torch, _run_torch),
    )
}
"""What can be written, by name."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporters print and warn of in every run."""
    for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export", "torch._export"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
