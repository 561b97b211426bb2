"""The networks of SamGOP as they are exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sightline.models.exports import ExportPart, Input, picture
from sightline.models.samgop.detector import Layer, Proposals, Seen
from sightline.models.samgop.gaze import Heads
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.sight import Sight
from sightline.nn.deformable import Levels
from sightline.nn.egnet import network_size

LEVELS = tuple(f"level{number}" for number in range(1, 5))
OBJECTS = {
    "object_queries": "the objects' queries",
    "object_boxes": "their boxes: centre, width and height, in fractions of the picture",
    "object_logits": "that there is an object",
    "object_classes": "logits of their classes",
    "object_embeddings": "of their masks: times the pixel map, logits of each, with their outlines",
    "object_outlines": "eight coefficients of each mask's outline in its box, as masks_of reads them",
}


class _See(nn.Module):
    def __init__(self, network: SamGOP, sight: Sight | None) -> None:
        super().__init__()
        self.network, self.sight = network, sight

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """images: (1, 3, H, W)."""
        seen = self.network.see(images)
        heads = seen.heads[-1]
        best = heads.logits.argmax(dim=1)[:, None, None].expand(-1, -1, 4)
        surest = heads.boxes.gather(1, best)[:, 0]
        drawn = () if self.sight is None else (self.sight(images),)
        return *seen.raw, seen.pixels, *seen.objects[-1], heads.boxes, heads.logits, surest, *drawn


class _Look(nn.Module):
    """The gaze branch of one head. Of what the detector has seen it reads the levels and the objects."""

    def __init__(self, network: SamGOP) -> None:
        super().__init__()
        self.gaze = network.gaze

    def forward(self, images: Tensor, head: Tensor, *seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """images: (1, 3, H, W); head: (1, 4); seen: the levels, the objects, and the saliency if it is asked for."""
        levels, (*own, saliency) = list(seen[: len(LEVELS)]), (*seen[len(LEVELS) :], None)
        if len(own) > len(OBJECTS):
            *own, saliency = own
        objects = Layer(*own)
        none = Proposals(objects.logits, objects.boxes)
        whole = Seen(levels, Levels.of(levels[2:]), levels[0], none, none, [objects], [], None)
        looks = self.gaze(images, whole, Heads(head, torch.zeros(1, dtype=torch.int64)), saliency)
        return looks.heat, looks.direction, looks.inside


def samgop_parts(network: SamGOP, sight: Sight | None, size: tuple[int, int]) -> tuple[ExportPart, ...]:
    """What is in a picture of a size (height, width), and where one of its people looks.

    The gaze branch is left out where it attends to the encoder's levels, which the first network does not give.
    """
    shape = picture(network_size(*size, network.config.input_size))
    drawn = {} if sight is None else {"saliency": "what draws eyes: the logarithm of EG-Net's density, 0 in the mean"}
    see = ExportPart(
        "see",
        "objects with classes and masks, and heads",
        _See(network, sight).eval(),
        (shape,),
        {name: f"{name} of the features" for name in LEVELS}
        | {"pixels": "the pixel map, (1, M, h, w)"}
        | OBJECTS
        | {
            "head_boxes": "boxes of heads: centre, width and height, in fractions of the picture",
            "head_logits": "that there is a head",
            "head": "the surest one's box",
        }
        | drawn,
    )
    if network.config.gaze.interaction == "encoder":
        return (see,)
    head = Input("head", "the box of a head: centre, width and height, in fractions of the picture", (), "see.head")
    look = ExportPart(
        "look",
        "where the owner of a head looks; run it for each",
        _Look(network).eval(),
        (
            shape,
            head,
            *(Input(name, f"{name} of the features", (), f"see.{name}") for name in LEVELS),
            *(Input(name, about, (), f"see.{name}") for name, about in (OBJECTS | drawn).items()),
        ),
        {
            "heat": "where the target is, in [0, 1]",
            "direction": "a unit vector in the picture, x and y",
            "inside": "logit that the target is in the picture",
        },
    )
    return see, look
