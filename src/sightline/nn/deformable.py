"""Transformers over several feature levels: the layers of Deformable DETR, from transformers, and what feeds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import DeformableDetrConfig


class Levels(NamedTuple):
    """Feature levels as one row of tokens.

    tokens: (N, L, D), level by level, row by row. shapes: (height, width) of each level.
    """

    tokens: Tensor
    shapes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, maps: Sequence[Tensor]) -> Levels:
        """maps: (N, D, h, w) each."""
        tokens = torch.cat([one.flatten(2).transpose(1, 2) for one in maps], dim=1)
        return cls(tokens, tuple((int(one.shape[-2]), int(one.shape[-1])) for one in maps))

    def maps(self) -> list[Tensor]:
        """The levels as maps (N, D, h, w) again."""
        parts = self.tokens.split([h * w for h, w in self.shapes], dim=1)
        return [part.transpose(1, 2).unflatten(2, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def where(self) -> dict[str, Any]:
        """How the attention of transformers is told of the levels."""
        device = self.tokens.device
        sizes = [h * w for h, w in self.shapes]
        return {
            "spatial_shapes": torch.tensor(self.shapes, device=device),
            "spatial_shapes_list": list(self.shapes),
            "level_start_index": torch.tensor([sum(sizes[:n]) for n in range(len(sizes))], device=device),
        }


def layer_config(width: int, heads: int, hidden: int, levels: int, points: int) -> DeformableDetrConfig:
    """The layers' sizes, as transformers has them. hidden: width of the feed-forward network."""
    from transformers import DeformableDetrConfig

    return DeformableDetrConfig(
        d_model=width,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=hidden,
        decoder_ffn_dim=hidden,
        encoder_n_points=points,
        decoder_n_points=points,
        num_feature_levels=levels,
        dropout=0.0,
        attn_implementation="sdpa",
    )


def sine_embedding(places: Tensor, width: int, temperature: float = 20.0) -> Tensor:
    """Sines and cosines of numbers in [0, 1]: (..., K) to (..., K * width), width even.

    Examples
    --------
    >>> sine_embedding(torch.zeros(1, 2), 4)
    tensor([[0., 0., 1., 1., 0., 0., 1., 1.]])
    """
    steps = torch.arange(width // 2, device=places.device, dtype=torch.float32)
    phases = places.float()[..., None] * 2 * math.pi / temperature ** (2 * steps / width)
    return torch.cat([phases.sin(), phases.cos()], dim=-1).flatten(-2)


def cell_centres(shape: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Centres of a grid's cells, (h * w, 2) x and y as fractions of the picture, row by row.

    Examples
    --------
    >>> cell_centres((1, 2))
    tensor([[0.2500, 0.5000],
            [0.7500, 0.5000]])
    """
    height, width = shape
    y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
    x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
    return torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=-1)


class Encoder(nn.Module):
    """Deformable self-attention over levels, each token about its own place.

    The layers are those of transformers' Deformable DETR. Attention computes in float32: under autocast to bfloat16 a
    place would be good to half a cell only.
    """

    def __init__(self, config: DeformableDetrConfig, layers: int) -> None:
        super().__init__()
        from transformers.models.deformable_detr.modeling_deformable_detr import DeformableDetrEncoderLayer

        self.layers = nn.ModuleList(DeformableDetrEncoderLayer(config) for _ in range(layers))
        self.levels = nn.Parameter(torch.zeros(config.num_feature_levels, config.d_model))

    def forward(self, levels: Levels) -> Levels:
        """Levels to levels of the same shapes."""
        tokens, shapes = levels.tokens.float(), levels.shapes
        places = [cell_centres(shape, tokens.device) for shape in shapes]
        embedded = torch.cat(
            [sine_embedding(place, tokens.shape[-1] // 2) + self.levels[n] for n, place in enumerate(places)]
        )
        reference = torch.cat(places)[None, :, None].expand(len(tokens), -1, len(shapes), -1)
        where = levels.where()
        with torch.autocast(tokens.device.type, enabled=False):
            for layer in self.layers:
                tokens = layer(
                    tokens,
                    attention_mask=None,
                    spatial_position_embeddings=embedded[None],
                    reference_points=reference,
                    **where,
                )
        return Levels(tokens, shapes)


class Decoder(nn.Module):
    """Queries with boxes: each layer attends to its queries and to the levels about their boxes, then moves the boxes.

    `forward` gives the queries and boxes after each layer. The boxes' gradients stop between layers, as in DINO. mask:
    (Q, Q) bool, True where a query may not see another.
    """

    def __init__(self, config: DeformableDetrConfig, layers: int) -> None:
        super().__init__()
        from transformers.models.deformable_detr.modeling_deformable_detr import DeformableDetrDecoderLayer

        width = config.d_model
        self.layers = nn.ModuleList(DeformableDetrDecoderLayer(config) for _ in range(layers))
        self.place = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.move = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4)) for _ in range(layers)
        )
        for head in self.move:
            nn.init.zeros_(head[-1].weight)  # type: ignore[index]
            nn.init.zeros_(head[-1].bias)  # type: ignore[index]

    def forward(
        self, queries: Tensor, boxes: Tensor, memory: Levels, mask: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """queries: (N, Q, D); boxes: (N, Q, 4) cxcywh, fractions. Returns those of each layer."""
        where, count = memory.where(), len(memory.shapes)
        hidden, boxes, tokens = queries.float(), boxes.float(), memory.tokens.float()
        found: tuple[list[Tensor], list[Tensor]] = ([], [])
        bias = None
        if mask is not None:
            bias = torch.zeros(mask.shape, device=mask.device).masked_fill(mask, float("-inf"))[None, None]
        with torch.autocast(tokens.device.type, enabled=False):
            for layer, move in zip(self.layers, self.move, strict=True):
                place = self.place(sine_embedding(boxes, hidden.shape[-1] // 2))
                hidden = _decode(layer, hidden, place, boxes[:, :, None].expand(-1, -1, count, -1), tokens, where, bias)
                moved = (logit(boxes) + move(hidden)).sigmoid()
                found[0].append(hidden)
                found[1].append(moved)
                boxes = moved.detach()
        return found


def _decode(
    layer: Any, hidden: Tensor, place: Tensor, reference: Tensor, tokens: Tensor, where: dict[str, Any], bias: Any
) -> Tensor:
    """One decoder layer of transformers, with a mask on its self-attention, which its own `forward` does not take."""
    attended, _ = layer.self_attn(hidden_states=hidden, attention_mask=bias, position_embeddings=place)
    hidden = layer.self_attn_layer_norm(hidden + attended)
    attended, _ = layer.encoder_attn(
        hidden_states=hidden,
        attention_mask=None,
        encoder_hidden_states=tokens,
        position_embeddings=place,
        reference_points=reference,
        **where,
    )
    hidden = layer.encoder_attn_layer_norm(hidden + attended)
    done: Tensor = layer.final_layer_norm(hidden + layer.mlp(hidden))
    return done


def logit(values: Tensor, epsilon: float = 1e-4) -> Tensor:
    """The inverse of the sigmoid, of values kept `epsilon` away from 0 and 1."""
    return torch.logit(values.clamp(epsilon, 1 - epsilon))
