"""The models by name: one folder a paper, listed here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.errors import UsageError, WeightsError
from sightline.models import weights
from sightline.models.predictor import Input, Predictor
from sightline.results.frame import Frame

__all__ = ["ModelInfo", "Predictor", "list_models", "load", "predict"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A named model. gives: what its results hold. paper: where it comes from. folders: its shipped weights."""

    name: str
    gives: str
    paper: str
    folders: tuple[Path, ...]

    @property
    def shipped(self) -> bool:
        """Whether all its weights are inside the package."""
        return all((folder / "model.safetensors").is_file() for folder in self.folders)


WCSNET = "WCS-Net (Zhang et al., ECCV 2020)"
EGCNET = "From Sight to Insight (Qin et al., 2025)"


def _info(name: str, gives: str, paper: str, *networks: str) -> ModelInfo:
    return ModelInfo(name, gives, paper, tuple(weights.SHIPPED / network for network in networks))


_MODELS = {
    info.name: info
    for info in (
        _info("wcsnet", "object mask, hotspot track, saliency; takes a point", WCSNET, "wcsnet", "egnet", "gaze2mask"),
        _info("egnet", "fixation map of every frame", WCSNET, "egnet"),
        _info("egcnet", "salient object mask, attention; takes gaze", EGCNET, "egcnet"),
    )
}


def list_models() -> list[ModelInfo]:
    """All models that `load` knows by name."""
    return list(_MODELS.values())


def load(name: str | Path, device: str = "auto") -> Predictor:
    """Load a model.

    name: a model of `list_models`, a folder that `sightline train` wrote, or a Hub id (`user/model`).
    device: auto, cpu, cuda, cuda:1 or mps.
    Raises UsageError for an unknown name or device, WeightsError where weights are missing or damaged.
    """
    from sightline.models.egcnet.predictor import EGCNetPredictor
    from sightline.models.wcsnet.predictor import EGNetPredictor, WCSNetPredictor

    target = weights.device_of(device)
    if str(name) not in _MODELS and not Path(name).is_dir() and str(name).count("/") != 1:
        raise UsageError(f"unknown model {str(name)!r}: choose one of {', '.join(_MODELS)}, a folder, or a Hub id")
    folder = weights.find_weights(name)
    match weights.read_config(folder).get("model"):
        case "egnet":
            return EGNetPredictor(folder, target)
        case "wcsnet":
            return WCSNetPredictor(folder, target)
        case "egcnet":
            return EGCNetPredictor(folder, target)
        case other:
            raise WeightsError(f"{folder}: holds {other!r}, which is not a model that predicts on its own; give wcsnet")


def predict(
    source: Input, model: str = "wcsnet", device: str = "auto", fps: float = 25.0, **given: Any
) -> Iterator[Frame]:
    """Load a model and run it on one source: `load(model, device).predict(source, fps, **given)`."""
    return load(model, device).predict(source, fps, **given)
