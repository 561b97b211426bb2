"""Samples of a source's sound, on the clock of its picture."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.video.container import open_media, packets, read_only, sound_streams

Samples = NDArray[np.float32]

KEPT_S = 30.0  # how far a request may step back before the file is decoded again
GAP_S = Fraction(1, 10)  # stamps that are off by less are rounding or drift, as for libswresample's hard compensation


class SoundReader:
    """The sound of a file as mono samples of any rate, decoded once as the requests move forward.

    Its own container is opened at the first request, so that the picture may be decoded on another thread. Memory holds
    the window asked for and `KEPT_S` seconds before it; a request further back decodes from the start again.

    Parameters
    ----------
    path : Path or str
        A file with sound, or the address of one.
    zero_s : Fraction
        The stamp, in seconds, of the first video frame: the zero of all times.
    note : callable
        Is told, in a sentence, what could not be decoded.

    Notes
    -----
    Samples are those of FFmpeg's own decoder: encoder delay and edit lists are applied. Rate and channels are converted
    by libswresample, continuously along the track; channels are mixed with its default coefficients for float (each of
    two by 1/sqrt(2)), so that loud sound may exceed 1. A track begins at the sample nearest to its first stamp. Missing
    stretches of more than 0.1 s are silent; recordings that were joined, whose stamps step back, follow one another.
    """

    def __init__(
        self, path: Path | str, zero_s: Fraction = Fraction(0), note: Callable[[str], None] = lambda text: None
    ) -> None:
        self._path, self._zero_s, self._note = path, zero_s, note
        self._lock = threading.Lock()
        self._tracks: dict[int, _Track] = {}

    def sound(self, start_s: float, end_s: float, rate: int) -> Samples:
        """The sound from `start_s` to `end_s`; zeros where the track has none.

        All requests of a rate read one row of samples, sample k at k / rate seconds: this gives
        round((end_s - start_s) * rate) of them, from number round(start_s * rate) on. Windows that share a cut on
        the row therefore join without a seam.

        Parameters
        ----------
        start_s, end_s : float
            Seconds from the first video frame; they may lie outside of the track, and before 0.
        rate : int
            Samples per second.

        Returns
        -------
        (N,) float32

        Raises
        ------
        UsageError
            Where `end_s` lies before `start_s`, one of them is not finite, or `rate` is no positive whole number.
        """
        if not (math.isfinite(start_s) and math.isfinite(end_s) and start_s <= end_s):
            raise UsageError(f"start_s={start_s}, end_s={end_s}: a window of finite times in their order is expected")
        if int(rate) != rate or rate < 1:
            raise UsageError(f"rate={rate}: a positive whole number of samples per second is expected")
        first, count = _nearest(start_s * rate), _nearest((end_s - start_s) * rate)
        with self._lock:
            track = self._tracks.get(rate)
            if track is None or first < track.kept_from:
                if track is not None:
                    track.close()
                track = self._tracks[rate] = _Track(self._blocks(int(rate)), round(KEPT_S * rate))
            return track.read(first, count)

    def close(self) -> None:
        """Let go of the file; a later request opens it again."""
        with self._lock:
            for track in self._tracks.values():
                track.close()
            self._tracks.clear()

    def _blocks(self, rate: int) -> Generator[tuple[int, Samples]]:
        """(number of the first sample, samples) along the track, without overlap and in order."""
        run: _Run | None = None
        shift_s = -self._zero_s
        for frame, begins_s, is_exact in self._frames():
            if run is not None and begins_s is not None:
                step_s = begins_s + shift_s - run.end_s
                if step_s < -GAP_S:
                    shift_s -= step_s
                elif step_s > (0 if is_exact else GAP_S):
                    yield from run.finish()
                    run = None
            if run is not None and not run.takes(frame):
                yield from run.finish()
                begins_s, run = run.end_s - shift_s, None
            if run is None:
                run = _Run(frame, (begins_s or 0) + shift_s, rate)
            yield from run.convert(frame)
        if run is not None:
            yield from run.finish()

    def _frames(self) -> Iterator[tuple[av.AudioFrame, Fraction | None, bool]]:
        """(decoded frame, its stamp in seconds, whether something before it was lost)."""
        lost = False
        try:
            with open_media(self._path) as container:
                stream = next(iter(sound_streams(container)), None)
                if stream is None:
                    return
                read_only(container, stream)
                for packet in packets(container, stream):
                    try:
                        frames = packet.decode()
                    except av.InvalidDataError:
                        if not lost:
                            self._note("some of its sound cannot be decoded and is silent")
                        lost = True
                        continue
                    for frame in frames:
                        begins_s = None if frame.pts is None else frame.pts * frame.time_base
                        frame.pts = None  # the filters before the converter need none
                        yield frame, begins_s, lost
                        lost = False
        except av.FFmpegError as error:
            self._note(f"its sound breaks off ({error.strerror}); the rest is silent")


class _Run:
    """A stretch of sound without a gap, through one converter."""

    def __init__(self, frame: av.AudioFrame, begins_s: Fraction, rate: int) -> None:
        self._format = (frame.format.name, frame.layout.name, frame.sample_rate)
        self._begins_s, self._taken = begins_s, 0
        self._next = _nearest(begins_s * rate)
        self._resample = av.AudioResampler(format="fltp", layout="mono", rate=rate)

    @property
    def end_s(self) -> Fraction:
        return self._begins_s + Fraction(self._taken, self._format[2])

    def takes(self, frame: av.AudioFrame) -> bool:
        return self._format == (frame.format.name, frame.layout.name, frame.sample_rate)

    def convert(self, frame: av.AudioFrame | None) -> Iterator[tuple[int, Samples]]:
        self._taken += 0 if frame is None else frame.samples
        for block in self._resample.resample(frame):
            if block is not None:
                samples = block.to_ndarray()[0].astype(np.float32)
                yield self._next, samples
                self._next += len(samples)

    def finish(self) -> Iterator[tuple[int, Samples]]:
        return self.convert(None)


class _Track:
    """One pass over the blocks, of which it keeps the last ones."""

    def __init__(self, blocks: Generator[tuple[int, Samples]], keep: int) -> None:
        self._blocks, self._keep = blocks, keep
        self._held: deque[tuple[int, Samples]] = deque()
        self._done_to: float = -math.inf
        self.kept_from: float = -math.inf

    def read(self, first: int, count: int) -> Samples:
        kept_from = max(self.kept_from, first - self._keep)
        while self._done_to < first + count:
            begins, samples = next(self._blocks, (math.inf, _NONE))
            self._done_to = begins + len(samples)
            if self._done_to > kept_from and len(samples):
                self._held.append((int(begins), samples))
        while self._held and self._held[0][0] + len(self._held[0][1]) <= kept_from:
            self._held.popleft()
        self.kept_from = kept_from
        window = np.zeros(count, np.float32)
        for begins, samples in self._held:
            a, b = max(first, begins), min(first + count, begins + len(samples))
            if a < b:
                window[a - first : b - first] = samples[a - begins : b - begins]
        return window

    def close(self) -> None:
        self._blocks.close()


_NONE = np.zeros(0, np.float32)


def _nearest(value: float | Fraction) -> int:
    """The nearest whole number; of two, the larger one, so that windows of one length have one count."""
    return math.floor(value + Fraction(1, 2)) if isinstance(value, Fraction) else math.floor(value + 0.5)
