"""Batches of frames with their context."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sightline.errors import DataError
from sightline.models.stanet_plus.readout import recalled
from sightline.training.batches import Batches
from sightline.training.stanet.rows import Clip
from sightline.training.stanet_plus.draw import apart, companions, distant
from sightline.training.stanet_plus.frames import ContextDraw, Examined, Heard

B = TypeVar("B", bound=tuple[Any, ...])


class TagBatch(NamedTuple):
    """B frames and their context: (M, B, 1 + n, C, h, w) each, of SCAM's nets, the target first; tags: (B, K).

    A tag with one video alone has no cross-term context: the frame stands in for it.
    """

    short: Tensor
    long: Tensor
    cross: Tensor
    tags: Tensor


class Nodes(NamedTuple):
    """B frames and their context, (B, 1 + n, ...), the target first; see `Heard`.

    base: logits that the readout is added to: STA's, or what its residual path of sound gives; more: see `recalled`."""

    fused: Tensor
    spatial: Tensor
    places: Tensor
    base: Tensor
    pseudo: Tensor
    more: Tensor


class NodeBatch(NamedTuple):
    """Frames with short- and with long-term context."""

    short: Nodes
    long: Nodes


class ContextFrames(IterableDataset[B], Generic[B]):
    """Endless batches: a size of frames, a tag, a video and a frame are drawn in turn; half of them are mirrored.

    usable: by clip, the rows that can be targets. start: batches to leave out, for a run that goes on.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        sizes: Sequence[tuple[int, ...]],
        usable: Sequence[Sequence[int]],
        batch_size: int,
        seed: int,
    ) -> None:
        self.batch_size, self.seed, self.start = batch_size, seed, 0
        self.usable = usable
        self.by_size: dict[tuple[int, ...], dict[str, list[int]]] = {}
        for number, (clip, size) in enumerate(zip(clips, sizes, strict=True)):
            if len(usable[number]):
                self.by_size.setdefault(size, {}).setdefault(clip.video.tags[0], []).append(number)
        if not self.by_size:
            raise DataError("no frame to train on: no frame has pseudo-fixations; train the nets of SCAM longer")

    def __iter__(self) -> Iterator[B]:
        return islice(self._all(), self.start, None)

    def _all(self) -> Iterator[B]:
        generator = np.random.default_rng(self.seed)
        sizes = [list(of_size.values()) for of_size in self.by_size.values()]
        videos = np.array([sum(map(len, groups)) for groups in sizes])
        while True:
            groups = sizes[generator.choice(len(sizes), p=videos / videos.sum())]
            drawn = []
            for _ in range(self.batch_size):
                group = groups[generator.integers(len(groups))]
                number = group[generator.integers(len(group))]
                row = self.usable[number][int(generator.integers(len(self.usable[number])))]
                drawn.append(self.fields(number, row, bool(generator.integers(2)), generator))
            yield self.batch(drawn)

    @abstractmethod
    def fields(self, number: int, row: int, mirror: bool, generator: np.random.Generator) -> Sequence[Tensor]:
        """What there is of a frame and its context, as `batch` takes it."""

    @abstractmethod
    def batch(self, drawn: list[Sequence[Tensor]]) -> B:
        """A batch of the fields of several frames."""


class TagFrames(ContextFrames[TagBatch]):
    """For the nets with context."""

    def __init__(self, examined: Sequence[Examined], nodes: int, batch_size: int, seed: int) -> None:
        clips = [one.clip for one in examined]
        sizes = [tuple(one.features.shape[-2:]) for one in examined]
        super().__init__(clips, sizes, [range(len(one)) for one in examined], batch_size, seed)
        self.examined, self.context = examined, ContextDraw(examined, nodes)

    def fields(self, number: int, row: int, mirror: bool, generator: np.random.Generator) -> Sequence[Tensor]:
        """Short, long and cross: (M, 1 + n, C, h, w) each; tags (K,)."""
        own = self.examined[number]
        target = own.features[:, [row]].float()
        terms = self.context.draw(number, row, generator)
        alone = target.expand(-1, self.context.nodes, -1, -1, -1)
        found = [torch.cat([target, terms.get(term, alone)], dim=1) for term in ("short", "long", "cross")]
        return (*(one.flip(-1) if mirror else one for one in found), own.clip.tags[0])

    def batch(self, drawn: list[Sequence[Tensor]]) -> TagBatch:
        """See `TagBatch`."""
        *terms, tags = zip(*drawn, strict=True)
        short, long, cross = (torch.stack(values, dim=1) for values in terms)
        return TagBatch(short, long, cross, torch.stack(tags))


class NodeFrames(ContextFrames[NodeBatch]):
    """For STA+: frames with pseudo-fixations. residual: whether the readout is added to STA's logits."""

    def __init__(self, heard: Sequence[Heard], nodes: int, batch_size: int, seed: int, residual: bool) -> None:
        usable = [one.pseudo.flatten(1).amax(dim=1).nonzero()[:, 0].tolist() for one in heard]
        sizes = [tuple(one.fused.shape[-2:]) for one in heard]
        super().__init__([one.clip for one in heard], sizes, usable, batch_size, seed)
        self.heard, self.nodes, self.residual = heard, nodes, residual
        self.more = [(_more(one, partial(companions, number=nodes)), _more(one, apart)) for one in heard]

    def fields(self, number: int, row: int, mirror: bool, generator: np.random.Generator) -> Sequence[Tensor]:
        """Those of `Nodes` with short-, then with long-term context, (1 + n, ...) each."""
        own = self.heard[number]
        found: list[Tensor] = []
        contexts = (companions(row, len(own), self.nodes), distant(row, len(own), self.nodes, generator))
        for context, more in zip(contexts, self.more[number], strict=True):
            rows = [row, *context]
            base = own.logits if self.residual else own.matches
            maps = [values[rows].float() for values in (own.fused, own.spatial, own.places, base, own.pseudo)]
            found += [*(values.flip(-1) if mirror else values for values in maps), more[rows]]
        return found

    def batch(self, drawn: list[Sequence[Tensor]]) -> NodeBatch:
        """See `NodeBatch`."""
        fields = [torch.stack(values) for values in zip(*drawn, strict=True)]
        half = len(fields) // 2
        return NodeBatch(Nodes(*fields[:half]), Nodes(*fields[half:]))


def _more(heard: Heard, context_of: Callable[[int, int], list[int]]) -> Tensor:
    """What each frame of a clip recalls, (N, tags). context_of: row and number of rows to the rows that it recalls."""
    tags = heard.heard.float()
    each = [recalled(tags[[row]], tags[context_of(row, len(heard))][:, None]) for row in range(len(heard))]
    return torch.cat(each)


class ContextData(Batches):
    """Frames without end, each process's own."""

    def __init__(self, frames: TagFrames | NodeFrames) -> None:
        super().__init__()
        self.frames, self.seed = frames, frames.seed

    def train_dataloader(self) -> DataLoader[Any]:
        self.frames.start, self.frames.seed = self.done, self.seed + 1000 * self.rank
        return DataLoader(self.frames, batch_size=None)
