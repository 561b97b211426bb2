"""Space-to-object gaze regression: from a head and the scene to a direction, a heatmap, and whether it is in view."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models.samgop.config import GazeConfig
from sightline.models.samgop.detector import Seen
from sightline.nn.backbones import Backbone
from sightline.nn.blocks import resize
from sightline.nn.boxes import to_xyxy
from sightline.nn.deformable import Levels, cell_centres, sine_embedding
from sightline.nn.roi import enlarge, roi_align

SHARPER = (4.0, 16.0)
"""Powers of the cone that are shown to the regression beside it: Eq. 5 reaches 90 degrees to each side."""
FIRST = (1.0, 1.0, 1.0, 2.0, -0.8, 0.5)
"""Weights of the hints in a heatmap before training: a ridge along the cone, highest some three heads away."""


class Looks(NamedTuple):
    """Where P people look.

    direction: (P, 2) unit vectors in the picture, v_g. logits: (P, s, s) of the heatmap, its sigmoid. inside: (P,)
    logits that the target is in the picture. face: (P, F) the head's features, also for telling people apart.
    """

    direction: Tensor
    logits: Tensor
    inside: Tensor
    face: Tensor

    @property
    def heat(self) -> Tensor:
        """(P, s, s) in [0, 1]."""
        return self.logits.sigmoid()


class Heads(NamedTuple):
    """Heads to be asked. boxes: (P, 4) cxcywh, fractions of the picture; picture: (P,) int64, the row of each one's."""

    boxes: Tensor
    picture: Tensor


