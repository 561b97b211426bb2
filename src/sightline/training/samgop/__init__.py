"""Training of SamGOP: heads and directions on photographs, then objects, masks and gaze on shelves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightline.training.samgop.recipe import SamGOPRecipe

if TYPE_CHECKING:
    from sightline.training.samgop.data import ViewData
    from sightline.training.samgop.task import SamGOPTask

__all__ = ["SamGOPRecipe", "build"]


def build(recipe: SamGOPRecipe) -> tuple[SamGOPTask, ViewData]:
    """The network that a recipe begins with, as a task, and its data."""
    from sightline.models import weights
    from sightline.models.samgop.network import SamGOP
    from sightline.nn.backbones import build_backbone
    from sightline.training.samgop.data import ViewData, Views, classes_of, read_sources
    from sightline.training.samgop.task import SamGOPTask

    sources = read_sources(recipe)
    config = recipe.network
    config = config.model_copy(update={"labels": config.labels or classes_of(sources)})
    backbones = [build_backbone(config.backbone, recipe.backbone_weights) for _ in range(2)]
    network = SamGOP(config, *backbones)
    if recipe.init is not None:
        weights.load_into(network, weights.find_weights(recipe.init))
    return SamGOPTask(network, recipe), ViewData(Views(recipe, sources, config.labels))
