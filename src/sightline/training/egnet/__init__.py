"""Training of EG-Net (WCS-Net paper, Sec. 3.3): frozen early stages, whose features are kept, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightline.training.egnet.recipe import EGNetRecipe

if TYPE_CHECKING:
    from sightline.training.egnet.data import EGNetData
    from sightline.training.egnet.task import EGNetTask

__all__ = ["EGNetRecipe", "build"]


def build(recipe: EGNetRecipe) -> tuple[EGNetTask, EGNetData]:
    """The network that a recipe begins with, as a task, and its data."""
    from sightline.nn.backbones import build_backbone
    from sightline.nn.egnet import EGNet
    from sightline.training.egnet.data import EGNetData
    from sightline.training.egnet.task import EGNetTask
    from sightline.training.sources import fixation_images

    network = EGNet(recipe.network, build_backbone(recipe.network.backbone, recipe.backbone_weights))
    return EGNetTask(network, recipe), EGNetData(fixation_images(recipe.data), network.backbone, recipe)
