"""Work ahead on a background thread, by a bounded number of items."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from sightline.types import Clip, VideoFrame
from sightline.video.source import Source

T = TypeVar("T")


def prefetch(items: Iterable[T], size: int = 4) -> Generator[T]:
    """Yield `items`, produced up to `size` ahead on a thread of their own.

    An exception of the producer reaches the consumer as it is, after the items before it. When the consumer stops
    (exhaustion, `close()`, an exception), the producer stops too, its iterator is closed and the thread has ended.
    """
    ready: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()
    slots = threading.Semaphore(size)
    stopped = threading.Event()

    def produce() -> None:
        iterator: Iterator[T] | None = None
        try:
            iterator = iter(items)
            while True:
                slots.acquire()
                if stopped.is_set():
                    break
                ready.put((next(iterator),))
        except StopIteration:
            ready.put(None)
        except BaseException as error:
            ready.put(error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=produce, name="sightline-prefetch", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            slots.release()
            yield item[0]
    finally:
        stopped.set()
        slots.release()
        thread.join()


def queue_length(size: tuple[int, int], budget: int = 256 * 2**20) -> int:
    """How many frames of `size` (height, width), with their maps, a queue may hold: 2 to 8, fewer of large ones."""
    bytes_per_frame = size[0] * size[1] * (3 + 4 + 1)
    return min(8, max(2, budget // bytes_per_frame))


class Ahead(Clip):
    """A source as a clip whose pictures are decoded ahead, on a thread of their own, and can be read once.

    Leaving it as a context manager ends the thread.

    Parameters
    ----------
    source
        Where pictures and sound come from.
    frames
        The pictures, where they are not all of the source.
    """

    def __init__(self, source: Source, frames: Iterable[VideoFrame] | None = None) -> None:
        self.size, self.fps = source.size, source.fps
        self._source = source
        self._frames = prefetch(source if frames is None else frames, queue_length(source.size))

    def frames(self) -> Iterator[VideoFrame]:
        """The pictures that have not been read yet."""
        return self._frames

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        """See `Clip.sound`."""
        return self._source.sound(start_s, end_s, rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.close()
