"""Recorded sounds in folders by class: reading, cutting to length, and when they are heard."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.video.samples import SoundReader

Samples = NDArray[np.float32]

SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in "wav ogg oga flac mp3 m4a aac opus wma aiff aif mp4 webm".split()  # noqa: SIM905
)
PAIRS = {"bird": "rooster", "aeroplane": "helicopter", "airplane": "helicopter"}
"""The sound classes of tags that their names do not tell."""
NOISES = frozenset(
    {"rain", "sea_waves", "wind", "crackling_fire", "fire_crackling", "thunderstorm", "water_drops", "pouring_water"}
    | {"clock_tick", "engine", "chainsaw", "vacuum_cleaner", "washing_machine", "crickets", "noise"}
)
"""Classes of ESC-50 and the like that nobody looks for: background noise."""
LONGEST_S = 30.0
"""Of a file, what is read."""
LEVEL = 0.1
"""Root mean square of a sound where it is heard, full scale 1."""
QUIET = 0.03
"""Below this part of a sound's loudest 50 ms it counts as silent: 30 dB."""
STEP_S = 0.05
WINDOW_S = 1.0
"""A frame has sound where some is heard in this window around it: what audio-visual models take."""


def sound_classes(root: str | Path, match: str = "*") -> dict[str, list[Path]]:
    """The sounds of a folder by class.

    Parameters
    ----------
    root : str or Path
        A folder of folders, each called like what is heard in its files.
    match : str, default "*"
        Only files whose path below the root is like this: `*/[123]-*` leaves folds 4 and 5 of ESC-10 out.

    Raises
    ------
    DataError
        Where there are none.
    """
    root = Path(root)
    found: dict[str, list[Path]] = {}
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else ():
        files = [
            path
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in SUFFIXES and fnmatch(path.relative_to(root).as_posix(), match)
        ]
        if files:
            found[folder.name] = files
    if not found:
        raise DataError(f"{root}: no sounds that match {match!r}; <class>/<file>.wav or the like is expected")
    return found


def sound_of(tag: str, classes: Iterable[str], pairs: Mapping[str, str] = PAIRS) -> str | None:
    """The class of the sound that something makes.

    It is the one of `pairs`, of the same name, or whose name begins with the tag's; None where there is none.

    Examples
    --------
    >>> sounds = ["dog_bark", "person_sneeze", "rain", "rooster"]
    >>> [sound_of(tag, sounds) for tag in ("dog", "bird", "person", "sofa")]
    ['dog_bark', 'rooster', 'person_sneeze', None]
    """
    known = list(classes)
    if pairs.get(tag) in known:
        return pairs[tag]
    if tag in known:
        return tag
    return next((name for name in known if name.replace("-", "_").split("_")[0] == tag), None)


def load_sound(path: Path, rate: int) -> Samples:
    """A sound without silence at its ends, (N,) at `rate`, mono, as loud as `LEVEL`. DataError where it has none."""
    notes: list[str] = []
    reader = SoundReader(path, note=notes.append)
    samples = reader.sound(0, LONGEST_S, rate)
    reader.close()
    levels = _levels(samples, rate)
    heard = np.flatnonzero(levels > QUIET * levels.max(initial=0))
    if not len(heard) or levels.max() <= 0:
        raise DataError(f"{path}: no sound in it{f' ({notes[0]})' if notes else ''}; take it out of the folder")
    step = round(STEP_S * rate)
    samples = samples[heard[0] * step : (heard[-1] + 1) * step]
    loud = float(np.sqrt(np.mean(levels[heard] ** 2)))
    return (samples * min(LEVEL / loud, 0.9 / float(np.abs(samples).max()))).astype(np.float32)


def fill(samples: Samples, count: int, rng: np.random.Generator) -> Samples:
    """`count` samples of a sound that begins anywhere and starts again where it ends."""
    start = int(rng.integers(len(samples)))
    return np.resize(np.roll(samples, -start), count)


def heard(samples: Samples, rate: int, times_s: Sequence[float] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a sound is heard in the window around each time, (T,)."""
    levels = _levels(samples, rate)
    loud = levels > max(QUIET * float(levels.max(initial=0)), 1e-6)
    at = np.flatnonzero(loud) * STEP_S + STEP_S / 2
    times = np.asarray(times_s, np.float64)
    first, last = np.searchsorted(at, times - WINDOW_S / 2), np.searchsorted(at, times + WINDOW_S / 2)
    return np.asarray(last > first)


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write mono sound as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())


def _levels(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Root mean square of each 50 ms."""
    step = round(STEP_S * rate)
    whole = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    return np.asarray(np.sqrt(np.mean(whole**2, axis=1)))
