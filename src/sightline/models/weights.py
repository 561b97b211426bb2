"""Weights on disk: a folder with config.json, model.safetensors (float16) and a model card, README.md."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from sightline.errors import OutputError, SightlineError, UsageError, WeightsError, first_line
from sightline.files import WholeFolder
from sightline.untrusted import parse_json

C = TypeVar("C", bound=BaseModel)
N = TypeVar("N", bound=nn.Module)
SHIPPED = Path(__file__).parents[1] / "weights"
"""Where the weights inside the package are, one folder a model."""
PATTERNS = ("config.json", "*/config.json", "*.safetensors", "README.md", "*/README.md")
"""What is taken from and put on the Hub: a folder of weights, and those of its parts in it."""


def is_path(name: str) -> bool:
    """Whether a name is written as a path: ./x, ../x, ~/x, /x, x/y/z."""
    return name.startswith((".", "~", os.sep)) or Path(name).is_absolute() or name.count("/") > 1


def is_hub_id(name: str) -> bool:
    """Whether a name is written as a Hub id: user/model."""
    return not is_path(name) and name.count("/") == 1 and all(name.split("/"))


def find_weights(name: str | Path) -> Path:
    """The folder of weights that a name stands for.

    Parameters
    ----------
    name
        A Path, or a string that is written as one, is a folder; "user/model" is a Hub id; any other string is the name
        of shipped weights.

    Raises
    ------
    WeightsError
        There is none, with what can be done.
    """
    if isinstance(name, Path) or is_path(name):
        folder = Path(name).expanduser()
        if folder.is_dir():
            return folder
        raise WeightsError(f"{name}: no such folder; a weights folder holds config.json and model.safetensors")
    if is_hub_id(name):
        if Path(name).is_dir():
            raise WeightsError(
                f"{name}: a Hub id, but a folder of that name is here too; write ./{name} for the folder"
            )
        return from_hub(name)
    if name and (SHIPPED / name).is_dir():
        return SHIPPED / name
    raise WeightsError(f"{name}: no weights of that name ship; give a folder (./{name}) or a Hub id (user/{name})")


class Part(BaseModel):
    """Another network that a model works with, named in its config.

    weights: where it is: "./x" inside of the model's own folder, the name of shipped weights, or a Hub id. sha256: of
    its model.safetensors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


def part(name: str | Path) -> Part:
    """The weights of a name, or of an absolute path, as a part: with their checksum now."""
    return Part(weights=str(name), sha256=sha256(find_weights(name)))


def find_part(folder: Path, name: str, parts: Mapping[str, Part]) -> Path:
    """The folder of a part of the model in `folder`, looked up only where its config says.

    Raises
    ------
    WeightsError
        The config does not name it, it is not there, or its checksum is another.
    """
    if name not in parts:
        raise WeightsError(f"{folder / 'config.json'}: parts: {name} is not named there; say its weights and sha256")
    said = parts[name]
    inside = said.weights.startswith("./")
    try:
        found = find_weights(folder / said.weights[2:]) if inside else find_weights(said.weights)
    except (WeightsError, OSError, ValueError) as error:  # of a name that no file can have, the system's own
        raise WeightsError(f"{folder / 'config.json'}: parts: {name}: {first_line(error)}") from None
    digest = sha256(found)
    if digest != said.sha256:
        raise WeightsError(
            f"{found}: not the weights that {folder / 'config.json'} names as {name} (sha256 {digest[:12]}... for "
            f"{said.sha256[:12]}...); restore them, or train the model with these"
        )
    return found


def folders_of(folder: Path) -> tuple[Path, ...]:
    """The folder of a shipped model and those of its parts, of their parts, and so on; each once.

    One that is not there is named too, as somebody who packs the weights must know of it.
    """
    found = [folder]
    if not (folder / "config.json").is_file():
        return (folder,)
    for said in (read_config(folder).get("parts") or {}).values():
        found += folders_of(SHIPPED / str(said["weights"]))
    return tuple(dict.fromkeys(found))


