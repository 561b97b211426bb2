"""Training of Gaze2Mask-Net and WCS-Net on views of targets (WCS-Net paper, Sec. 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightline.training.wcsnet.recipe import Gaze2MaskRecipe, WCSNetRecipe

if TYPE_CHECKING:
    from sightline.training.wcsnet.data import Pairs
    from sightline.training.wcsnet.task import MaskTask

__all__ = ["Gaze2MaskRecipe", "WCSNetRecipe", "build"]


def build(recipe: Gaze2MaskRecipe | WCSNetRecipe) -> tuple[MaskTask, Pairs]:
    """The network that a recipe begins with, as a task, and its data."""
    from pathlib import Path

    from sightline.models import weights
    from sightline.models.wcsnet.gaze2mask import Gaze2Mask
    from sightline.models.wcsnet.network import WCSNet
    from sightline.nn.backbones import build_backbone
    from sightline.training.wcsnet.clips import bank_of_clips
    from sightline.training.wcsnet.data import Pairs, bank_of
    from sightline.training.wcsnet.memory_task import MemoryTask
    from sightline.training.wcsnet.task import Gaze2MaskTask, WCSNetTask

    views = recipe.views
    backbone = build_backbone(views.backbone, views.backbone_weights).eval()
    memory = recipe.memory if isinstance(recipe, WCSNetRecipe) else None
    clips = None if memory is None else bank_of_clips(memory.clips, backbone)
    data = Pairs(bank_of(views, backbone), recipe, clips)
    task: MaskTask
    if isinstance(recipe, Gaze2MaskRecipe):
        guided = build_backbone(views.backbone, views.backbone_weights, in_channels=4)
        task = Gaze2MaskTask(Gaze2Mask(recipe.network, guided), recipe)
    else:
        # Paths stay right wherever the weights are used from.
        names = {"egnet": views.saliency, "gaze2mask": recipe.gaze2mask}
        places = {part: Path(name).resolve() if weights.is_path(name) else name for part, name in names.items()}
        parts = {part: weights.part(place) for part, place in places.items()}
        network = WCSNet(recipe.network.model_copy(update={"parts": parts}), backbone)
        task = WCSNetTask(network, recipe) if memory is None else MemoryTask(network, recipe)
    if recipe.init:
        weights.load_into(task.network, weights.find_weights(recipe.init), new=() if memory is None else ("memory.",))
    return task, data
