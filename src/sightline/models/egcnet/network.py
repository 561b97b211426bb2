"""EGCNet: a per-frame query segmenter guided by where viewers look, what they look at, and who won before.

Ours where the abstract is silent, which is nearly everywhere; README has the equations.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from sightline.models.egcnet.config import EGCNetConfig, RecallConfig
from sightline.models.egcnet.iimc import Embedding, confident, log_odds, mean_similarity, object_and_rest
from sightline.models.egcnet.pse import (
    PositionSemanticEmbedding,
    cell_centres,
    combined_density,
    cosine_similarity,
    memory_weighted,
    motion_weighted,
    sinusoidal,
    weighted_mean,
)
from sightline.models.egcnet.slq import Competition, Competitor, WinnersMemory
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock, pool_to, resize
from sightline.nn.egnet import EGNet, fixation_density

SHARED = 3
"""Backbone stages that the fixation head shares with the segmenter."""


class Encoded(NamedTuple):
    """What the frozen part says of N pictures: levels 2 to 5 and the fixation head's logits (N, 1, H/8, W/8)."""

    level2: Tensor
    level3: Tensor
    level4: Tensor
    level5: Tensor
    fixations: Tensor


class Winner(NamedTuple):
    """What is remembered of a frame's winner in N videos: its query (N, D), the semantics of what it held (N, F) and of
    what was fixated (N, F), the contrast's embeddings of the frame's cells (N, E, r, c), and how much a cell counts for
    the object and for the rest (N, 2, r, c)."""

    query: Tensor
    semantics: Tensor
    fixated: Tensor
    cells: Tensor
    sides: Tensor

    def with_mask(self, mask: Tensor) -> Winner:
        """With the refined mask (N, 1, H, W) in [0, 1] of the winner: cells that it is unsure of count for nothing.
        Cells are twice as large, so that more frames can be remembered."""
        cells = pool_to(self.cells, self.cells[..., ::2, ::2])
        return self._replace(cells=cells, sides=confident(pool_to(mask, cells)))


class Memory(NamedTuple):
    """The winners of the last M frames, as in Winner with an axis of M after N, and which are there (N, M)."""

    queries: Tensor
    semantics: Tensor
    fixated: Tensor
    cells: Tensor
    sides: Tensor
    filled: Tensor

    def push(self, winner: Winner) -> Memory:
        """With one more winner, in the place of the oldest."""
        newest = (*winner, self.filled.new_ones(len(self.filled)))
        return Memory(*(torch.cat([old[:, 1:], new[:, None]], dim=1) for old, new in zip(self, newest, strict=True)))


class Decision(NamedTuple):
    """What the network makes of one frame of N videos.

    masks: logits of every query (N, Q, H/4, W/4). winner: those of the winner (N, 1, H/4, W/4). density: the fixations
    that guided it (N, 1, H/8, W/8). points: the queries' reference points (N, Q, 2). pixels: embeddings
    (N, E, H/8, W/8) of the contrast, unit length. recalled: log-odds (N, 1, H/8, W/8) that a pixel is of the object, by
    its similarity to earlier winners and to what was around them; 0 where nothing is remembered. remembered: what goes
    into the memory.
    """

    masks: Tensor
    winner: Tensor
    density: Tensor
    points: Tensor
    competition: Competition
    pixels: Tensor
    recalled: Tensor
    remembered: Winner