class CropTower(nn.Module):
    """The head's own crop as a vector: what a map at stride 8 does not resolve, such as nose and hair line.

    The first four stages of a backbone, at stride 16, and a layer over all their cells.
    """

    def __init__(self, backbone: Backbone, side: int, width: int) -> None:
        super().__init__()
        self.backbone = Backbone(list(backbone.stages)[:4], backbone.channels[:4], (0.0,) * 3, (1.0,) * 3)
        self.reduce = nn.Sequential(nn.Conv2d(backbone.channels[3], 64, 1), nn.GroupNorm(8, 64), nn.ReLU())
        self.drop = nn.Dropout(0.4)
        self.out = nn.Linear(64 * (side // 16) ** 2, width)
        self.point = nn.Sequential(nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, 2))

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """crops: (P, 3, s, s) RGB in [0, 1], whose light and contrast are evened out.

        Returns a vector (P, width) and the gaze as far as the crop says it (P, 2): a unit vector's part in the picture.
        """
        mean, spread = crops.mean(dim=(1, 2, 3), keepdim=True), crops.std(dim=(1, 2, 3), keepdim=True)
        evened = ((crops - mean) / (2 * spread + 0.1)).clamp(-1.5, 1.5)
        found: Tensor = self.out(self.drop(self.reduce(self.backbone(evened)[-1]).flatten(1)))
        return found, self.point(found).float()


class GazeBranch(nn.Module):
    """From heads and what the detector has seen to where they look (Sec. 3.3, head features; Sec. 3.4).

    The grid of the scene is the coarsest level's; the paper has 7 x 7 cells whatever the picture.
    """

    def __init__(self, config: GazeConfig, width: int, heads: int, mask_channels: int, tower: CropTower | None) -> None:
        super().__init__()
        self.config, self.tower = config, tower
        cells = config.roi_side**2
        if config.roi_reconstruction:
            self.roi_conv = nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1),
                nn.GroupNorm(8, width),
                nn.ReLU(),
                nn.Conv2d(width, 16, 1),
                nn.ReLU(),
            )
            self.roi_out = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(16 * cells, width))
        else:
            self.whole = nn.Linear(width, width)
        self.place = nn.Linear(4, width)
        self.face = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.direction = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2), nn.Tanh())
        self.scene = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU())
        self.question, self.answer = nn.Linear(width, width), nn.Conv2d(width, width, 1)
        self.offset = nn.Sequential(nn.Linear(5 + width, width), nn.ReLU(), nn.Linear(width, 1))
        self.mix = nn.Linear(2 * width + len(FIRST), width)
        self.ridge = nn.Linear(len(FIRST), 1)
        with torch.no_grad():
            self.ridge.weight.copy_(torch.tensor([FIRST]))
            self.ridge.bias.fill_(-5.0)  # a target is small
        self.encode = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, batch_first=True)
        if config.interaction != "none":
            keys = mask_channels if config.interaction == "mask" else width
            self.keys = nn.Linear(keys, width)
            self.attend = nn.MultiheadAttention(width, heads, batch_first=True)
            self.attend_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
            self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.rise = nn.Sequential(
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, 1, 3, padding=1),
        )
        nn.init.zeros_(self.rise[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.rise[-1].bias)  # type: ignore[arg-type]
        self.inside = nn.Linear(2 * width, 1)

    def faces(self, images: Tensor, seen: Seen, heads: Heads) -> tuple[Tensor, Tensor]:
        """f_face (P, D): the head's features, from the last level but one and its own crop, and its place; and v_g."""
        corners = to_xyxy(heads.boxes) * _size(images)
        level = seen.raw[2]
        found = self.place(heads.boxes)
        if self.config.roi_reconstruction:
            cut = enlarge(corners, self.config.roi_factor)
            roi = roi_align(level, cut, heads.picture, self.config.roi_side, level.shape[-1] / images.shape[-1])
            found = found + self.roi_out(self.roi_conv(roi))
        else:
            found = found + self.whole(level.mean(dim=(2, 3)))[heads.picture]
        pointed = found.new_zeros(len(found), 2)
        if self.tower is not None:
            crops = self.crops(images, heads)
            vector, pointed = self.tower(crops)
            found = found + vector
            if not self.training:  # a mirrored head looks the other way: the mean of both errs less
                _, mirrored = self.tower(crops.flip(-1))
                pointed = (pointed + mirrored * mirrored.new_tensor([-1.0, 1.0])) / 2
        face: Tensor = self.face(found)
        return face, F.normalize(pointed.float() + self.direction(face).float(), dim=1, eps=1e-4)

    def crops(self, images: Tensor, heads: Heads) -> Tensor:
        """The heads' own crops, (P, 3, s, s)."""
        corners = enlarge(to_xyxy(heads.boxes) * _size(images), self.config.crop_factor)
        return roi_align(images, corners, heads.picture, self.config.crop_side)

    def forward(self, images: Tensor, seen: Seen, heads: Heads) -> Looks:
        """images: (N, 3, H, W); heads: P of them."""
        face, direction = self.faces(images, seen, heads)
        level = self.scene(seen.raw[-1])
        shape = (int(level.shape[-2]), int(level.shape[-1]))
        centres = cell_centres(shape, images.device)
        size = _size(images)[:2]
        apart = (centres[None] - heads.boxes[:, None, :2]) * size
        far = apart.norm(dim=-1).clamp_min(1e-3)
        side = (heads.boxes[:, 2:] * size).amax(dim=1).clamp_min(1.0)[:, None]
        cone = ((apart / far[..., None]) * direction[:, None]).sum(-1).clamp_min(0)  # Eq. 5
        tokens = level.flatten(2).transpose(1, 2)[heads.picture]
        attention = self._attention(tokens, level, face, heads, cone, apart, side)
        away = (far / side).clamp_min(0.1).log()
        sharper = [cone**power for power in SHARPER]
        hints = torch.stack([cone, *sharper, away, away**2, attention.log1p()], dim=-1)
        if self.config.attention in {"original", "none"}:
            hints = torch.cat([torch.zeros_like(hints[..., :3]), hints[..., 3:]], dim=-1)
        mixed = torch.cat([tokens * attention[..., None], face[:, None].expand(-1, tokens.shape[1], -1), hints], dim=-1)
        fused = self.mix(mixed).float() + sine_embedding(centres, tokens.shape[-1] // 2)
        encoded = self.encode(fused)  # Eq. 9
        if self.config.interaction != "none":
            encoded = self._interact(encoded, seen, heads)
        maps = self.rise(encoded.transpose(1, 2).unflatten(2, shape))
        ridge = self.ridge(hints).transpose(1, 2).unflatten(2, shape)
        square = (self.config.heat_side, self.config.heat_side)
        logits = (resize(maps.float(), square) + resize(ridge.float(), square))[:, 0]
        inside = self.inside(torch.cat([face.float(), encoded.float().mean(dim=1)], dim=1))[:, 0]
        return Looks(direction, logits, inside.float(), face.float())

    def _attention(
        self, tokens: Tensor, level: Tensor, face: Tensor, heads: Heads, cone: Tensor, apart: Tensor, side: Tensor
    ) -> Tensor:
        """M of Eq. 7, (P, L), of mean 1 where M_ori is in it."""
        if self.config.attention == "none":
            return torch.ones_like(cone)
        if self.config.attention == "cone":
            return cone
        keys = self.answer(level).flatten(2).transpose(1, 2)[heads.picture]
        alike = (keys * self.question(face)[:, None]).sum(-1).float() / keys.shape[-1] ** 0.5
        far = (apart / side[..., None]).float()
        shape = torch.stack([far[..., 0], far[..., 1], far.norm(dim=-1)], dim=-1) / 4
        place = heads.boxes[:, None, :2].expand(-1, len(tokens[0]), -1)
        asked = torch.cat([shape, place, face.float()[:, None].expand(-1, len(tokens[0]), -1)], dim=-1)
        original = (alike + self.offset(asked)[..., 0].float()).softmax(dim=1) * tokens.shape[1]
        return original if self.config.attention == "original" else original * cone

    def _interact(self, encoded: Tensor, seen: Seen, heads: Heads) -> Tensor:
        """Eq. 10: the gaze features attend to the objects. Their detector learns nothing from it."""
        width = encoded.shape[-1]
        if self.config.interaction == "encoder":
            *_, coarsest = seen.encoded.maps()
            values, centres = Levels.of([coarsest]), cell_centres((int(coarsest.shape[-2]), int(coarsest.shape[-1])))
            found, places = values.tokens, sine_embedding(centres.to(encoded.device), width // 2)[None]
        else:
            last = seen.objects[-1]
            count = min(self.config.keys, last.logits.shape[1])
            _, at = last.logits.topk(count, dim=1)
            every = last.embeddings if self.config.interaction == "mask" else last.queries
            found = every.gather(1, at[..., None].expand(-1, -1, every.shape[-1]))
            boxes = last.boxes.gather(1, at[..., None].expand(-1, -1, 4))
            sure = last.logits.gather(1, at).sigmoid()[..., None]
            places = sine_embedding(boxes[..., :2], width // 2)
            found = found * sure
        values_in = self.keys(found.detach().float())
        keys = (values_in + places.detach())[heads.picture]
        attended, _ = self.attend(encoded, keys, values_in[heads.picture], need_weights=False)
        hidden = self.attend_norm(encoded + attended)
        done: Tensor = self.feed_norm(hidden + self.feed(hidden))
        return done


def _size(images: Tensor) -> Tensor:
    """Width, height, width, height of the pictures, pixels."""
    height, width = images.shape[-2:]
    return images.new_tensor([width, height, width, height])
