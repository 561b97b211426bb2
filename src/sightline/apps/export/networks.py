"""Each network of a model as a file of each format, checked against the model, with a card and an example."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sightline._version import __version__
from sightline.apps.export.card import NORMALISED, readme
from sightline.apps.export.formats import FORMATS, Format, traced
from sightline.errors import UsageError
from sightline.files import WholeFolder
from sightline.models import Predictor
from sightline.models.exports import PICTURE, ZEROS, ExportPart

MARKER = "card.json"
PARITY = 1e-3
"""Most that an output may differ from the model's, absolute, or relative where a value is above 1."""
Values = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Sample:
    """Inputs of every part, by its name, and what the model makes of them."""

    inputs: dict[str, list[Tensor]]
    outputs: dict[str, list[Tensor]]


def export_networks(
    model: Predictor,
    formats: Sequence[str],
    out: Path,
    *,
    parts: Sequence[str] = (),
    size: tuple[int, int] = (360, 640),
    step: Callable[[str], None] = lambda what: None,
) -> dict[str, Any]:
    """Write the networks of a model for programs without Sightline.

    Parameters
    ----------
    model : Predictor
        On the CPU.
    formats : sequence of str
        Of `FORMATS`: "onnx", "openvino", "torch".
    out : Path
        A new folder, or one of an earlier export, which goes. It gets `<part>.onnx`, `<part>.xml` with `<part>.bin`,
        `<part>.pt2`; card.json and README.md, which say what goes in and comes out; and, of ONNX, example.py.
    parts : sequence of str, optional
        Only these networks.
    size : (int, int)
        Height and width of the pictures that they are for.
    step : callable
        Told what is being done.

    Returns
    -------
    dict
        The card. A format in which a network cannot be written, or is further than 1e-3 from the model, stands under
        `not_in` with the reason, and has no file.

    Raises
    ------
    UsageError
        An unknown format or part, a package that is missing, or a model that has no parts.
    OutputError
        `out` holds something else, or cannot be written.
    """
    chosen = [_format(name) for name in dict.fromkeys(formats)]
    if min(size) < 1:
        raise UsageError(f"`size` {size[0]}x{size[1]}: height and width in pixels are expected, as in 360x640")
    first, others = model.export_parts(size), model.export_parts((size[1] + 64, size[0] + 160))
    names = [part.name for part in first]
    if not names:
        raise UsageError(f"`model` {model.name}: it has no networks to export")
    unknown = [name for name in parts if name not in names]
    if unknown:
        raise UsageError(f"`part` {', '.join(unknown)}: {model.name} has {', '.join(names)}")
    samples = [_sample(first, seed=None), _sample(first, seed=0)]
    other = _sample(others, seed=1) if any(part.any_size for part in first) else None
    with WholeFolder(out, marker=MARKER, replaces=_older(out)).require_ours() as partial:
        described = []
        for part in first:
            if parts and part.name not in parts:
                continue
            checks = [*samples, *([other] if other is not None and part.any_size else [])]
            described.append(_described(part, chosen, checks, partial, step))
        card = {
            "model": model.name,
            "weights_sha256": model.weights_sha256,
            "sightline": __version__,
            "picture_size": list(size),
            "preprocessing": NORMALISED,
            "parts": described,
        }
        if "onnx" in {each.name for each in chosen} and not parts:
            shutil.copyfile(Path(__file__).with_name("example.py"), partial / "example.py")
        (partial / "README.md").write_text(readme(card), encoding="utf-8")
        (partial / MARKER).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise UsageError(f"`format` {name}: choose from {', '.join(FORMATS)}")
    if FORMATS[name].missing:
        raise UsageError(
            f"`format` {name}: {', '.join(FORMATS[name].missing)} not installed; pip install 'sightline[export]'"
        )
    return FORMATS[name]


def _older(out: Path) -> tuple[str, ...]:
    """What an earlier export has left in a folder."""
    if not (out / MARKER).is_file():
        return ()
    return tuple(path.name for path in out.iterdir() if path.suffix in {".onnx", ".xml", ".bin", ".pt2", ".py", ".md"})


