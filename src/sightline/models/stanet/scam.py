"""SCAM: from classification nets and a video's tags to pseudo-fixations (Sec. 3.4 to 3.6)."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor

from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.network import ScamNets
from sightline.nn import cam
from sightline.nn.audiovisual import TagNet
from sightline.nn.blocks import resize

Box = tuple[int, int, int, int]
Stage = Literal["coarse", "fine"]


class StageMaps(NamedTuple):
    """What one stage makes of N frames.

    maps: (M, N, size, size), the class activation map of each of the config's nets. confidences: (M, N), what the soft
    filter leaves of each net's confidence. fused: (N, size, size), SCAM; zeros where no net counts. features: (M, N, C,
    h, w), what each net's classifier pools.
    """

    maps: Tensor
    confidences: Tensor
    fused: Tensor
    features: Tensor


def stage_maps(
    nets: ScamNets, stage: Stage, level4: Tensor, level5: Tensor, audio: Tensor, switch: Tensor, tags: Tensor
) -> StageMaps:
    """Eq. 1 to 3 for N frames.

    level4, level5: (N, 3, C, h, w) of each frame and its neighbours; audio: (N, A); switch: (N,) in [0, 1], 0 without
    sound; tags: (N, K) of 0 and 1.
    """
    config = nets.config
    size = config.coarse_size if stage == "coarse" else config.fine_size
    shift = nets.encoders.backbone.shift(4)  # features look where level 4 does
    maps, confidences, pooled = [], [], []
    for net in (cast(TagNet, net) for net in getattr(nets, stage).values()):
        logits, features = net(level4, level5, audio, switch)
        raw = resize(cam.class_maps(features, net.classifier.weight), (size, size), shift)
        maps.append(cam.activation(raw, tags))
        confidences.append(cam.soft_filter(nets.confidences(logits), tags))
        pooled.append(features)
    found, sure = torch.stack(maps), torch.stack(confidences)
    return StageMaps(found, sure, fuse(found, sure, config), torch.stack(pooled))


def fuse(maps: Tensor, confidences: Tensor, config: ScamConfig) -> Tensor:
    """Eq. 2 or the plain average, of those nets whose maps are wanted.

    maps: (M, N, h, w); confidences: (M, N), in the order of `config.nets`. Returns (N, h, w).
    """
    chosen = [config.nets.index(sources) for sources in config.maps]
    if config.fusion == "average":
        return cam.fuse_average(maps[chosen])
    return cam.fuse_selective(maps[chosen], confidences[chosen])


def crop_box(coarse: Tensor, size: tuple[int, int], config: ScamConfig) -> Box | None:
    """The box of the coarse stage in pixels of a frame.

    coarse: (s, s), the coarse pseudo-fixations; size: (height, width) of the frame. None where nothing stands out. The
    box is widened about its centre to a square, of `config.smallest_box` at least, and moved inside of the frame: a
    crop is not squeezed where the frame has room.
    """
    found = cam.attended_box(coarse, config.box_factor)
    if found is None:
        return None
    across = _pixels(found[0], found[2], coarse.shape[1], size[1])
    down = _pixels(found[1], found[3], coarse.shape[0], size[0])
    side = max(across[1] - across[0], down[1] - down[0], round(config.smallest_box * min(size)))
    (x1, x2), (y1, y2) = _widened(across, side, size[1]), _widened(down, side, size[0])
    return x1, y1, x2, y2


def _pixels(first: int, last: int, cells: int, pixels: int) -> tuple[int, int]:
    """One side of a box: from cells of a map to whole pixels, at least one."""
    return int(first * pixels / cells), -int(-last * pixels // cells)


def _widened(side: tuple[int, int], length: int, pixels: int) -> tuple[int, int]:
    """One side of a box at a length, about its centre, inside of so many pixels."""
    length = min(length, pixels)
    begin = side[0] - (length - (side[1] - side[0]) + 1) // 2
    begin = min(max(0, begin), pixels - length)
    return begin, begin + length


def tag_vector(tags: tuple[str, ...], config: ScamConfig) -> Tensor:
    """(1, K) of 0 and 1. Tags that the config does not have are left out."""
    return torch.tensor([[float(known in tags) for known in config.tags]])


def switched(match: Tensor, has_sound: Tensor, config: ScamConfig) -> Tensor:
    """The audio switch of N frames as 0 or 1: (N,).

    match: (N,) logits of the switch; has_sound: (N,) of 0 and 1. Without a switch in the config, all sound counts.
    """
    return has_sound * (match > 0).float() if config.audio_switch else has_sound
