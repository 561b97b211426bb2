"""Training of SamGOP: heads and directions on photographs, then objects, masks and gaze on shelves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sightline.errors import UsageError
from sightline.training.samgop.recipe import SamGOPRecipe

if TYPE_CHECKING:
    from sightline.models.samgop.network import SamGOP
    from sightline.training.samgop.data import ViewData
    from sightline.training.samgop.task import SamGOPTask

__all__ = ["SamGOPRecipe", "build"]


def build(recipe: SamGOPRecipe) -> tuple[SamGOPTask, ViewData]:
    """The network that a recipe begins with, as a task, and its data."""
    from sightline.models import weights
    from sightline.models.samgop.network import SamGOP
    from sightline.models.samgop.sight import Sight
    from sightline.nn.backbones import build_backbone
    from sightline.nn.egnet import EGNet, EGNetConfig
    from sightline.training.samgop.data import ViewData, Views, classes_of, read_sources
    from sightline.training.samgop.task import SamGOPTask

    sources = read_sources(recipe)
    config = recipe.network
    config = config.model_copy(update={"labels": config.labels or classes_of(sources)})
    sight = None
    if config.gaze.saliency:
        name = recipe.saliency_weights
        place = Path(name).resolve() if weights.is_path(name) else name
        config = config.model_copy(update={"parts": {"egnet": weights.part(place)}})
        sight = Sight(weights.build(EGNet, EGNetConfig, weights.find_weights(place)))
    backbones = [build_backbone(config.backbone, recipe.backbone_weights) for _ in range(3)]
    network = SamGOP(config, *backbones)
    if recipe.init is not None:
        weights.load_into(network, weights.find_weights(recipe.init), new=("gaze.twin.",))
    for name, source in recipe.parts.items():
        folder, module = (source, name) if isinstance(source, str) else (source.weights, source.module)
        _take(network, name, weights.find_weights(folder), module)
    return SamGOPTask(network, recipe, sight), ViewData(Views(recipe, sources, config.labels))


def _take(network: SamGOP, name: str, folder: Path, module: str) -> None:
    """Fill a module from one of the network in a weights folder."""
    from sightline.models import weights
    from sightline.models.samgop.config import SamGOPConfig
    from sightline.models.samgop.network import SamGOP

    other = weights.build(SamGOP, SamGOPConfig, folder)
    own, given = (dict(one.named_modules()).get(which) for one, which in ((network, name), (other, module)))
    if own is None:
        return
    if given is None:
        raise UsageError(f"parts: the network of {folder} has no module {module}")
    try:
        own.load_state_dict(given.state_dict())
    except RuntimeError as error:
        raise UsageError(
            f"parts: {module} of {folder} is built otherwise: {' '.join(str(error).split())[:200]}"
        ) from None