def _sample(parts: Sequence[ExportPart], seed: int | None) -> Sample:
    """A first frame, of which nothing is known; with a seed another one, with something in the place of all zeros."""
    generator = torch.Generator().manual_seed(seed or 0)
    values: Values = {}
    sample = Sample({}, {})
    for part in parts:
        inputs: list[Tensor] = []
        for entry in part.inputs:
            if entry.source == PICTURE:
                inputs.append(_picture(entry.shape, seed or 0))
            elif entry.source == ZEROS:
                inputs.append(
                    torch.zeros(entry.shape) if seed is None else torch.rand(entry.shape, generator=generator)
                )
            else:
                inputs.append(values[entry.source])
        with torch.no_grad():
            found = part.network(*inputs)
        outputs = [found] if isinstance(found, Tensor) else list(found)
        values |= {f"{part.name}.{name}": value for name, value in zip(part.outputs, outputs, strict=True)}
        sample.inputs[part.name], sample.outputs[part.name] = inputs, outputs
    return sample


def _picture(shape: tuple[int, ...], seed: int) -> Tensor:
    """Discs on a slope, (1, 3, H, W) in [0, 1]: something to see, but no photograph."""
    _, _, height, width = shape
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    image = np.stack([x, y, 1 - x]) * 0.4 + 0.2
    for _ in range(6):
        at, radius, colour = generator.random(2), 0.05 + 0.15 * generator.random(), generator.random(3)
        image[:, (x - at[0]) ** 2 + (y - at[1]) ** 2 < radius**2] = colour[:, None]
    return torch.from_numpy(image[None].astype(np.float32))


def _described(
    part: ExportPart, formats: Sequence[Format], samples: Sequence[Sample], folder: Path, step: Callable[[str], None]
) -> dict[str, Any]:
    """Write a part in each format; what the card says of it."""
    first = samples[0]
    files: dict[str, str] = {}
    parity: dict[str, float] = {}
    refused: dict[str, str] = {}
    for kind in formats:
        step(f"{part.name}: {kind.name}")
        path = folder / f"{part.name}{kind.suffix}"
        try:
            # A graph of its own for each: the exporter to ONNX may narrow the sizes that one is for (torch 2.6).
            kind.write(traced(part, first.inputs[part.name]), part, path)
            difference = max(_difference(kind, path, sample, part.name) for sample in samples)
        except (OSError, KeyboardInterrupt):
            raise
        except Exception as error:  # the exporters have no class of their own
            refused[kind.name] = " ".join(str(error).split())[:200] or type(error).__name__
        else:
            parity[kind.name] = difference
            if difference <= PARITY:
                files[kind.name] = path.name
                continue
            refused[kind.name] = f"differs from the model by {difference:.2g}"
        for left in (path, path.with_suffix(".bin")) if kind.suffix == ".xml" else (path,):
            left.unlink(missing_ok=True)
    outputs = zip(part.outputs.items(), first.outputs[part.name], strict=True)
    return {
        "name": part.name,
        "about": part.about,
        "any_size": part.any_size,
        "inputs": [
            {"name": entry.name, "about": entry.about, "source": entry.source, "shape": list(value.shape)}
            for entry, value in zip(part.inputs, first.inputs[part.name], strict=True)
        ],
        "outputs": [{"name": name, "about": about, "shape": list(value.shape)} for (name, about), value in outputs],
        "files": files,
        "parity": parity,
        "not_in": refused,
    }


def _difference(kind: Format, path: Path, sample: Sample, name: str) -> float:
    """How far a file's outputs are from the model's: absolute, relative above 1."""
    found = kind.run(path, [value.numpy() for value in sample.inputs[name]])
    return max(
        float((np.abs(got - said.numpy()) / np.maximum(1, np.abs(said.numpy()))).max())
        for got, said in zip(found, sample.outputs[name], strict=True)
        if said.numel()
    )


def exported(card: Mapping[str, Any], formats: Sequence[str]) -> dict[str, int]:
    """How many networks there are in each format."""
    return {name: sum(name in part["files"] for part in card["parts"]) for name in formats}
