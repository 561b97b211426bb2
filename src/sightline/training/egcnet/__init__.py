"""Training of EGCNet from fixations, with or without scribbles, on clips whose frozen features are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightline.training.egcnet.recipe import EGCNetRecipe

if TYPE_CHECKING:
    from sightline.models.egcnet.network import EGCNet
    from sightline.training.egcnet.data import ClipData
    from sightline.training.egcnet.scenes import SceneStore
    from sightline.training.egcnet.task import EGCNetTask

__all__ = ["EGCNetRecipe", "build", "network_and_scenes"]


def build(recipe: EGCNetRecipe) -> tuple[EGCNetTask, ClipData]:
    """The network that a recipe begins with, as a task, and its data."""
    from sightline.training.egcnet.data import ClipData, Clips
    from sightline.training.egcnet.scenes import scribbles
    from sightline.training.egcnet.task import EGCNetTask
    from sightline.training.sources import fixation_images, videos

    network, store = network_and_scenes(recipe)
    sequences = [sequence for source in recipe.videos for sequence in videos(source)]
    scenes = {  # what can be missing first: photographs take minutes
        "watched": [scene for root in recipe.watched for scene in store.watched(root)],
        "photo": store.photographs(fixation_images(recipe.photographs)),
        "video": [store.sequence(sequence, mirrored) for sequence in sequences for mirrored in (False, True)],
    }
    strokes = scribbles(sequences, recipe.seed) if recipe.scribbles else {}
    clips = Clips(network, scenes, dict(recipe.clips.items()), strokes, recipe.observers, recipe.seed)
    return EGCNetTask(network, recipe), ClipData(clips, recipe.seed)


def network_and_scenes(recipe: EGCNetRecipe) -> tuple[EGCNet, SceneStore]:
    """The network that a recipe begins with, and where the features of its frozen part are kept."""
    from sightline.models import weights
    from sightline.models.egcnet.network import EGCNet
    from sightline.models.wcsnet.predictor import load_egnet
    from sightline.nn.backbones import build_backbone
    from sightline.training.egcnet.scenes import SceneStore

    sight = load_egnet(weights.find_weights(recipe.sight))
    config = recipe.network.model_copy(update={"sight": sight.config})
    network = EGCNet(config, build_backbone(config.backbone, recipe.backbone_weights), sight)
    return network, SceneStore(network)
