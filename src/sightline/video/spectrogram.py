"""Log-spectrograms of sound: what audio networks read, as named front ends.

A network learned from one front end and understands no other, so that each is a frozen configuration with a name:

| name | rate | window, hop | 1 s gives | as |
|---|---|---|---|---|
| `stanet` | 16 kHz | 10 ms, 5 ms | 81 x 199 | power density, log, z-score over the clip |
| `vggsound` | 16 kHz | 32 ms, 9.94 ms | 257 x 98 (10 s: 257 x 1004) | the same |
| `mn` | 32 kHz | 25 ms, 10 ms | 128 x 100 | mel bands, log, fixed mean and scale |
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """From samples to a log-spectrogram.

    Attributes
    ----------
    name : str
        Its key in `FRONT_ENDS`.
    rate : int
        Samples a second that it takes, Hz.
    window_s : float
        The usual length of a clip, seconds; any other works that holds a window of the transform.
    segment, hop, fft : int
        Window, step and length of the Fourier transform, samples. A shorter window stands in the middle of it.
    shape : {"tukey", "hann"}
        The window: a periodic Tukey window of 0.25, or a symmetric Hann window.
    density : bool
        Whether power is a one-sided density, per Hz, of windows without their mean; otherwise it is the squared
        magnitude.
    centred : bool
        Whether windows are centred on multiples of the hop, with sound reflected beyond its ends; otherwise the first
        begins with the clip and the last ends in it.
    emphasis : float
        Factor of the preceding sample that is taken off each sample first: high tones get louder. 0 for none.
    mels : int
        Count of mel bands; 0 keeps the transform's own.
    top_hz : float
        Upper end of the highest mel band.
    floor : float
        Is added before the logarithm.
    mean, scale : float or None
        What the logarithm is normalised with; None for the clip's own mean and standard deviation.

    Examples
    --------
    >>> FRONT_ENDS["stanet"].size(16_000), FRONT_ENDS["vggsound"].size(160_000), FRONT_ENDS["mn"].size(32_000)
    ((81, 199), (257, 1004), (128, 100))
    >>> FRONT_ENDS["stanet"](np.zeros(16_000, np.float32)).shape
    (81, 199)
    """

    name: str
    rate: int
    window_s: float
    segment: int
    hop: int
    fft: int
    shape: Literal["tukey", "hann"]
    density: bool = False
    centred: bool = False
    emphasis: float = 0.0
    mels: int = 0
    top_hz: float = 0.0
    floor: float = 1e-7
    mean: float | None = None
    scale: float | None = None

    def size(self, samples: int) -> tuple[int, int]:
        """Bands and frames of a clip of so many samples."""
        length = samples - 1 if self.emphasis else samples
        frames = 1 + length // self.hop if self.centred else 1 + (length - self.segment) // self.hop
        return self.mels or self.fft // 2 + 1, frames

    def __call__(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """The log-spectrogram of a clip, or of several of one length.

        Parameters
        ----------
        samples : ndarray, (..., N) float
            Mono sound at `rate`. Full scale is 1; what exceeds it is clipped.

        Returns
        -------
        ndarray, (..., bands, frames) float32
            Bands from low to high tones. Of silence, a front end that uses the clip's own deviation gives zeros.

        Raises
        ------
        UsageError
            Where a clip is too short for one window, or holds what is no finite number.
        """
        clips: Floats = np.asarray(samples, dtype=np.float64).clip(-1, 1)
        shortest = self.fft // 2 + 2 if self.centred else self.segment
        if clips.shape[-1] < shortest:
            raise UsageError(
                f"`samples`: {clips.shape[-1]} of them; front end {self.name!r} needs at least {shortest}; fill up "
                "with zeros"
            )
        if not np.isfinite(clips).all():
            raise UsageError("`samples`: not all are finite numbers; put zeros in the place of what is missing")
        power = _power(self, clips)
        if self.mels:
            power = power @ _mel_bands(self.mels, self.fft, self.rate, self.top_hz)
        logs = np.log(power + self.floor).swapaxes(-1, -2)
        if self.mean is not None and self.scale is not None:
            return ((logs - self.mean) / self.scale).astype(np.float32)
        logs -= logs.mean(axis=(-1, -2), keepdims=True)
        return (logs / (logs.std(axis=(-1, -2), keepdims=True) + _TINY)).astype(np.float32)


_TINY = 1e-9
"""Is added to the deviation of a clip, so that silence gives zeros."""

FRONT_ENDS = {
    front_end.name: front_end
    for front_end in (
        FrontEnd("stanet", 16_000, 1.0, segment=160, hop=80, fft=160, shape="tukey", density=True),
        FrontEnd("vggsound", 16_000, 10.0, segment=512, hop=159, fft=512, shape="tukey", density=True),
        FrontEnd(
            "mn",
            32_000,
            1.0,
            segment=800,
            hop=320,
            fft=1024,
            shape="hann",
            centred=True,
            emphasis=0.97,
            mels=128,
            top_hz=15_000.0,
            floor=1e-5,
            mean=-4.5,
            scale=5.0,
        ),
    )
}
"""Every front end by name. `stanet`: STANet, Sec. 3.7, by its released code; `vggsound`: Chen et al., ICASSP 2020;
`mn`: EfficientAT, Schmid et al., ICASSP 2023."""


def _power(front_end: FrontEnd, samples: Floats) -> Floats:
    """(..., N) to (..., frames, fft / 2 + 1)."""
    if front_end.emphasis:
        samples = samples[..., 1:] - front_end.emphasis * samples[..., :-1]
    if front_end.centred:
        edge = [(0, 0)] * (samples.ndim - 1) + [(front_end.fft // 2,) * 2]
        samples = np.pad(samples, edge, mode="reflect")
    window = _window(front_end.shape, front_end.segment, front_end.fft)
    length = front_end.fft if front_end.centred else front_end.segment
    windows = np.lib.stride_tricks.sliding_window_view(samples, length, axis=-1)[..., :: front_end.hop, :]
    if not front_end.density:
        return np.asarray(np.abs(np.fft.rfft(windows * window)) ** 2)
    windows = windows - windows.mean(axis=-1, keepdims=True)
    power = np.abs(np.fft.rfft(windows * window, front_end.fft)) ** 2 / (front_end.rate * (window**2).sum())
    # One-sided: every band but the constant and the highest stands for its negative, too.
    power[..., 1:-1] *= 2
    return np.asarray(power)


@lru_cache(maxsize=8)
def _window(shape: str, segment: int, fft: int) -> Floats:
    """The window, in the middle of `fft` samples."""
    if shape == "hann":
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(segment) / (segment - 1))
    else:
        # Periodic: the first `segment` of a symmetric window one longer. Cosines at both ends, each 1/8 of it.
        distance = np.minimum(np.arange(segment), segment - np.arange(segment)) / (_TUKEY / 2 * segment)
        window = 0.5 - 0.5 * np.cos(np.pi * np.minimum(distance, 1))
    before = (fft - segment) // 2
    return np.pad(window, (before, fft - segment - before))


_TUKEY = 0.25


@lru_cache(maxsize=8)
def _mel_bands(mels: int, fft: int, rate: int, top_hz: float) -> Floats:
    """Kaldi's triangles, linear in mel, (fft / 2 + 1, mels); the highest bin counts in none."""
    edges = np.linspace(0, 1, mels + 2) * _mel(np.array(top_hz))
    step = edges[1]
    bins = _mel(np.arange(fft // 2, dtype=np.float64) * (rate / fft))
    bands = 1 - np.abs(bins[:, None] - edges[1:-1]) / step
    return np.concatenate([bands.clip(0), np.zeros((1, mels))])


def _mel(hertz: Floats) -> Floats:
    return np.asarray(1127 * np.log1p(hertz / 700))
