"""Where an encoder is to spend its bits: the objects as regions of interest, for FFmpeg's filter `addroi`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.results.kinds import Kind, Lane, Sink
from sightline.types import Frame
from sightline.video import Source

BLOCK = 16
"""Side of x264's macroblocks, pixels: a finer region says no more."""
OFFSET = -0.12
"""Of the quantiser in a region, in units of its range: six steps of H.264's 51, which halve the step size."""
LENGTH_S = 0.5
"""Of the stretch that has one region, the union of its masks. addroi takes no commands, so each is a branch of the
graph; shorter ones follow an object more closely, but every frame goes by every branch."""

Rectangle = tuple[int, int, int, int]


class Regions(Kind):
    """roi.txt: a filter graph from [0:v] to [roi], for `ffmpeg -filter_complex_script`."""

    name = "roi"
    about = "the objects as regions of interest for an encoder, an FFmpeg filter graph"
    entries = ("roi.txt",)
    lane: Lane = "rows"
    on_request = True

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of a model that gives masks."""
        return "masks" in gives

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`. Raises UsageError for pictures that are not one source."""
        if source is None:
            raise UsageError("`save` roi: of a video, not of unrelated images")
        return _RegionSink(folder / self.entries[0], source.fps)


class _RegionSink(Sink):
    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._half_s = path, 0.5 / fps
        self._stretches: list[tuple[float, list[Rectangle]]] = []
        self._start_s = 0.0
        self._blocks: NDArray[np.bool_] | None = None
        self._size = (0, 0)

    def write(self, frame: Frame, name: str | None = None) -> None:
        if self._blocks is not None and frame.time_s - self._start_s >= LENGTH_S - self._half_s:
            self._end_stretch()
        height, width = self._size = (frame.image.shape[0], frame.image.shape[1])
        if self._blocks is None:
            self._start_s = frame.time_s
            self._blocks = np.zeros((-(-height // BLOCK), -(-width // BLOCK)), bool)
        if frame.mask is not None:
            self._blocks |= blocks_of(frame.mask > 0)

    def close(self, *, whole: bool = True) -> None:
        if self._blocks is not None:
            self._end_stretch()
        self._path.write_text(graph(self._stretches, self._half_s), encoding="utf-8")

    def _end_stretch(self) -> None:
        assert self._blocks is not None
        self._stretches.append((self._start_s, list(rectangles(self._blocks, self._size))))
        self._blocks = None


def blocks_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which blocks of BLOCK x BLOCK pixels a mask (H, W) touches."""
    height, width = mask.shape
    whole = np.pad(mask, ((0, -height % BLOCK), (0, -width % BLOCK)))
    rows, columns = whole.shape[0] // BLOCK, whole.shape[1] // BLOCK
    return np.asarray(whole.reshape(rows, BLOCK, columns, BLOCK).any(axis=(1, 3)))


def rectangles(blocks: NDArray[np.bool_], size: tuple[int, int]) -> Iterator[Rectangle]:
    """Blocks as rectangles that do not overlap: x, y, width, height in pixels of a frame of a size (height, width).

    Examples
    --------
    >>> list(rectangles(np.array([[0, 1, 1], [0, 1, 1], [1, 0, 0]], bool), (48, 40)))
    [(16, 0, 24, 32), (0, 32, 16, 16)]
    """
    row = 0
    for cells, same in groupby(map(tuple, blocks)):
        rows = len(list(same))
        edges = np.flatnonzero(np.diff(np.array([False, *cells, False], np.int8)))
        for left, right in edges.reshape(-1, 2).tolist():
            x, y = left * BLOCK, row * BLOCK
            yield x, y, min(right * BLOCK, size[1]) - x, min((row + rows) * BLOCK, size[0]) - y
        row += rows


def graph(stretches: list[tuple[float, list[Rectangle]]], half_s: float) -> str:
    """The filter graph of stretches: when each begins, in seconds, and its regions."""
    count = len(stretches)
    if not count:
        return "[0:v]null[roi]\n"
    lines = [f"[0:v]split={count}{''.join(f'[s{n}]' for n in range(count))}"]
    for number, (_, regions) in enumerate(stretches):
        first = "" if number == 0 else f"start={stretches[number][0] - half_s:.6f}"
        last = "" if number + 1 == count else f"end={stretches[number + 1][0] - half_s:.6f}"
        trim = f"trim={':'.join(filter(None, (first, last)))}," if first or last else ""
        places = [f"addroi=x={x}:y={y}:w={w}:h={h}:qoffset={OFFSET}" for x, y, w, h in regions] or ["null"]
        lines.append(f"[s{number}]{trim}setpts=PTS-STARTPTS,{','.join(places)}[r{number}]")
    lines.append(f"{''.join(f'[r{n}]' for n in range(count))}concat=n={count}:v=1:a=0[roi]")
    return ";\n".join(lines) + "\n"
