"""Reading weights that come from outside, without running what may be in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sightline.errors import WeightsError


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name.

    Parameters
    ----------
    path : Path
        A safetensors file, or a checkpoint of torch. Of the latter tensors and plain values alone are read; it may hold
        them directly or under `model_state_dict` or `state_dict`. A folder stands for its model.safetensors.

    Raises
    ------
    WeightsError
        The file is missing or damaged, or holds no tensors, or code that would have to be run.
    """
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights; give a file of safetensors or of torch")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise WeightsError(f"{path}: damaged ({error}); copy or download it again") from None
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a damaged archive torch raises whatever its pickle machine stumbles over
        reason = str(error).split(".")[0].strip().split("\n")[0]
        raise WeightsError(
            f"{path}: cannot be read as plain tensors ({reason}); sightline runs no code out of weights: save its "
            "state dict as safetensors"
        ) from None
    for name in ("model_state_dict", "state_dict"):
        if isinstance(found, dict) and name in found:
            found = found[name]
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise WeightsError(f"{path}: no state dict (names and tensors) in it; save that of the network alone")
    return found


def fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Give a network its tensors, strictly. Raises WeightsError, with `path`, where they do not fit."""
    try:
        network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
        )
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: holds another network than {type(network).__name__} ({reason})") from None
