"""Training of STANet: from video tags, by classification nets of two stages and pseudo-fixations, or from fixations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightline.training.stanet.recipe import ScamRecipe, STANetRecipe, WatchedRecipe

if TYPE_CHECKING:
    from sightline.training.stanet.data import FrameData
    from sightline.training.stanet.task import ScamTask, STANetTask, WatchedTask
    from sightline.training.stanet.watched import WatchedData

__all__ = ["STANetRecipe", "ScamRecipe", "WatchedRecipe", "build"]


def build(
    recipe: ScamRecipe | STANetRecipe | WatchedRecipe,
) -> tuple[ScamTask | STANetTask | WatchedTask, FrameData | WatchedData]:
    """The network that a recipe begins with, as a task, and its data."""
    if isinstance(recipe, WatchedRecipe):
        return build_watched(recipe)
    return build_scam(recipe) if isinstance(recipe, ScamRecipe) else build_stanet(recipe)


def build_scam(recipe: ScamRecipe) -> tuple[ScamTask, FrameData]:
    """Of the classification nets."""
    from sightline.errors import DataError, UsageError
    from sightline.models import weights
    from sightline.models.stanet.network import ScamNets
    from sightline.nn.audio import build_audio_encoder
    from sightline.nn.backbones import build_backbone
    from sightline.training.stanet.data import FrameData, Frames
    from sightline.training.stanet.rows import RowStore, all_tags, pseudo_fixations, tagged_videos
    from sightline.training.stanet.task import ScamTask

    if recipe.stage == "fine" and recipe.init is None:
        raise UsageError("`init`: the fine stage crops what the coarse nets find; give their weights")
    videos = tagged_videos(recipe.videos)
    config = recipe.network
    config = config.model_copy(update={"tags": config.tags or all_tags(videos)})
    unknown = {tag for video in videos for tag in video.tags} - {*config.tags}
    if unknown:
        raise DataError(f"tag {', '.join(sorted(unknown))}: not among network.tags; add it there, or leave those out")
    network = ScamNets(
        config,
        build_backbone(config.backbone, recipe.backbone_weights),
        build_audio_encoder(config.audio_encoder, recipe.audio_weights),
    )
    weights.round_as_saved(network.encoders)  # later stages load them, and find the same features kept
    if recipe.init is not None:
        weights.load_into(network, weights.find_weights(recipe.init))
    network.eval()
    clips = RowStore(network.encoders, config, recipe, config.coarse_size).clips(videos)
    if recipe.stage == "fine":
        whole = config.model_copy(update={"stage": "fine"})
        network.config = whole
        clips, _ = pseudo_fixations(network, RowStore(network.encoders, config, recipe, config.fine_size), clips)
    return ScamTask(network, recipe), FrameData(Frames(clips, recipe.batch_size, recipe.seed))


def build_stanet(recipe: STANetRecipe) -> tuple[STANetTask, FrameData]:
    """Of the STA network."""
    from dataclasses import replace

    from torch.nn import functional as F

    from sightline.errors import UsageError
    from sightline.models import weights
    from sightline.models.stanet.loading import load_nets, trunk_of
    from sightline.models.stanet.network import STANet
    from sightline.models.stanet.windows import input_shape
    from sightline.training.stanet.counterfactual import other_sounds, with_other_sounds
    from sightline.training.stanet.data import FrameData, Frames
    from sightline.training.stanet.rows import RowStore, pseudo_fixations, tagged_videos
    from sightline.training.stanet.task import STANetTask

    nets = load_nets(weights.find_weights(recipe.scam))
    shared = {"tags", "backbone", "audio_encoder", "audio_fusion", "width", "dropout", "window"}
    config = recipe.network.model_copy(update={name: getattr(nets.config, name) for name in shared})
    if recipe.trunk is not None:
        config = config.model_copy(update={"parts": {"trunk": weights.part(recipe.trunk)}})
    network = STANet(config, nets.encoders.backbone, nets.encoders.audio)
    if recipe.trunk is not None and not network.borrow(trunk_of(weights.find_weights(recipe.trunk))):
        raise UsageError(f"`trunk` {recipe.trunk}: its backbone is another than that of {recipe.scam}; leave it out")
    assert network.switch is not None  # the nets have tags
    network.switch.load_state_dict(nets.switch.state_dict())
    videos = tagged_videos(recipe.videos)
    clips = RowStore(nets.encoders, nets.config, recipe, nets.config.coarse_size).clips(videos)
    crops = RowStore(nets.encoders, nets.config, recipe, nets.config.fine_size)
    _, pseudo = pseudo_fixations(nets, crops, clips)
    seen = RowStore(nets.encoders, nets.config, recipe, config.input_size).clips(videos)
    if recipe.other_sounds:
        others = other_sounds(nets, clips, recipe.seed)
        _, other_pseudo = pseudo_fixations(nets, crops, [*others.values()])
        others = {n: replace(other, features=seen[n].features) for n, other in others.items()}
        seen, pseudo = with_other_sounds(seen, pseudo, others, other_pseudo)
    shapes = [input_shape(clip.size, config.input_size) for clip in seen]
    targets = [F.adaptive_avg_pool2d(maps, (h // 8, w // 8)) for (h, w), maps in zip(shapes, pseudo, strict=True)]
    return STANetTask(network, recipe), FrameData(Frames(seen, recipe.batch_size, recipe.seed, targets))


def build_watched(recipe: WatchedRecipe) -> tuple[WatchedTask, WatchedData]:
    """Of the STA network on recorded fixations: EG-Net's backbone, and its decoder to begin with."""
    from pathlib import Path

    from sightline.models import weights
    from sightline.models.stanet.network import STANet
    from sightline.nn.audio import build_audio_encoder
    from sightline.nn.egnet import EGNet, EGNetConfig
    from sightline.training.stanet.task import WatchedTask
    from sightline.training.stanet.watched import WatchedData, watched_frames

    place = Path(recipe.egnet).resolve() if weights.is_path(recipe.egnet) else recipe.egnet
    egnet = weights.build(EGNet, EGNetConfig, weights.find_weights(place))
    config = recipe.network.model_copy(
        update={
            "model": "stanet-fixations",
            "backbone": egnet.config.backbone,
            "parts": {"egnet": weights.part(place)},
            "egnet_decoder": True,
            "decoder_width": egnet.config.width,
        }
    )
    audio = build_audio_encoder(config.audio_encoder, recipe.audio_weights)
    network = STANet(config, egnet.backbone, audio)
    weights.round_as_saved(network.encoders)
    network.begin_with(egnet)
    return WatchedTask(network, recipe), WatchedData(watched_frames(network, recipe))
