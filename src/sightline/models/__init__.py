"""The models by name: one folder and one line each."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.errors import UsageError, WeightsError
from sightline.models import weights
from sightline.models.base import Input, Predictor
from sightline.types import Frame

__all__ = ["REGISTRY", "ModelInfo", "Predictor", "list_models", "load", "predict"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A line of the registry.

    Attributes
    ----------
    name
        What `load` calls the model, and `model` in its config.json.
    predictor
        Where its predictor is, as "package.module:Class".
    paper
        Where it comes from.
    hub
        The Hub id of its weights, of a model too large to ship; None where they are inside the package.
    use
        What it is for, as one chooses by it: a few words without a full stop.
    """

    name: str
    predictor: str
    paper: str
    hub: str | None = None
    use: str = ""

    def load_class(self) -> type[Predictor]:
        """The class of its predictor; imports the model."""
        module, _, name = self.predictor.partition(":")
        found: type[Predictor] = getattr(importlib.import_module(module), name)
        return found

    @property
    def gives(self) -> frozenset[str]:
        """What its frames hold."""
        return self.load_class().gives

    @property
    def takes(self) -> frozenset[str]:
        """The kinds of prompt that it takes."""
        return self.load_class().takes

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of its weights inside the package: its own and those of its parts; none where it has a Hub id."""
        return () if self.hub else weights.folders_of(weights.SHIPPED / self.name)

    @property
    def shipped(self) -> bool:
        """Whether all its weights are inside the package."""
        return bool(self.folders) and all((folder / "model.safetensors").is_file() for folder in self.folders)


WCSNET = "WCS-Net (Zhang et al., ECCV 2020)"
STANET = "STANet (Wang et al., CVPR 2021)"
SAMGOP = "SamGOP (Jin et al., ECCV 2024)"
EGCNET = "From Sight to Insight (Qin et al., 2025)"
REGISTRY: tuple[ModelInfo, ...] = (
    ModelInfo(
        "wcsnet",
        "sightline.models.wcsnet.predictor:WCSNetPredictor",
        WCSNET,
        use="follow what people look at, or what you mark: one object or several",
    ),
    ModelInfo(
        "egnet",
        "sightline.models.wcsnet.predictor:EGNetPredictor",
        WCSNET,
        use="see where people look, picture by picture",
    ),
    ModelInfo(
        "egcnet",
        "sightline.models.egcnet.predictor:EGCNetPredictor",
        EGCNET,
        use="find whatever stands out, or what an eye tracker's viewers looked at",
    ),
    ModelInfo(
        "stanet",
        "sightline.models.stanet.predictor:STANetPredictor",
        STANET,
        use="see what makes the sound that is heard, learned from tags alone",
    ),
    ModelInfo(
        "stanet-plus",
        "sightline.models.stanet_plus.predictor:STANetPlusPredictor",
        "STANet+ (Wang et al., 2021)",
        use="the same with memory: frames around, and what was seen and heard before",
    ),
    ModelInfo(
        "stanet-fixations",
        "sightline.models.stanet.predictor:STANetPredictor",
        STANET,
        use="see where people look in a video, with its motion and sound",
    ),
    ModelInfo(
        "samgop",
        "sightline.models.samgop.predictor:SamGOPPredictor",
        SAMGOP,
        use="find people's heads and the products around them, and who looks at which",
    ),
)


def list_models() -> list[ModelInfo]:
    """All models that `load` knows by name.

    Examples
    --------
    >>> [model.name for model in list_models()]
    ['wcsnet', 'egnet', 'egcnet', 'stanet', 'stanet-plus', 'stanet-fixations', 'samgop']
    """
    return list(REGISTRY)


def load(name: str | Path, device: str = "auto") -> Predictor:
    """Load a model.

    Parameters
    ----------
    name
        A name of `list_models`; a folder that `sightline train` wrote, as a Path or a string such as "./run"; or a Hub
        id, "user/model". A listed name never means a folder.
    device
        auto, cpu, cuda, cuda:1 or mps.

    Raises
    ------
    UsageError
        An unknown name or device.
    WeightsError
        Weights are missing, damaged, or not those that the config names.

    Examples
    --------
    >>> model = load("egnet", device="cpu")
    >>> sorted(model.gives)
    ['saliency']
    """
    if not isinstance(name, str | Path):
        raise UsageError(f"`name` is a {type(name).__name__}; a name, a folder or a Hub id is expected")
    target = weights.device_of(device)
    listed = {info.name: info for info in REGISTRY}
    info = listed.get(name) if isinstance(name, str) else None
    if info is None and isinstance(name, str) and not weights.is_path(name) and not weights.is_hub_id(name):
        raise UsageError(f"unknown model {name!r}: choose one of {', '.join(listed)}, a folder (./{name}), or a Hub id")
    folder = weights.find_weights(info.hub or info.name if info else name)
    kind = weights.read_config(folder).get("model")
    if not isinstance(kind, str) or kind not in listed:
        raise WeightsError(
            f"{folder}: holds {kind!r}, which is not a model that predicts on its own; give one of {', '.join(listed)}"
        )
    made: Any = listed[kind].load_class()
    loaded: Predictor = made(folder, target)
    loaded.folder = folder
    return loaded


def predict(
    source: Input, model: str | Path = "wcsnet", device: str = "auto", fps: float = 25.0, **prompt: Any
) -> Iterator[Frame]:
    """Load a model and run it on one source: `load(model, device).predict(source, fps=fps, **prompt)`.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.zeros((64, 96, 3), np.uint8)
    >>> [frame.saliency.shape for frame in predict(picture, model="egnet", device="cpu")]
    [(64, 96)]
    """
    return load(model, device).predict(source, fps=fps, **prompt)
