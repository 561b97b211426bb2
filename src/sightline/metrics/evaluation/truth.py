"""What the fixations of a set say of one frame, on the pixels of the map that is scored."""

from __future__ import annotations

import functools
import math
import threading
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from sightline.data.observed import Observed
from sightline.fixations import Points
from sightline.metrics.functional.density import blurred_counts, counts_of, gaussian_density, mit_sigma
from sightline.metrics.protocols import FixationProtocol

Size = tuple[int, int]
DRAWN = 10


@dataclass(frozen=True)
class FrameTruth:
    """points: (N, 2) int64 pixels x, y. subjects: (N,). counts: (H, W) fixations in each pixel. density: (H, W)."""

    points: Tensor
    counts: Tensor
    density: Tensor


class Truth:
    """All stimuli of a set. seed: of what a protocol draws. sigma: of the blur in stimulus pixels, None for default."""

    def __init__(
        self, observed: dict[str, Observed], protocol: FixationProtocol, seed: int, sigma: float | None
    ) -> None:
        self.observed, self.protocol, self.seed, self._sigma = observed, protocol, seed, sigma
        self._names = list(observed)
        self._lock = threading.Lock()

    def sigma(self, name: str) -> tuple[float, str]:
        """The blur of the true density in pixels of the stimulus, and where that comes from."""
        stimulus = self.observed[name]
        if stimulus.ships_density:
            return math.nan, "shipped densities"
        if self._sigma is not None:
            return self._sigma, "given"
        if self.protocol.sigma is not None:
            return self.protocol.sigma, f"protocol {self.protocol.name}"
        if stimulus.px_per_degree is not None:
            return stimulus.px_per_degree, "one degree (px_per_degree)"
        return mit_sigma(stimulus.size), "8 cycles an image, about one degree"

    def settings(self) -> dict[str, Any]:
        blurs = {self.sigma(name) for name in self._names}
        return {
            "sigma_px": sorted({round(value, 3) for value, _ in blurs if not math.isnan(value)}),
            "sigma_from": sorted({origin for _, origin in blurs}),
        }

    def frame(self, name: str, frame: int, size: Size) -> FrameTruth:
        """The fixations on a frame and their density; shipped densities are taken where there are any."""
        stimulus = self.observed[name]
        shipped = stimulus.density(frame)
        return self.of_points(name, stimulus.at(frame), size, None if shipped is None else torch.from_numpy(shipped))

    def of_points(self, name: str, points: Points, size: Size, density: Tensor | None = None) -> FrameTruth:
        """The truth that these points, in pixels of the stimulus, make on a grid of another size."""
        exact = self._moved(name, points, size)
        cells = _clamped(exact, size)
        counts = counts_of(cells, size)
        if self.protocol.merge:
            counts = (counts > 0).long()
            rows, columns = counts.nonzero(as_tuple=True)
            cells = torch.stack([columns, rows], dim=1)
            exact = cells + 0.5
        if density is None:
            density = self._density(name, exact, counts, size)
        elif tuple(density.shape) != size:
            density = torch.nn.functional.interpolate(
                density[None, None].double(), size, mode="bilinear", antialias=True
            )
            density = density[0, 0]
        return FrameTruth(cells, counts, density)

    def others(self, name: str, frame: int, size: Size) -> Tensor:
        """The pixels (M, 2) of the fixations that the shuffled AUC takes for negatives."""
        which = self.protocol.others
        if which == "stimuli":
            points, sizes, owner = self._everything
            rest = owner != self._names.index(name)
            return _clamped(_scaled(points[rest], size, sizes[rest]), size)
        generator = np.random.default_rng([self.seed, zlib.crc32(f"{name}/{frame}".encode())])
        if which == "video":
            found = [self._cells(name, self.observed[name].all(), size)]
        elif which == "ten stimuli":
            pool = [other for other in self._names if other != name]
            chosen = generator.choice(len(pool), min(DRAWN, len(pool)), replace=False)
            found = [self._cells(pool[i], self.observed[pool[i]].all(), size) for i in chosen]
        else:
            found = []
            for number in generator.choice(self._starts[-1], min(DRAWN, self._starts[-1]), replace=False):
                index = int(np.searchsorted(self._starts, number, side="right")) - 1
                other = self._names[index]
                found.append(self._cells(other, self.observed[other].at(int(number - self._starts[index])), size))
        cells = torch.cat([torch.empty(0, 2, dtype=torch.int64), *found])
        if which == "video":  # the pixels that the frame itself has fixated are taken out
            own = counts_of(self._cells(name, self.observed[name].at(frame), size), size) > 0
            cells = cells[~own[cells[:, 1], cells[:, 0]]]
        return cells

    def baseline(self, name: str, size: Size) -> Tensor:
        """The mean map of the other stimuli on this grid, (H, W); uniform where there is no other stimulus."""
        rest = self._counts(size) - counts_of(self._cells(name, self.observed[name].all(), size), size)
        if not bool(rest.any()):
            return torch.ones(size, dtype=torch.float64)
        return blurred_counts(rest, self._blur(name, size))

    def _density(self, name: str, exact: Tensor, counts: Tensor, size: Size) -> Tensor:
        across, down = self._blur(name, size)
        if self.protocol.blur == "mirrored":
            return torch.from_numpy(gaussian_filter(counts.double().numpy(), (down, across), mode="reflect"))
        return gaussian_density(exact, size, (across, down))

    def _blur(self, name: str, size: Size) -> tuple[float, float]:
        """The blur across and down, in pixels of the grid; baseline maps need one where the set ships densities too."""
        sigma, (across, down) = self.sigma(name)[0], self._scale(name, size).tolist()
        sigma = mit_sigma(self.observed[name].size) if math.isnan(sigma) else sigma
        return sigma * across, sigma * down

    def _scale(self, name: str, size: Size) -> Tensor:
        height, width = self.observed[name].size
        return torch.tensor([size[1] / width, size[0] / height], dtype=torch.float64)

    def _cells(self, name: str, points: Points, size: Size) -> Tensor:
        return _clamped(self._moved(name, points, size), size)

    def _moved(self, name: str, points: Points, size: Size) -> Tensor:
        height, width = self.observed[name].size
        return _scaled(torch.from_numpy(points.xy), size, torch.tensor([width, height]))

    @functools.cached_property
    def _everything(self) -> tuple[Tensor, Tensor, Tensor]:
        """Every fixation of the set (N, 2), width and height of its stimulus (N, 2), and the index of that (N,)."""
        points, sizes, owner = [], [], []
        for index, stimulus in enumerate(self.observed.values()):
            points.append(torch.from_numpy(stimulus.all().xy))
            sizes.append(torch.tensor(stimulus.size[::-1]).expand(len(points[-1]), 2))
            owner.append(torch.full((len(points[-1]),), index))
        return torch.cat(points), torch.cat(sizes), torch.cat(owner)

    @functools.cached_property
    def _starts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The number of the first frame of each stimulus among all, and the number of all."""
        return np.cumsum([0, *(len(stimulus.frames) for stimulus in self.observed.values())])

    def _counts(self, size: Size) -> Tensor:
        """All fixations of the set on one grid; kept for the last sizes, as sets have few."""
        with self._lock:
            return self._counts_of_size(size)

    @functools.lru_cache(maxsize=8)  # noqa: B019 - a task lives as long as its run
    def _counts_of_size(self, size: Size) -> Tensor:
        points, sizes, _ = self._everything
        return counts_of(_clamped(_scaled(points, size, sizes), size), size)


def _scaled(points: Tensor, size: Size, original: Tensor) -> Tensor:
    """Points (N, 2) of pictures of the original width and height, (2,) or (N, 2), moved to a grid of another size.

    Multiplied before divided, so that no whole pixel comes out a rounding below itself.
    """
    return points.double() * torch.tensor(size[::-1]) / original


def _clamped(points: Tensor, size: Size) -> Tensor:
    """Points (N, 2) as pixels x, y; rounding may bring a point at the very edge one pixel out."""
    limits = torch.tensor([size[1] - 1, size[0] - 1])
    return torch.minimum(points.floor().long().clamp(min=0), limits)
