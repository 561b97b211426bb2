"""The unified detection and segmentation transformer: objects with boxes, classes and masks, and heads (Sec. 3.3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models.samgop.config import DetectorConfig
from sightline.nn.blocks import resize
from sightline.nn.boxes import pair_iou, to_xyxy
from sightline.nn.deformable import Decoder, Encoder, Levels, cell_centres, layer_config

LARGEST = 5.0
"""exp of it is the largest side of a proposal, in units of its cell: 148 cells of 384 / 4."""


CANDIDATES = 4
"""Proposals that queries are chosen from, for each query: some four cells answer for an object."""
UPON = 0.6
"""IoU above which two proposals are of one object; of the objects of GOO 1 % lie upon each other above 0.48."""
ROUNDS = 6
"""Rounds of sparing what only spared ones lie upon: greedy suppression, in steps of all at once."""


BOX_OUTLINE = (4.0, 0.0, 0.0, 0.0, 0.0, 0.0, -4.0, -4.0)
"""Coefficients of 1, u, v, u^2, v^2, uv, u^4, v^4 before training; u, v: place in a box, -1 to 1 across it."""
FAR = 1.6
"""u and v from which a place counts as no farther."""


class Proposals(NamedTuple):
    """What the first stage says at each cell of the finest level, of objects or of heads.

    logits: (N, h, w). boxes: (N, h, w, 4) cxcywh, fractions of the picture.
    """

    logits: Tensor
    boxes: Tensor


class Layer(NamedTuple):
    """What a decoder layer says of its queries.

    queries: (N, Q, D). boxes: (N, Q, 4) cxcywh. logits: (N, Q) that there is something. classes: (N, Q, K) logits, K 0
    for heads. embeddings: (N, Q, M) of the masks, Q_mask of Eq. 8; M 0 for heads. outlines: (N, Q, 8) of the masks, see
    `masks_of`; 0 for heads.
    """

    queries: Tensor
    boxes: Tensor
    logits: Tensor
    classes: Tensor
    embeddings: Tensor
    outlines: Tensor


class Seen(NamedTuple):
    """What the detector makes of pictures.

    raw: the backbone's enlarged levels, finest first. encoded: the encoder's levels. pixels: (N, M, h, w), the pixel
    map; M 0 where the decoders did not run. object_proposals, head_proposals: of the first stage. objects, heads: a
    Layer for each layer of the two decoders. denoised: layers of the denoising queries, None where there are none.
    """

    raw: list[Tensor]
    encoded: Levels
    pixels: Tensor
    object_proposals: Proposals
    head_proposals: Proposals
    objects: list[Layer]
    heads: list[Layer]
    denoised: list[Layer] | None


class Noised(NamedTuple):
    """Denoising queries. boxes: (N, G, 4) cxcywh. labels: (N, G) int64, K where the class is not known."""

    boxes: Tensor
    labels: Tensor


class Detector(nn.Module):
    """From the enlarged levels to objects and heads.

    The encoder works on the two coarsest levels. The finest but one takes their result from above and detail from the
    finest, gives the proposals (one-to-many: every cell in the middle of a box answers for it) and is the decoders'
    third level. The finest one makes the pixel map. MaskDINO's encoder has the three coarsest and its head decoder
    learned queries; on two processor cores four times the tokens are too many, and queries that are chosen learn from a
    hundred pictures.
    """

    def __init__(self, config: DetectorConfig, fine: int, classes: int) -> None:
        super().__init__()
        width = config.width
        self.config, self.classes = config, classes
        self.encoder = Encoder(
            layer_config(width, config.attention_heads, config.hidden, 2, config.points), config.encoder_layers
        )
        self.down = nn.Conv2d(fine, width, 3, stride=2, padding=1)
        self.fuse = _block(width, width)
        self.dense = _block(width, width)
        self.propose = nn.Conv2d(width, 10, 1)
        nn.init.normal_(self.propose.weight, std=0.01)
        with torch.no_grad():
            bias = torch.zeros(2, 5)
            bias[:, 0], bias[:, 3:] = -4.0, torch.tensor([[1.2], [2.2]])  # rare; some 3 and 9 cells wide
            assert self.propose.bias is not None
            self.propose.bias.copy_(bias.flatten())
        layers = layer_config(width, config.attention_heads, config.hidden, 3, config.points)
        self.object_decoder, self.head_decoder = (
            Decoder(layers, config.decoder_layers),
            Decoder(layers, config.head_layers),
        )
        self.object_query, self.head_query = nn.Linear(width, width), nn.Linear(width, width)
        self.noised_query = nn.Embedding(classes + 1, width)
        self.object_score, self.head_score = _zero(nn.Linear(width, 1)), _zero(nn.Linear(width, 1))
        self.classify = nn.Linear(width, classes)
        self.embed = nn.Sequential(
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, config.mask_channels),
        )
        self.outline = _zero(nn.Linear(width, len(BOX_OUTLINE)))
        with torch.no_grad():
            self.outline.bias.copy_(torch.tensor(BOX_OUTLINE))
        self.up = nn.Conv2d(width, 4 * fine, 1)
        self.pixel = nn.Sequential(
            nn.Conv2d(fine, fine, 3, padding=1), nn.ReLU(), nn.Conv2d(fine, config.mask_channels, 1)
        )

    def forward(self, raw: list[Tensor], noised: Noised | None = None, decode: bool = True) -> Seen:
        """raw: the enlarged levels, finest first; noised: denoising queries, in training.

        decode: whether the decoders run, or the first stage alone.
        """
        finest, fine, *coarse = raw
        encoded = self.encoder(Levels.of(coarse))
        above = encoded.maps()[0].to(fine.dtype)
        fused = self.fuse(fine + self.down(finest) + resize(above, fine.shape[-2:]))
        dense = self.dense(fused)
        answers = self.propose(dense).float()
        object_proposals, head_proposals = _read(answers[:, :5]), _read(answers[:, 5:])
        memory = Levels.of([fused.float(), *encoded.maps()])
        if not decode:
            return Seen(raw, encoded, finest[:, :0], object_proposals, head_proposals, [], [], None)
        pixels = self.pixel(finest + F.pixel_shuffle(self.up(fused), 2))
        objects, denoised = self._decode_objects(object_proposals, dense, memory, noised)
        heads = self._decode_heads(head_proposals, dense, memory)
        return Seen(raw, encoded, pixels, object_proposals, head_proposals, objects, heads, denoised)

    def _decode_objects(
        self, proposals: Proposals, dense: Tensor, memory: Levels, noised: Noised | None
    ) -> tuple[list[Layer], list[Layer] | None]:
        logits, boxes, content = choose(proposals, dense, self.config.queries)
        count, queries, mask = logits.shape[1], self.object_query(content), None
        if noised is not None:
            queries = torch.cat([queries.float(), self.noised_query(noised.labels)], dim=1)
            boxes = torch.cat([boxes, noised.boxes], dim=1)
            logits = torch.cat([logits, logits.new_zeros(noised.labels.shape)], dim=1)
            number = torch.arange(queries.shape[1], device=queries.device)
            mask = (number[:, None] < count) != (number[None, :] < count)
        layers = []
        for hidden, moved in zip(*self.object_decoder(queries, boxes, memory, mask), strict=True):
            score = logits + self.object_score(hidden)[..., 0]
            classes, embeddings = self.classify(hidden), self.embed(hidden)
            layers.append(Layer(hidden, moved, score, classes, embeddings, self.outline(hidden)))
        if noised is None:
            return layers, None
        return [_part(one, slice(None, count)) for one in layers], [_part(one, slice(count, None)) for one in layers]

    def _decode_heads(self, proposals: Proposals, dense: Tensor, memory: Levels) -> list[Layer]:
        logits, boxes, content = choose(proposals, dense, self.config.head_queries)
        layers = []
        for hidden, moved in zip(*self.head_decoder(self.head_query(content), boxes, memory), strict=True):
            none = hidden[..., :0]
            layers.append(Layer(hidden, moved, logits + self.head_score(hidden)[..., 0], none, none, none))
        return layers


def _part(layer: Layer, which: slice) -> Layer:
    return Layer(*(tensor[:, which] for tensor in layer))


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.ReLU())


def _zero(linear: nn.Linear) -> nn.Linear:
    """A layer that adds nothing at first, so that the decoder begins as good as the first stage."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def _read(answers: Tensor) -> Proposals:
    """answers: (N, 5, h, w): a logit, the centre's shift in cells, and the logarithm of the size in cells."""
    height, width = answers.shape[-2:]
    centres = cell_centres((height, width), answers.device).view(height, width, 2)
    cell = answers.new_tensor([1 / width, 1 / height])
    rest = answers[:, 1:].permute(0, 2, 3, 1)
    boxes = torch.cat([centres + rest[..., :2] * cell, rest[..., 2:].clamp(max=LARGEST).exp() * cell], dim=-1)
    return Proposals(answers[:, 0], boxes)


