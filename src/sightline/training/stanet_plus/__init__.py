"""Training of STANet+ on top of STANet's nets: the nets with context, pseudo-fixations of SCAM+, and STA+."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightline.training.stanet_plus.recipe import ScamPlusRecipe, STANetPlusRecipe

if TYPE_CHECKING:
    from sightline.training.stanet_plus.data import ContextData
    from sightline.training.stanet_plus.task import ScamPlusTask, STANetPlusTask

__all__ = ["STANetPlusRecipe", "ScamPlusRecipe", "build"]


def build(recipe: ScamPlusRecipe | STANetPlusRecipe) -> tuple[ScamPlusTask | STANetPlusTask, ContextData]:
    """The network that a recipe begins with, as a task, and its data."""
    return build_scam_plus(recipe) if isinstance(recipe, ScamPlusRecipe) else build_stanet_plus(recipe)


def build_scam_plus(recipe: ScamPlusRecipe) -> tuple[ScamPlusTask, ContextData]:
    """Of the nets with context."""
    from sightline.models import weights
    from sightline.models.stanet.loading import load_nets
    from sightline.models.stanet_plus.config import ScamPlusConfig
    from sightline.models.stanet_plus.nets import ScamPlusNets
    from sightline.training.stanet.rows import RowStore, tagged_videos
    from sightline.training.stanet_plus.data import ContextData, TagFrames
    from sightline.training.stanet_plus.frames import examine
    from sightline.training.stanet_plus.task import ScamPlusTask

    scam = load_nets(weights.find_weights(recipe.scam))
    config = ScamPlusConfig.model_validate(recipe.network.model_dump() | {"scam": scam.config.model_dump()})
    network = ScamPlusNets(config, scam.encoders.backbone, scam.encoders.audio)
    network.begin_with(scam)
    scam.eval()
    clips = RowStore(scam.encoders, scam.config, recipe, scam.config.coarse_size).clips(tagged_videos(recipe.videos))
    crops = RowStore(scam.encoders, scam.config, recipe, scam.config.fine_size)
    frames = TagFrames(examine(scam, crops, clips), config.graph.nodes, recipe.batch_size, recipe.seed)
    return ScamPlusTask(network, recipe), ContextData(frames)


def build_stanet_plus(recipe: STANetPlusRecipe) -> tuple[STANetPlusTask, ContextData]:
    """Of STA+."""
    from pathlib import Path

    from torch.nn import functional as F

    from sightline.models import weights
    from sightline.models.stanet.loading import load_stanet
    from sightline.models.stanet.windows import input_shape
    from sightline.models.stanet_plus.loading import load_plus_nets
    from sightline.models.stanet_plus.network import STANetPlus
    from sightline.training.stanet.rows import RowStore, tagged_videos
    from sightline.training.stanet_plus.data import ContextData, NodeFrames
    from sightline.training.stanet_plus.frames import after_sta, examine, plus_pseudo_fixations
    from sightline.training.stanet_plus.task import STANetPlusTask

    place = Path(recipe.sta).resolve() if weights.is_path(recipe.sta) else recipe.sta
    sta = load_stanet(weights.find_weights(place))
    shared = {
        "parts": {"sta": weights.part(place)},
        "width": sta.config.width,
        "recall": recipe.network.recall and sta.switch is not None,
    }
    network = STANetPlus(recipe.network.model_copy(update=shared))
    nets = load_plus_nets(weights.find_weights(recipe.scam_plus))
    scam, videos = nets.scam, tagged_videos(recipe.videos)
    clips = RowStore(scam.encoders, scam.config, recipe, scam.config.coarse_size).clips(videos)
    crops = RowStore(scam.encoders, scam.config, recipe, scam.config.fine_size)
    pseudo = plus_pseudo_fixations(nets, examine(scam, crops, clips))
    seen = RowStore(sta.encoders, scam.config, recipe, sta.config.input_size).clips(videos)
    shapes = [input_shape(clip.size, sta.config.input_size) for clip in seen]
    targets = [F.adaptive_avg_pool2d(m, (h // 8, w // 8)) for m, (h, w) in zip(pseudo, shapes, strict=True)]
    frames = NodeFrames(
        after_sta(sta, seen, targets),
        network.config.graph.nodes,
        recipe.batch_size,
        recipe.seed,
        residual=network.config.readout == "residual",
    )
    return STANetPlusTask(network, recipe, sta.encoders.backbone.shift(4)), ContextData(frames)
