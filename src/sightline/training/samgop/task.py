"""Training of SamGOP: all branches at once (Eq. 1)."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.errors import UsageError
from sightline.models.samgop import losses
from sightline.models.samgop.detector import Noised, Seen
from sightline.models.samgop.gaze import CropTower, Heads
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.sight import Sight
from sightline.training.optimisation import configure
from sightline.training.samgop.data import Batch
from sightline.training.samgop.recipe import SamGOPRecipe

NOISE = 0.4
"""Scale of the denoising boxes' shifts, in half sides (DN-DETR, MaskDINO)."""
HEADS = 8
"""Heads that the first stage's loss of a picture is divided by at least."""
RELABELLED = 0.2
"""Share of the denoising queries that are given a wrong class."""


class SamGOPTask(L.LightningModule):
    """Trains the whole network but what is frozen; its normalisation keeps its statistics.

    sight: what draws eyes in a picture, for the heatmaps. It is no part of what is trained and saved.
    """

    def __init__(self, network: SamGOP, recipe: SamGOPRecipe, sight: Sight | None = None) -> None:
        super().__init__()
        self.network, self.recipe, self._sight = network, recipe, (sight,)
        network.train()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # an eighth faster on a processor
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()  # Lightning keeps these modes
        for stage in list(network.features.backbone.stages)[: recipe.frozen_stages]:
            stage.requires_grad_(False)
        for name in recipe.frozen:
            _module(network, name).requires_grad_(False)
        if recipe.branches == "gaze":
            for part in (network.features, network.detector):
                part.requires_grad_(False)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        if self.recipe.branches == "gaze":
            return self._gaze_step(batch)
        if self.recipe.branches == "directions":
            loss = self._crop_loss(batch)
            self.log("train_loss", loss)
            return loss
        whole, settings = self.recipe.branches != "proposals", self.recipe
        batch = batch._replace(images=batch.images.contiguous(memory_format=torch.channels_last))
        noised = noise(batch, self.network.detector.classes) if whole else None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.half):
            seen = self.network.see(batch.images, noised, decode=whole)
        terms = detector_terms(seen, batch, settings.masks)
        if self.recipe.branches != "detector" and batch.crops is not None and self._towers:
            terms["crop"] = self._crop_loss(batch)
        if self.recipe.branches == "all" and len(batch.picture):
            terms |= self._gaze_terms(seen, batch)
        return self._sum(terms)

    def _crop_loss(self, batch: Batch) -> Tensor:
        """Of the heads alone, of each tower. Raises UsageError where there are no heads, or none looks at them."""
        if batch.crops is None or not self._towers:
            raise UsageError("directions: no head whose gaze is known, no tower to teach, or `crops` is 0")
        crops = batch.crops
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.half):
            told = [tower(crops.images, crops.middle)[1] for tower in self._towers]
        return torch.stack([losses.pointing_loss(one, crops.gaze) for one in told]).sum()

    @property
    def _towers(self) -> list[CropTower]:
        """Those that are not frozen."""
        gaze = self.network.gaze
        named = (("gaze.tower", gaze.tower), ("gaze.twin", gaze.twin))
        return [tower for name, tower in named if tower is not None and name not in self.recipe.frozen]

    def _gaze_step(self, batch: Batch) -> Tensor:
        """The terms of gaze alone, of a detector that stays as it is."""
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.half):
            seen = self.network.see(batch.images.contiguous(memory_format=torch.channels_last))
        terms = self._gaze_terms(seen, batch) if len(batch.picture) else {}
        nothing = self.network.gaze.ridge.bias.sum() * 0  # a batch may have no target
        return self._sum({"gaze": nothing} | terms)

    def _sum(self, terms: dict[str, Tensor]) -> Tensor:
        """The loss (Eq. 1), which is logged with its terms."""
        loss = torch.stack([getattr(self.recipe.weights, name) * value for name, value in terms.items()]).sum()
        self.log_dict({f"train_{name}": value.detach() for name, value in terms.items()})
        self.log("train_loss", loss)
        return loss

    def _gaze_terms(self, seen: Seen, batch: Batch) -> dict[str, Tensor]:
        people, side = batch.people, self.network.config.gaze.heat_side
        heads = Heads(people.boxes, batch.picture)
        astray = torch.randn(len(people.boxes), device=self.device) * math.radians(self.recipe.variation.astray_deg)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.half):
            looks = self.network.look(batch.images, seen, heads, self._saliency(batch.images), astray)
        apart = losses.direction_loss(looks.direction, people.direction) * people.weight
        terms = {"direction": apart.sum() / people.weight.sum().clamp_min(1)}
        told = people.inside >= 0
        if bool(told.any()):
            terms["inside"] = F.binary_cross_entropy_with_logits(looks.inside[told], people.inside[told].float())
        known = people.target.isfinite().all(dim=1)
        if bool(known.any()):
            truth = losses.gaussian(people.target[known], side)
            terms["gaze"] = losses.heat_loss(looks.heat[known], truth)
            terms["place"] = losses.place_loss(looks.logits[known], truth).mean()
            masks = torch.stack([self._object(batch, int(number), side) for number in known.nonzero()[:, 0]])
            has = masks.flatten(1).any(dim=1)
            if bool(has.any()):
                terms["energy"] = losses.energy_loss(looks.heat[known][has], masks[has]).mean()
        return terms

    @torch.no_grad()
    def _saliency(self, images: Tensor) -> Tensor | None:
        (sight,) = self._sight
        return None if sight is None else sight.to(self.device)(images)

    def _object(self, batch: Batch, person: int, side: int) -> Tensor:
        """(s, s): where the object is that somebody looks at, by its mask, else its box; zeros where not known."""
        objects, row = batch.objects[int(batch.picture[person])], int(batch.people.object[person])
        if objects is None or row < 0:
            return torch.zeros(side, side, device=self.device)
        if objects.masks is not None and bool(objects.masks[row].any()):
            small = F.adaptive_max_pool2d(objects.masks[row][None].float(), side)
            return small[0]
        return box_cells(objects.boxes[row], side)

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)