def choose(proposals: Proposals, content: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The surest proposals of the first stage, of those that lie upon each other the surest.

    Several cells answer for one object, so that neighbours of one shelf touch: what tells them apart is their boxes,
    not peaks of the map. Proposals that lie upon a surer one are taken last, and never reported.

    content: (N, D, h, w). Returns logits (N, Q), boxes (N, Q, 4) and content (N, Q, D), the first two without gradient.
    """
    with torch.no_grad():
        logits, boxes = proposals.logits.detach().flatten(1), proposals.boxes.detach().flatten(1, 2)
        logits, at = logits.topk(min(CANDIDATES * count, logits.shape[1]), dim=1)
        boxes = boxes.gather(1, at[..., None].expand(-1, -1, 4)).clamp(1e-3, 1 - 1e-3)
        corners = to_xyxy(boxes)
        row = torch.arange(logits.shape[1], device=logits.device)
        surer = (row[:, None] > row[None]).float()  # numbers, not truth values: OpenVINO crashes on those
        over = torch.stack([(pair_iou(own, own) > UPON).float() for own in corners]) * surer
        kept = torch.ones_like(logits)
        for _ in range(ROUNDS):
            kept = 1 - (over * kept[:, None]).amax(dim=-1)
        logits, order = (logits - 20 * (1 - kept)).topk(min(count, logits.shape[1]), dim=1)
        at = at.gather(1, order)
        boxes = boxes.gather(1, order[..., None].expand(-1, -1, 4))
    features = content.flatten(2).transpose(1, 2)
    return logits, boxes, features.gather(1, at[..., None].expand(-1, -1, features.shape[-1]))


def masks_of(layer: Layer, picture: int, rows: Tensor, pixels: Tensor) -> Tensor:
    """Logits of masks (K, h, w) of the queries `rows` of a picture, on its pixel map (M, h, w).

    To the product of embedding and pixel map comes an outline: a polynomial of the place in the query's box, before
    training a box with round corners. A pixel map alone would have to tell a hundred equal
    products apart, which takes far more pictures than there are here.
    """
    own = layer.boxes[picture][rows].detach().float()
    height, width = pixels.shape[-2:]
    centres = cell_centres((int(height), int(width)), pixels.device).view(height, width, 2)
    half = (own[:, 2:] / 2).clamp_min(1e-3)
    u = ((centres[None, 0, :, 0] - own[:, :1]) / half[:, :1]).clamp(-FAR, FAR)[:, None]
    v = ((centres[None, :, 0, 1] - own[:, 1:2]) / half[:, 1:]).clamp(-FAR, FAR)[..., None]
    free, x, y, xx, yy, xy, xxxx, yyyy = layer.outlines[picture][rows].float()[..., None, None].unbind(1)
    outline = free + x * u + xx * u**2 + xxxx * u**4 + y * v + yy * v**2 + yyyy * v**4 + xy * u * v
    return outline + torch.einsum("qm,mhw->qhw", layer.embeddings[picture][rows].float(), pixels.float())
