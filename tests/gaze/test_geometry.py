"""Pixels, degrees and rectangles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import UsageError
from sightline.gaze.geometry import Placement, Screen, contradictions

sizes = st.tuples(st.integers(2, 8000), st.integers(2, 8000))
lengths = st.floats(1, 500)


@given(sizes, lengths, lengths, lengths, st.lists(st.tuples(st.floats(-2, 3), st.floats(-2, 3)), min_size=1))
def test_pixels_to_degrees_and_back(
    size: tuple[int, int], width: float, height: float, distance: float, shares: list[tuple[float, float]]
) -> None:
    screen = Screen(size, (height, width), distance)
    xy = np.array(shares) * size[::-1]
    np.testing.assert_allclose(screen.pixels(screen.degrees(xy)), xy, rtol=1e-9, atol=1e-6)


def test_degrees_of_known_angles() -> None:
    # 100 px of 1 cm each, seen from 50 cm: 50 px from the centre are 45 degrees.
    screen = Screen((101, 101), (101.0, 101.0), 50.0)
    np.testing.assert_allclose(screen.degrees(np.array([[50.0, 50.0], [100.0, 0.0]])), [[0, 0], [45, -45]])
    assert screen.px_per_degree == pytest.approx((50 * np.tan(np.radians(1)),) * 2)
    # Half as high in centimetres: a pixel down is half a centimetre.
    flat = Screen((101, 201), (50.5, 201.0), 50.0)
    np.testing.assert_allclose(flat.degrees(np.array([[150.0, 150.0]])), [[45, 45]])


def test_a_camera_is_a_screen_at_its_focal_length() -> None:
    camera = Screen.of_camera((1200, 1600), (890.0, 900.0))
    right = np.array([[799.5 + 890.0, 599.5 + 900.0]])
    np.testing.assert_allclose(camera.degrees(right), [[45, 45]])


def test_degrees_need_centimetres() -> None:
    with pytest.raises(UsageError, match="`screen_cm` and `distance_cm`"):
        Screen((1080, 1920)).degrees(np.zeros((1, 2)))


@given(sizes, sizes)
def test_fit_fills_one_direction_and_keeps_the_shape(screen: tuple[int, int], stimulus: tuple[int, int]) -> None:
    placed = Placement.fit(screen, stimulus)
    assert placed.width <= screen[1] * (1 + 1e-9)
    assert placed.height <= screen[0] * (1 + 1e-9)
    assert max(placed.width / screen[1], placed.height / screen[0]) == pytest.approx(1)
    assert placed.width / placed.height == pytest.approx(stimulus[1] / stimulus[0])
    assert placed.x == pytest.approx(screen[1] - placed.x - placed.width, abs=1e-6)


@given(sizes, sizes, st.tuples(st.floats(-100, 9000), st.floats(-100, 9000)))
def test_to_the_stimulus_and_back(screen: tuple[int, int], stimulus: tuple[int, int], at: tuple[float, float]) -> None:
    placed = Placement.fit(screen, stimulus)
    xy = np.array([at])
    np.testing.assert_allclose(placed.to_screen(placed.to_stimulus(xy)), xy, rtol=1e-9, atol=1e-6)


def test_letterbox_of_a_video_on_a_screen() -> None:
    # 640x360 on 1440x900: 2.25 times as large, 45 px of black above and below.
    placed = Placement.fit((900, 1440), (360, 640))
    assert (placed.x, placed.y, placed.width, placed.height) == (0, 45, 1440, 810)
    assert placed.bars == "letterbox"
    np.testing.assert_allclose(placed.to_stimulus(np.array([[0.0, 45.0], [720.0, 450.0]])), [[0, 0], [320, 180]])
    assert Placement.fit((900, 1440), (600, 800)).bars == "pillarbox"
    assert Placement.fit((900, 1440), (450, 720)).bars == "full screen"
    assert Placement.native((900, 1440), (360, 640)).bars == "windowed"
    assert Placement.native((900, 1440), (1080, 1920)).bars == "cropped"


def test_a_given_rectangle() -> None:
    placed = Placement.parse("100,50,800,600", (1080, 1920), (300, 400))
    np.testing.assert_allclose(placed.to_stimulus(np.array([[100.0, 50.0], [900.0, 650.0]])), [[0, 0], [400, 300]])
    for wrong in ("middle", "1,2,3", "0,0,0,10"):
        with pytest.raises(UsageError, match="`placement`"):
            Placement.parse(wrong, (1080, 1920), (300, 400))


def test_every_contradiction_is_listed() -> None:
    found = contradictions(
        {
            "screen in px": ((1024, 1280), (1080, 1920)),
            "distance in cm": (60.0, 90.0),
            "screen in cm": ((30.0, 38.0), (30.1, 38.2)),  # within what a ruler gives
            "rate in Hz": (None, 500.0),
        }
    )
    assert found == [
        "screen in px: 1280x1024 in the file, 1920x1080 given",
        "distance in cm: 60 in the file, 90 given",
    ]