def from_hub(repository: str) -> Path:
    """The folder, in the Hub's cache, with the weights of a repository. Nothing but JSON, safetensors and cards is
    downloaded. Raises WeightsError."""
    from huggingface_hub import snapshot_download

    try:
        found = Path(snapshot_download(repository, allow_patterns=list(PATTERNS)))
    except Exception as error:  # huggingface_hub lets through what its HTTP client raises, of no common kind
        raise WeightsError(
            f"{repository}: cannot be had from the Hub ({first_line(error)}); check the name and the connection, or "
            "give a local folder"
        ) from error
    if not (found / "model.safetensors").is_file():
        raise WeightsError(
            f"{repository}: holds no model.safetensors; weights in other formats are not read, as they may run code"
        )
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a weights folder. Raises WeightsError where it is missing or no JSON object."""
    path = folder / "config.json"
    try:
        config = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: missing; a weights folder holds config.json and model.safetensors") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); restore it from where the weights came from") from None
    if not isinstance(config, dict):
        raise WeightsError(f"{path}: an object {{...}} is expected; restore it from where the weights came from")
    return config


def checked_config(kind: type[C], folder: Path) -> C:
    """The config of a weights folder as a record. Raises WeightsError with the field where it is not of this kind."""
    try:
        return kind.model_validate(read_config(folder))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise WeightsError(f"{folder / 'config.json'}: {place}: {problem['msg']}") from None


def build(network: type[N], config: type[C], folder: Path) -> N:
    """A network with the weights of a folder, in evaluation mode. Raises WeightsError where it holds another."""
    said = checked_config(config, folder)
    built = make(lambda: network(said), folder)
    load_into(built, folder)
    return built.eval()


def make(network: Callable[[], N], folder: Path, lent: tuple[str, ...] = ()) -> N:
    """The network of a folder's config, its weights not yet in it.

    It is first made without memory and compared with what model.safetensors holds: a config that asks for a network of
    another size, however large, costs nothing.

    Parameters
    ----------
    network
        Makes it, of the config.
    folder
        Where its weights are.
    lent
        Beginnings of the names of tensors that other weights lend it.

    Raises
    ------
    WeightsError
        No network can be made of that config, or the file holds another.
    """
    path = folder / "model.safetensors"
    try:
        with torch.device("meta"):
            plan = network()
    except (SightlineError, ValueError, RuntimeError, TypeError, ArithmeticError, AssertionError, LookupError) as error:
        said = first_line(error)
        raise WeightsError(f"{folder / 'config.json'}: no network can be made of it ({said})") from None
    held = _shapes(path)
    for name, value in plan.state_dict().items():
        shape = held.get(name)
        if shape is None and (name.startswith(lent) or name.endswith("num_batches_tracked")):
            continue
        if shape != value.shape:
            there = "none" if shape is None else str(list(shape))
            reason = f"{name}: {there} there, {list(value.shape)} here"
            raise WeightsError(f"{path}: does not fit the network of its config.json ({reason})")
    return network()


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's tensors. Raises WeightsError where it is missing or damaged."""
    if not path.is_file():
        raise WeightsError(f"{path}: missing; a weights folder holds config.json and model.safetensors")
    try:
        with safe_open(path, "pt") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: damaged ({error}); copy or download it again") from None


def load_into(network: nn.Module, folder: Path, new: tuple[str, ...] = ()) -> None:
    """Fill a network from folder/model.safetensors (strictly), as float32.

    new: beginnings of the names of tensors that stay as they are where the file has none.

    Raises WeightsError where the file is missing, damaged, or holds other tensors than the network has.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise WeightsError(f"{path}: missing; a weights folder holds config.json and model.safetensors")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: damaged ({error}); copy or download it again") from None
    own = {name: value for name, value in network.state_dict().items() if name.startswith(new)} if new else {}
    try:
        network.load_state_dict({**own, **{k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: does not fit the network of its config.json ({reason})") from None


def save(network: nn.Module, config: dict[str, Any], folder: Path) -> None:
    """Write config.json and model.safetensors (float16); both appear whole or not at all. What the network is lent by
    another one (`network.lent`, names) is left out.

    Raises OutputError where they cannot be written.
    """
    tensors = {
        name: _as_half(value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked") and name not in getattr(network, "lent", ())
    }
    try:
        with WholeFolder(folder, marker="model.safetensors") as partial:
            save_file(tensors, partial / "model.safetensors")
            (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            # safetensors makes files that their owner alone may read; weights are to be shared as any other file is.
            shutil.copymode(partial / "config.json", partial / "model.safetensors")
    except SafetensorError as error:
        raise OutputError(f"{folder}: cannot write the weights ({error}); check space and permissions") from error


def round_as_saved(network: nn.Module) -> None:
    """Round what a network holds to what `save` keeps of it, in place, so that it is the same once it is loaded."""
    for name, value in network.state_dict().items():
        value.copy_(torch.zeros_like(value) if name.endswith("num_batches_tracked") else _as_half(value))


def _as_half(value: torch.Tensor) -> torch.Tensor:
    """float16, unless that cannot hold a value (a running variance beyond 65504, say)."""
    if not value.is_floating_point():
        return value
    half = value.half()
    return half if half.isfinite().all() or not value.isfinite().all() else value


def sha256(folder: Path) -> str:
    """Checksum of folder/model.safetensors, as hexadecimal digits. Raises WeightsError where it is missing."""
    path = folder / "model.safetensors"
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); copy or download it again") from None


def device_of(name: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda`, `cuda:1`, `mps`. Raises UsageError for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"`device` {name!r} is not to be had here ({str(error).splitlines()[0]}); use cpu") from None
    return device