class EGCNet(nn.Module):
    """The network. `encode` is frozen; `decide` is what training from fixations learns."""

    def __init__(self, config: EGCNetConfig, backbone: Backbone | None = None, sight: EGNet | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or build_backbone(config.backbone)
        self.sight = copy.deepcopy(sight) if sight else EGNet(config.sight)
        for stage in range(SHARED):
            self.sight.backbone.stages[stage] = nn.Identity()  # the segmenter's own are used
        width, wide = config.width, config.query_width
        c2, c3, c4, c5 = self.backbone.channels[1:]
        classes = self.backbone.classes
        self.spaces = (c4, c5 - classes, classes - 1) if classes else (c4, c5)
        guides = 1 + len(self.spaces)
        guides += 1 + len(self.spaces) if config.position_semantic else 0
        self.block5 = RefinementBlock(c5 + guides, width, deepest=True)
        self.block4 = RefinementBlock(c4 + guides, width)
        self.block3 = RefinementBlock(c3 + guides, width)
        self.block2 = RefinementBlock(c2 + guides, width)
        self.tokens = nn.ModuleList(nn.Conv2d(width, wide, 1) for _ in range(3))
        if config.position_semantic:
            self.pse = PositionSemanticEmbedding(wide, sum(self.spaces), config.regions, config.density)
        free = config.queries - (config.regions if config.position_semantic else 0)
        self.free_queries = nn.Parameter(torch.randn(free, wide))
        self.free_points = nn.Parameter(torch.rand(free, 2).logit(eps=0.2))
        if config.competition:
            self.memory = WinnersMemory(wide)
            self.competitor = Competitor(config.locality_scale)
        self.layers = nn.ModuleList(_query_layer(wide) for _ in range(config.layers))
        self.score = nn.Linear(wide, 1)
        self.mask = nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, width + 3))
        if config.contrast:
            self.embedding = Embedding(c3 + sum(self.spaces), config.embedding)

    def train(self, mode: bool = True) -> EGCNet:
        """The frozen part keeps the statistics of its own training."""
        super().train(mode)
        self.backbone.eval()
        self.sight.eval()
        return self

    def encode(self, images: Tensor) -> Encoded:
        """images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 32."""
        levels = self.backbone(images)
        _, level2, level3, level4, level5 = levels
        return Encoded(level2, level3, level4, level5, self._fixations(level3))

    def fixation_logits(self, images: Tensor) -> Tensor:
        """The fixation head alone: logits (N, 1, H/8, W/8), as EGNet.forward gives them."""
        hidden = self.backbone.normalise(images)
        for stage in self.backbone.stages[:SHARED]:
            hidden = stage(hidden)
        return self._fixations(hidden)

    def _fixations(self, level3: Tensor) -> Tensor:
        level4 = self.sight.backbone.stages[3](level3)
        return self.sight.decode([level3, level4, self.sight.backbone.stages[4](level4)])

    def objects(self, encoded: Encoded) -> Tensor | None:
        """How surely a cell shows an object of a class that the backbone knows, (N, 1, H/8, W/8); None if it knows
        none."""
        classes = self.backbone.classes
        if not classes:
            return None
        background = encoded.level5[:, -classes][:, None]
        return resize(1 - background, encoded.fixations.shape[-2:])

    def own_density(self, encoded: Encoded, motion: Tensor, similarity: Tensor) -> Tensor:
        """The network's own density of fixations, (N, 1, H/8, W/8), summing to 1: that of the fixation head, weighted
        by motion and by what was fixated before. similarity: (N, S, H/8, W/8), cosines with that, of
        `cosine_similarity`; zeros where nothing is remembered."""
        objects, config = self.objects(encoded), self.config.density
        features = similarity[:, :2]  # not the object classes of a backbone that has some
        weighted = motion_weighted(fixation_density(encoded.fixations), motion, objects, config)
        return memory_weighted(weighted, features, objects is not None, config)

    def empty_memory(self, count: int, cells: tuple[int, int], slots: int | None = None) -> Memory:
        """Of `count` videos that have not begun. cells: rows and columns; slots: the configuration's, if not given."""
        like, slots = self.free_queries, slots or self.config.memory
        semantics = (sum(self.spaces),)
        shapes = [(self.config.query_width,), semantics, semantics, (self.config.embedding, *cells), (2, *cells), ()]
        return Memory(*(like.new_zeros(count, slots, *shape) for shape in shapes))

    def decide(
        self, encoded: Encoded, motion: Tensor, recorded: Tensor, has_recorded: Tensor, memory: Memory
    ) -> Decision:
        """One frame of N videos.

        motion: (N, 1, H/8, W/8) in [0, 1], how surely a place moves against the background. recorded: (N, 1, H/8, W/8),
        the density of an eye tracker's fixations, summing to 1; has_recorded: (N,), 1 where there is one, 0 for the
        fixation head's own.
        """
        features = self.semantics(encoded)
        before, fixated = (_mean_of(kept, memory.filled) for kept in (memory.semantics, memory.fixated))
        own = self.own_density(encoded, motion, cosine_similarity(features, fixated, self.spaces))
        density = combined_density(own, recorded, has_recorded, self.config.density)
        guides = [motion, cosine_similarity(features, before, self.spaces)]
        if self.config.position_semantic:
            queries, points, semantics = self.pse(density, features)
            guides += [
                density / density.amax(dim=(2, 3), keepdim=True),
                cosine_similarity(features, semantics, self.spaces),
            ]
        else:
            queries = features.new_zeros(len(motion), 0, self.config.query_width)
            points = features.new_zeros(len(motion), 0, 2)
            semantics = weighted_mean(features, density)
        guide = torch.cat(guides, dim=1)
        out5 = self.block5([encoded.level5, pool_to(guide, encoded.level5)])
        out4 = self.block4([encoded.level4, pool_to(guide, encoded.level4)], out5)
        out3 = self.block3([encoded.level3, guide], out4)
        out2 = self.block2([encoded.level2, resize(guide, encoded.level2.shape[-2:])], out3)
        queries, points = self._with_free(queries, points)
        queries = self._decode(queries, points, [out3, out4, out5], memory)
        pixels = self._embed(encoded, features)
        recalled = recall(pixels, memory, self.config.recall) if self.config.contrast else torch.zeros_like(motion)
        masks = self._masks(self.mask(queries), points, out2, resize(recalled, out2.shape[-2:]))
        scores = self.score(queries)[..., 0]
        small = pool_to(masks.sigmoid(), motion)
        if self.config.competition:
            competition = self.competitor(small, features, semantics, density, scores)
        else:
            competition = Competition(torch.zeros_like(scores), torch.zeros_like(scores), scores, scores)
        best = competition.total.argmax(dim=1)
        rows = torch.arange(len(best), device=best.device)
        winner = masks[rows, best][:, None]
        mask = pool_to(winner.sigmoid(), motion)
        cells, sides = (nn.functional.avg_pool2d(maps, 2) for maps in (pixels, object_and_rest(mask)))
        remembered = Winner(queries[rows, best], weighted_mean(features, mask), semantics, cells, sides)
        return Decision(masks, winner, density, points, competition, pixels, recalled, remembered)

    def _embed(self, encoded: Encoded, features: Tensor) -> Tensor:
        """The contrast's embedding (N, E, H/8, W/8) of unit length; zeros without the contrast."""
        if self.config.contrast:
            embedded: Tensor = self.embedding(encoded.level3, features)
            return embedded
        return features.new_zeros(len(features), self.config.embedding, *features.shape[2:])

    def semantics(self, encoded: Encoded) -> Tensor:
        """What every cell of stride 8 shows, (N, D, H/8, W/8): the deep features, less their mean over the picture, at
        unit length each; and the probabilities of the object classes of a backbone that has them."""
        size = encoded.level3.shape[-2:]
        classes = self.backbone.classes
        deep = encoded.level5[:, : encoded.level5.shape[1] - classes]
        spaces = [maps - maps.mean(dim=(2, 3), keepdim=True) for maps in (encoded.level4, deep)]
        cells = [nn.functional.normalize(resize(maps, size), dim=1, eps=1e-6) for maps in spaces]
        if classes:  # the first is the background: what is like it is like nothing
            cells.append(resize(encoded.level5[:, 1 - classes :], size))
        return torch.cat(cells, dim=1)

    def _masks(self, embedded: Tensor, points: Tensor, pixels: Tensor, recalled: Tensor) -> Tensor:
        """Logits (N, Q, h, w): similarity of a query to the pixels, less the squared distance from its point times its
        narrowness, and recall times its trust.

        embedded: (N, Q, C + 3), the last three a bias, the query's narrowness, and its trust. points: (N, Q, 2);
        pixels: (N, C, h, w); recalled: (N, 1, h, w).
        """
        channels, height, width = pixels.shape[1:]
        similarity = torch.einsum("nqc,nchw->nqhw", embedded[..., :channels] / channels**0.5, pixels)
        grid = cell_centres(height, width, like=pixels)
        away = (points[:, :, None] - grid).square().sum(-1).unflatten(-1, (height, width))
        narrow = nn.functional.softplus(embedded[..., channels + 1] + self.config.initial_narrowness)
        trust = embedded[..., channels + 2].sigmoid()
        return (
            similarity
            + embedded[..., channels, None, None]
            - narrow[..., None, None] * away
            + trust[..., None, None] * recalled
        )

    def _with_free(self, queries: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        count = len(queries)
        free = self.free_queries.expand(count, -1, -1)
        places = self.free_points.sigmoid().expand(count, -1, -1)
        return torch.cat([queries, free], dim=1), torch.cat([points, places], dim=1)

    def _decode(self, queries: Tensor, points: Tensor, levels: list[Tensor], memory: Memory) -> Tensor:
        if self.config.competition:
            queries = self.memory(queries, memory.queries, memory.filled)
        shapes = [(level.shape[-2], level.shape[-1]) for level in levels]
        tokens = [token(level).flatten(2).transpose(1, 2) for token, level in zip(self.tokens, levels, strict=True)]
        sizes = torch.tensor(shapes, device=points.device)
        starts = torch.tensor([0, shapes[0][0] * shapes[0][1], sum(h * w for h, w in shapes[:2])], device=points.device)
        position = sinusoidal(points, self.config.query_width)
        for layer in self.layers:
            queries = layer(
                queries,
                object_queries_position_embeddings=position,
                reference_points=points[:, :, None].expand(-1, -1, len(levels), -1),
                spatial_shapes=sizes,
                spatial_shapes_list=shapes,
                level_start_index=starts,
                encoder_hidden_states=torch.cat(tokens, dim=1),
            )
        return queries


def recall(pixels: Tensor, memory: Memory, config: RecallConfig) -> Tensor:
    """Log-odds (N, 1, h, w) that a pixel is of the object, by its similarity to earlier winners and to what was around
    them; zeros where no object or nothing beside one is remembered. pixels: (N, E, h, w), unit length."""
    cells, sides = (kept.transpose(1, 2).flatten(2).transpose(1, 2) for kept in (memory.cells, memory.sides))
    found = mean_similarity(pixels, cells, sides, config)
    both = (sides.sum(1).amin(1) > 0).to(pixels)
    return log_odds(found, config).clamp(-config.limit, config.limit) * both[:, None, None, None]


def _mean_of(remembered: Tensor, filled: Tensor) -> Tensor:
    """The mean (N, D) of what is remembered (N, M, D) where it is there, (N, M); zeros where nothing is."""
    return (remembered * filled[..., None]).sum(1) / filled.sum(1, keepdim=True).clamp_min(1)


def _query_layer(width: int) -> nn.Module:
    """Self-attention among the queries, deformable attention around their reference points, and a small MLP."""
    from transformers import DeformableDetrConfig
    from transformers.models.deformable_detr.modeling_deformable_detr import DeformableDetrDecoderLayer

    config = DeformableDetrConfig(
        d_model=width,
        decoder_attention_heads=4,
        decoder_n_points=4,
        num_feature_levels=3,
        decoder_ffn_dim=2 * width,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
    )
    config._attn_implementation = "eager"
    return cast(nn.Module, cast(Any, DeformableDetrDecoderLayer)(config))
