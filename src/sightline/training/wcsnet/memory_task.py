"""Training of WCS-Net with its memory: clips are followed for a few frames with the masks found on the way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.models.wcsnet.losses import mask_loss, presence_loss
from sightline.models.wcsnet.network import Decoded
from sightline.nn.blocks import resize
from sightline.nn.memory import PixelMemory, remember
from sightline.training.wcsnet.recipe import ClipTraining
from sightline.training.wcsnet.task import WCSNetTask, saliency_inside


class MemoryTask(WCSNetTask):
    """The joint loss on pairs, whose template is all that the memory knows, and that of mask and presence on clips."""

    @property
    def settings(self) -> ClipTraining:
        assert self.recipe.memory is not None  # type: ignore[union-attr]
        return self.recipe.memory  # type: ignore[union-attr]

    @property
    def memory(self) -> PixelMemory:
        assert self.network.memory is not None
        return self.network.memory

    def train(self, mode: bool = True) -> MemoryTask:
        """Only the memory's statistics go on: those of the others are of the pairs that they were trained on."""
        super().train(mode)
        self.network.eval()
        self.memory.train(mode)
        return self

    def training_step(self, batch: dict[str, Any], _: int) -> Tensor:
        pairs, clips = self._pairs(batch["pairs"]), self._clips(batch["clips"])
        self.log_dict({"pairs_loss": pairs, "clips_loss": clips})
        return pairs + clips

    def _decode_pair(self, batch: dict[str, Any]) -> Decoded:
        """A search view from its template; what is where says nothing, as views are framed at will and mirrored."""
        network, template, mask = self.network, batch["template"], batch["template_mask"]
        kernels = network.template(template, mask, saliency_inside(batch["template_saliency"], mask))
        remembered = remember(self.memory.cells(network.keys(template)), mask)
        frames = remembered[:, None].expand(-1, self.memory.config.frames, -1, -1, -1)
        readout = self._read(network.keys(batch["search"]), frames, 0.0)
        return network.decode(batch["search"], kernels, readout)

    def _read(self, keys: Tensor, frames: Tensor, reach: float) -> Tensor:
        """As `PixelMemory.read`, in float32: a distance is the difference of large numbers."""
        with torch.autocast(self.device.type, enabled=False):
            return self.memory.read(keys.float(), frames.float(), reach)

    def _pairs(self, batch: dict[str, Any]) -> Tensor:
        """Pairs of views; in some the template is another object's, and nothing is to be found."""
        count = len(batch["mask"])
        absent = torch.rand(count, device=self.device) < self.settings.absent
        other = torch.where(
            absent, (torch.arange(count, device=self.device) + 1) % count, torch.arange(count, device=self.device)
        )
        swapped = {
            "template": [level[other] for level in batch["template"]],
            "template_mask": batch["template_mask"][other],
            "template_saliency": batch["template_saliency"][other],
        }
        decoded = self._decode_pair({**batch, **swapped})
        here = (~absent).float()
        loss = self._mask_loss(decoded, batch["mask"] * here[:, None, None, None], here)
        if decoded.hotspot is not None:
            logits = F.interpolate(
                decoded.hotspot.float(), batch["hotspot"].shape[-2:], mode="bilinear", align_corners=False
            )
            entropy = (
                F.binary_cross_entropy_with_logits(logits, batch["hotspot"], reduction="none").flatten(1).mean(dim=1)
            )
            labelled = batch["has_hotspot"] * here
            loss = loss + (entropy * labelled).sum() / labelled.sum().clamp_min(1)
        return loss

    def _clips(self, batch: dict[str, Any]) -> Tensor:
        network, memory = self.network, self.memory
        frames = [
            remember(memory.cells(network.keys(features)), mask)
            for features, mask in zip(batch["known"], batch["known_masks"], strict=True)
        ]
        kernels = network.template(batch["known"][0], batch["known_masks"][0], batch["known_masks"][0])
        losses = []
        for features, mask, present in zip(batch["asked"], batch["asked_masks"], batch["present"], strict=True):
            keys = network.keys(features)
            decoded = network.decode(features, kernels, memory.read(keys, torch.stack(frames, dim=1)))
            losses.append(self._mask_loss(decoded, mask, present))
            found = decoded.mask.detach().float().sigmoid()
            frames = self._remembered(frames, remember(memory.cells(keys), found), present)
        return torch.stack(losses).mean()

    def _mask_loss(self, decoded: Decoded, mask: Tensor, present: Tensor) -> Tensor:
        assert decoded.presence is not None
        logits = resize(decoded.mask.float(), mask.shape[-2:])
        presence = presence_loss(decoded.presence.float(), present)
        return mask_loss(logits, mask).mean() + self.settings.presence_weight * presence

    def _remembered(self, frames: list[Tensor], now: Tensor, present: Tensor) -> list[Tensor]:
        """The memory after another frame: it becomes the last, and the last one of those between at random."""
        keep = present.to(now.dtype)[:, None, None, None]
        last = keep * now + (1 - keep) * frames[-1]
        first, *between = frames[:-1]
        if between and torch.rand(()) < 0.5:
            between = [*between[1:], frames[-1]]
        return [first, *between, last]

    def predict_masks(self, batch: dict[str, Any]) -> Tensor:
        return resize(self._decode_pair(batch).mask, batch["mask"].shape[-2:])
