"""Stamps of pictures that lack them, or whose stamps start again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from hostile.corpus import number_of, write_video
from sightline.video import open_source
from sightline.video.decoding import stamped


@dataclass
class Stamped:
    pts: int | None
    dts: int | None = None


def given(stamps: Sequence[int | None]) -> list[int]:
    """What becomes of stamps in ticks of 1/100 s, of pictures that are 4 ticks apart."""
    frames = [Stamped(stamp) for stamp in stamps]
    found = list(stamped(iter(frames), Fraction(1, 100), 4))
    assert [frame for _, frame in found] == frames
    return [pts for pts, _ in found]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 4, 8], [0, 4, 8]),
        ([7, 11, 40], [7, 11, 40]),
        ([None, None, 20], [12, 16, 20]),  # from the next true one
        ([None, None, 0, 4], [-8, -4, 0, 4]),
        ([0, None, None, 30, 34], [0, 10, 20, 30, 34]),  # evenly, whatever the mean rate is
        ([0, 4, None, None], [0, 4, 8, 12]),
        ([None, None], [0, 4]),
        ([None] * 30, [4 * i for i in range(30)]),
        ([5, *[None] * 30], [5 + 4 * i for i in range(31)]),
        ([0, 4, 4, 12], [0, 4, 8, 12]),  # twice the same
        ([0, 4, 3, 12], [0, 4, 8, 12]),
        ([0, None, 0, 12], [0, 4, 8, 12]),
        ([500, 504, 508, 0, 4, 20], [500, 504, 508, 512, 516, 532]),  # joined: the second keeps its own steps
        ([500, None, 0, 10], [500, 504, 508, 518]),
    ],
)
def test_stamps(stamps: list[int | None], expected: list[int]) -> None:
    assert given(stamps) == expected


@pytest.mark.parametrize(("codec", "container"), [("libx264", "avi"), ("mpeg4", "avi"), ("mpeg2video", "mpg")])
def test_frames_of_old_containers_are_even_and_in_order(tmp_path: Path, codec: str, container: str) -> None:
    path = write_video(tmp_path / f"clip.{container}", frames=40, codec=codec, gop=12)
    with open_source(path) as source:
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == pytest.approx(range(40), abs=1)
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(40)], abs=1e-4)