def _module(network: SamGOP, name: str) -> nn.Module:
    """A module by its name; nothing where this network has no tower. Raises UsageError where it is unknown."""
    if network.gaze.tower is None and name.startswith(("gaze.tower", "gaze.twin")):
        return nn.Identity()
    found = dict(network.named_modules()).get(name)
    if found is None:
        raise UsageError(f"frozen: the network has no module {name}")
    return found


def box_cells(box: Tensor, side: int) -> Tensor:
    """(s, s): 1 in the cells whose centre is in a box cxcywh, and in the one of its centre.

    Examples
    --------
    >>> box_cells(torch.tensor([0.75, 0.25, 0.1, 0.1]), 2)
    tensor([[0., 1.],
            [0., 0.]])
    """
    centres = losses.cell_centres((side, side), box.device)
    inside = ((centres - box[:2]).abs() <= torch.maximum(box[2:] / 2, box.new_tensor(0.5 / side))).all(-1)
    return inside.float().view(side, side)


def noise(batch: Batch, classes: int) -> Noised | None:
    """Denoising queries: each picture's true boxes, shifted and scaled, with some classes wrong.

    Pictures have as many as the fullest one; what is over are copies of nothing in particular, with no class.
    """
    count = max((len(one.boxes) for one in batch.objects if one is not None), default=0)
    if not count:
        return None
    device = batch.images.device
    boxes = torch.rand(len(batch.images), count, 4, device=device) * 0.2 + 0.4
    labels = torch.full((len(batch.images), count), classes, dtype=torch.int64, device=device)
    for number, one in enumerate(batch.objects):
        if one is None or not len(one.boxes):
            continue
        size = one.boxes[:, 2:].repeat(1, 2)
        moved = one.boxes + (torch.rand_like(one.boxes) * 2 - 1) * NOISE * size * one.boxes.new_tensor([0.5, 0.5, 1, 1])
        boxes[number, : len(moved)] = moved.clamp(1e-3, 1 - 1e-3)
        known = torch.where(one.labels >= 0, one.labels, classes)
        wrong = torch.rand(len(known), device=device) < RELABELLED
        labels[number, : len(known)] = torch.where(wrong, torch.randint_like(known, classes + 1), known)
    return Noised(boxes, labels)


def detector_terms(seen: Seen, batch: Batch, masks: int) -> dict[str, Tensor]:
    """The detector's terms, each the mean over the pictures that have what it is about."""
    found: dict[str, list[Tensor]] = {name: [] for name in ("proposals", "present", "box", "kind", "mask", "denoising")}
    for picture, heads in enumerate(batch.heads):
        found["proposals"].append(torch.stack(losses.proposal_loss(seen.head_proposals, picture, heads, HEADS)).sum())
        for layer in seen.heads:
            term = losses.layer_loss(layer, picture, heads, seen.pixels[picture])
            found["present"].append(term.present)
            found["box"].append(term.box)
        objects = batch.objects[picture]
        if objects is None:
            continue
        found["proposals"].append(torch.stack(losses.proposal_loss(seen.object_proposals, picture, objects)).sum())
        for layer in seen.objects:
            most = masks if layer is seen.objects[-1] else 0
            term = losses.layer_loss(layer, picture, objects, seen.pixels[picture], masks=most)
            for name, value in (("present", term.present), ("box", term.box), ("kind", term.kind)):
                found[name].append(value)
            if most and objects.masks is not None:
                found["mask"].append(term.mask + term.dice)
        own = torch.arange(len(objects.boxes))
        for layer in seen.denoised or ():
            term = losses.layer_loss(layer, picture, objects, seen.pixels[picture], (own, own), masks // 2)
            found["denoising"].append(term.box + term.kind + term.mask + term.dice)
    return {name: torch.stack(values).mean() for name, values in found.items() if values}
