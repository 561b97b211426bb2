"""Temporal neighbours and the sound around a frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sightline.models.stanet.windows import fitted, listen, squares, with_neighbours
from sightline.nn.audio import build_audio_encoder
from sightline.types import Clip, VideoFrame


def by_rule(times: list[float], step_s: float) -> list[tuple[float, float, float]]:
    """What `with_neighbours` says, with everything in memory."""
    return [
        (
            times[max((j for j in range(i) if times[j] <= now - step_s + 1e-6), default=0)],
            now,
            times[next((j for j in range(i, len(times)) if times[j] >= now + step_s - 1e-6), len(times) - 1)],
        )
        for i, now in enumerate(times)
    ]


@pytest.mark.parametrize("step_s", [0.03, 0.12, 0.5, 9.0])
def test_neighbours(step_s: float) -> None:
    generator = np.random.default_rng(0)
    for count in (0, 1, 2, 7, 40):
        irregular = np.sort(generator.uniform(0, 3, count)).round(1).tolist()
        for times in (irregular, (np.arange(count) / 25).tolist()):
            assert list(with_neighbours(times, float, step_s)) == by_rule(times, step_s)


@pytest.mark.parametrize(("before", "after"), [(2, 2), (1, 0), (0, 1), (2, 1)])
def test_more_neighbours_are_those_of_longer_steps(before: int, after: int) -> None:
    times = np.sort(np.random.default_rng(1).uniform(0, 3, 50)).round(2).tolist()
    found = list(with_neighbours(times, float, 0.3, before, after))
    for number in range(1, max(before, after) + 1):
        single = by_rule(times, number * 0.3)
        if number <= before:
            assert [one[before - number] for one in found] == [one[0] for one in single]
        if number <= after:
            assert [one[before + number] for one in found] == [one[2] for one in single]
    assert [one[before] for one in found] == times


def test_no_more_is_held_than_what_lies_between() -> None:
    """A frame is given as soon as the one after it is there, and never asks for more."""
    taken: list[float] = []

    def times() -> Iterator[float]:
        for index in range(1000):
            taken.append(index / 25)
            yield index / 25

    for _, now, after in with_neighbours(times(), float, 0.12):
        assert taken[-1] <= now + 0.16
        assert after == min(now + 0.12, 999 / 25) or abs(after - now - 0.12) < 0.04


class Sound(Clip):
    """Half a second of a tone from 0 s on."""

    size, fps = (4, 4), 25.0

    def __init__(self, level: float | None) -> None:
        self.level = level

    def sound(self, start_s: float, end_s: float, rate: int) -> np.ndarray | None:
        if self.level is None:
            return None
        times = start_s + np.arange(round((end_s - start_s) * rate)) / rate
        tone = self.level * np.sin(2 * np.pi * 440 * times)
        return np.where((times >= 0) & (times < 0.5), tone, 0).astype(np.float32)

    def frames(self) -> Iterator[VideoFrame]:
        raise NotImplementedError


def test_listening() -> None:
    encoder = build_audio_encoder("mn04")
    heard = listen(Sound(0.5), 0.25, 1.0, encoder)
    assert heard is not None
    assert (heard.start_s, heard.end_s, heard.spectrogram.shape) == (-0.25, 0.75, (128, 100))
    assert listen(Sound(None), 0.25, 1.0, encoder) is None, "no track"
    assert listen(Sound(0.0), 0.25, 1.0, encoder) is None, "a silent track"
    assert listen(Sound(0.5), 5.0, 1.0, encoder) is None, "the track is over"


def test_squares_of_a_box() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[8:52, 28:] = (255, 0, 51)
    cut = squares([image, image], 4, (40, 20, 80, 40))
    assert cut.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(cut.amin(dim=(0, 2, 3)), [1, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(cut.amax(dim=(0, 2, 3)), [1, 0, 0.2], atol=1e-6)


def test_pictures_keep_their_proportions() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, 320:] = 255
    (seen,) = fitted([image], 432)
    assert seen.shape == (3, 320, 576)
    assert seen[:, :, :280].max() == 0
    assert seen[:, :, 296:].min() == 1
    assert fitted([np.zeros((1, 900, 3), np.uint8)], 64).shape[-2:] == (32, 1920)
