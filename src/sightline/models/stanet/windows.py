"""What a net sees and hears of a frame: the frame, its temporal neighbours, and the sound around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.nn.audio import AudioEncoder
from sightline.types import Clip

T = TypeVar("T")
CLOSE_S = 1e-6
"""Times that differ by less are the same, seconds: they are rounded ticks of a clock."""
SILENCE = 1e-4
"""Root mean square of samples, full scale 1 (-80 dB), below which a window counts as silent, as a track without sound
does."""


def with_neighbours(
    items: Iterable[T], time_of: Callable[[T], float], step_s: float, before: int = 1, after: int = 1
) -> Iterator[tuple[T, ...]]:
    """Each item with those one, two and more times `step_s` before it and after it, all in order of time.

    Parameters
    ----------
    items
        In order of time; those between the farthest neighbours are held, no others.
    time_of
        An item's time, seconds.
    step_s
        Above 0. The neighbours are the nearest items at least so far away, or the first and the last one of all.
    before, after
        How many neighbours there are on each side.

    Returns
    -------
    Tuples of before + 1 + after items.

    Examples
    --------
    >>> list(with_neighbours([0, 1, 2, 3], float, 2.0))
    [(0, 0, 2), (0, 1, 3), (0, 2, 3), (1, 3, 3)]
    >>> list(with_neighbours("a", lambda item: 0.0, 1.0))
    [('a', 'a', 'a')]
    >>> list(with_neighbours([0, 1, 2], float, 1.0, before=2, after=0))
    [(0, 0, 0), (0, 0, 1), (0, 1, 2)]
    """
    held: deque[T] = deque()
    centre = 0  # place of the next item to give, in `held`

    def first_needed() -> int:
        return _back(held, centre, before * step_s, time_of)

    def give() -> tuple[T, ...]:
        behind = [_back(held, centre, number * step_s, time_of) for number in range(before, 0, -1)]
        ahead = [_forth(held, centre, number * step_s, time_of) for number in range(1, after + 1)]
        return tuple(held[place] for place in (*behind, centre, *ahead))

    for item in items:
        held.append(item)
        while centre < len(held) and time_of(item) >= time_of(held[centre]) + after * step_s - CLOSE_S:
            yield give()
            centre += 1
            while centre < len(held) and first_needed() > 0:
                held.popleft()
                centre -= 1
    while centre < len(held):
        yield give()
        centre += 1


def _back(held: deque[T], centre: int, span_s: float, time_of: Callable[[T], float]) -> int:
    """The place of the nearest item at least `span_s` before; that of the first one where there is none."""
    latest = time_of(held[centre]) - span_s + CLOSE_S
    return max((place for place in range(centre) if time_of(held[place]) <= latest), default=0)


def _forth(held: deque[T], centre: int, span_s: float, time_of: Callable[[T], float]) -> int:
    """The place of the nearest item at least `span_s` after; that of the last one where there is none."""
    earliest = time_of(held[centre]) + span_s - CLOSE_S
    return next((place for place in range(centre, len(held)) if time_of(held[place]) >= earliest), len(held) - 1)


class Heard(NamedTuple):
    """The sound around a frame. spectrogram: (bands, frames), of an audio encoder's front end."""

    start_s: float
    end_s: float
    spectrogram: NDArray[np.floating]


def listen(clip: Clip, time_s: float, length_s: float, encoder: AudioEncoder) -> Heard | None:
    """The sound of `length_s` seconds centred on a time; zeros where the track has none.

    None without a sound track, and where the whole window is silent: nothing is heard.
    """
    start_s, end_s = time_s - length_s / 2, time_s + length_s / 2
    samples = clip.sound(start_s, end_s, encoder.front_end.rate)
    if samples is None or not len(samples) or np.sqrt(np.mean(np.square(samples, dtype=np.float64))) < SILENCE:
        return None
    return Heard(start_s, end_s, encoder.front_end(np.nan_to_num(samples)))


STRIDE = 32
"""Of the deepest level: sides of inputs are multiples of it."""


def input_shape(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of the input that a picture of a size (height, width) becomes.

    It keeps the picture's proportions and has the area of a square of this side, both to multiples of `STRIDE`. A frame
    that is squeezed into a square is one in which nets that know classes do not find them.

    Examples
    --------
    >>> input_shape((720, 1280), 432), input_shape((300, 300), 256)
    ((320, 576), (256, 256))
    """
    scale = side / (size[0] * size[1]) ** 0.5
    height, width = (max(1, round(length * scale / STRIDE)) * STRIDE for length in size)
    return height, width


def fitted(images: Sequence[NDArray[np.uint8]], side: int) -> Tensor:
    """Pictures (H, W, 3) uint8 of one size as a net takes them: (N, 3, *input_shape) in [0, 1]."""
    height, width = input_shape((images[0].shape[0], images[0].shape[1]), side)
    return _resized(images, (width, height), None)


def squares(images: Sequence[NDArray[np.uint8]], size: int, box: tuple[int, int, int, int] | None = None) -> Tensor:
    """Pictures (H, W, 3) uint8, or a box of each, as a net takes them: (N, 3, size, size) in [0, 1].

    box: x1, y1, x2, y2, right and bottom exclusive. Proportions are given up, as in the paper.
    """
    return _resized(images, (size, size), box)


def _resized(
    images: Sequence[NDArray[np.uint8]], size: tuple[int, int], box: tuple[int, int, int, int] | None
) -> Tensor:
    """size: width and height."""
    small = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box=box)) for image in images]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float().div_(255)
