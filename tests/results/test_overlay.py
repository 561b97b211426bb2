"""What the overlay draws, and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.results.outputs import choose
from sightline.results.overlay import Overlay
from sightline.types import Frame, Hotspot, SoundWindow, Track

SIZE = (240, 320)


def frame(
    *,
    saliency: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    hotspot: Hotspot | None = None,
    time_s: float = 0.0,
    state: str = "track",
) -> Frame:
    image = np.full((*SIZE, 3), 100, np.uint8)
    nothing = np.zeros(SIZE, np.float32)
    return Frame(
        0,
        time_s,
        image,
        saliency=nothing if saliency is None else saliency,
        mask=mask,
        hotspot=hotspot,
        state=state,
    )


def centre_of_change(drawn: np.ndarray) -> tuple[float, float]:
    """(x, y) of the centroid of all that differs from the grey picture."""
    y, x = np.nonzero((drawn != 100).any(axis=2))
    return float(x.mean()), float(y.mean())


def square(top: int, left: int, side: int, label: int = 1) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[top : top + side, left : left + side] = label
    return mask


def test_nothing_to_show_changes_nothing_and_the_input_stays() -> None:
    given = frame(mask=np.zeros(SIZE, np.uint8))
    drawn = Overlay(SIZE).draw(given)
    np.testing.assert_array_equal(drawn, given.image)
    assert drawn is not given.image


def test_heat_is_strongest_where_saliency_is() -> None:
    distance = np.hypot(*np.ogrid[-100:140, -200:120])
    drawn = Overlay(SIZE).draw(frame(saliency=np.exp(-((distance / 20) ** 2)).astype(np.float32)))
    change = np.abs(drawn.astype(int) - 100).sum(axis=2)
    assert np.unravel_index(change.argmax(), SIZE) == pytest.approx((100, 200), abs=2)
    assert change[distance > 60].max() == 0
    assert drawn[100, 200, 0] > drawn[100, 200, 2]  # warm


def test_the_edge_is_a_bright_line_on_the_outline_around_an_even_tint() -> None:
    drawn = Overlay(SIZE).draw(frame(mask=square(60, 80, 100))).astype(int)
    across = drawn[110, 60:180].sum(axis=1)  # a row from outside left to the inside
    assert abs(int(across[:30].argmax()) + 60 - 79.5) <= 1  # the outline lies between columns 79 and 80
    inside = drawn[80:140, 100:160].reshape(-1, 3)
    assert (inside == inside[0]).all()
    assert inside[0][2] > 100 > inside[0][0]  # tinted in a cold colour
    assert (drawn[:40] == 100).all()


@pytest.mark.parametrize("ground", [0, 100, 255])
@pytest.mark.parametrize("label", [1, 2, 3, 4])
def test_the_edge_is_seen_on_any_ground(ground: int, label: int) -> None:
    """Between the ground and the tinted inside there is a pixel that differs clearly from both."""
    image = np.full((*SIZE, 3), ground, np.uint8)
    drawn = Overlay(SIZE).draw(Frame(0, 0.0, image, mask=square(60, 80, 100, label))).astype(int)
    across, outside, inside = drawn[110, 70:92], drawn[110, 10], drawn[110, 130]
    apart = np.minimum(np.abs(across - outside).max(axis=1), np.abs(across - inside).max(axis=1))
    assert apart.max() > 90


def test_each_of_several_objects_has_a_marker_of_its_own_colour() -> None:
    spots = Hotspot(80, 100, 1.0), Hotspot(220, 100, 1.0)
    tracks = (Track(1, "track", spots[0]), Track(2, "track", spots[1]), Track(3, "lost"))
    drawn = Overlay(SIZE).draw(replace(frame(hotspot=spots[0]), tracks=tracks))
    rings = [drawn[100, int(spot.x_px) - 8 : int(spot.x_px) - 2].astype(int) for spot in spots]
    assert (rings[0][..., 2] - rings[0][..., 0]).max() > 40  # cyan: little red
    assert (rings[1][..., 1] - rings[1][..., 2]).max() > 40  # green
    assert all(drawn[100, int(spot.x_px)].min() > 200 for spot in spots)


def test_the_marker_fits_small_pictures() -> None:
    def share(height: int, width: int) -> float:
        picture = np.full((height, width, 3), 100, np.uint8)
        spot = Hotspot(width / 2, height / 2, 1.0)
        return float((Overlay((height, width)).draw(Frame(0, 0.0, picture, hotspot=spot)) != 100).any(axis=2).mean())

    assert share(48, 64) < 0.15
    assert share(96, 128) < 0.05
    assert share(2000, 160) < 0.01  # a banner's width counts


def test_no_edge_where_the_object_leaves_the_picture() -> None:
    drawn = Overlay(SIZE).draw(frame(mask=square(0, 80, 100))).astype(int)
    np.testing.assert_array_equal(drawn[0, 130], drawn[50, 130])


def test_objects_have_colours_of_their_own() -> None:
    drawn = Overlay(SIZE).draw(frame(mask=square(20, 20, 60, 1) + square(120, 180, 60, 2)))
    assert not np.array_equal(drawn[50, 50], drawn[150, 210])


@pytest.mark.parametrize("where", [(100.0, 60.0), (100.5, 60.25), (0.0, 0.0), (319.0, 239.0)])
def test_the_marker_sits_on_the_hotspot(where: tuple[float, float]) -> None:
    drawn = Overlay(SIZE).draw(frame(hotspot=Hotspot(*where, 1.0)))
    x, y = (round(v) for v in where)
    assert drawn[y, x].min() > 200
    if 20 < x < 300:
        assert centre_of_change(drawn) == pytest.approx(where, abs=0.6)


def test_the_marker_glides_and_arrives() -> None:
    overlay = Overlay(SIZE)
    overlay.draw(frame(hotspot=Hotspot(100, 100, 1)))
    seen = [centre_of_change(overlay.draw(frame(hotspot=Hotspot(130, 100, 1), time_s=t / 25)))[0] for t in range(1, 20)]
    assert 103 < seen[0] < 124
    assert (np.diff(seen) >= -0.1).all()
    assert seen[-1] == pytest.approx(130, abs=0.5)


@pytest.mark.parametrize("fps", [12, 25, 60])
def test_the_marker_keeps_up_with_a_fast_target(fps: int) -> None:
    overlay, behind = Overlay(SIZE), []
    for index in range(fps):
        x = 20 + 280 * index / fps
        drawn = overlay.draw(frame(hotspot=Hotspot(x, 100, 1), time_s=index / fps))
        behind.append(x - centre_of_change(drawn)[0])
    assert max(behind) < 12
    assert np.mean(behind[fps // 2 :]) < 6


def test_the_marker_does_not_tremble_with_the_hotspot() -> None:
    overlay, generator = Overlay(SIZE), np.random.default_rng(0)
    places = 150 + generator.normal(scale=3, size=50)
    shown = [
        centre_of_change(overlay.draw(frame(hotspot=Hotspot(x, 100, 1), time_s=index / 25)))[0]
        for index, x in enumerate(places)
    ]
    assert np.abs(np.diff(shown)).mean() < 0.5 * np.abs(np.diff(places)).mean()


def test_frames_of_one_time_do_not_move_the_marker() -> None:
    overlay = Overlay(SIZE)
    overlay.draw(frame(hotspot=Hotspot(100, 100, 1)))
    drawn = overlay.draw(frame(hotspot=Hotspot(110, 100, 1)))
    assert centre_of_change(drawn) == pytest.approx((100, 100), abs=0.6)


def test_the_marker_does_not_glide_across_the_picture() -> None:
    overlay = Overlay(SIZE)
    overlay.draw(frame(hotspot=Hotspot(100, 100, 1)))
    drawn = overlay.draw(frame(hotspot=Hotspot(220, 100, 1), time_s=0.04))
    assert centre_of_change(drawn) == pytest.approx((220, 100), abs=0.6)


def test_a_new_target_is_jumped_to() -> None:
    overlay = Overlay(SIZE)
    overlay.draw(frame(hotspot=Hotspot(100, 100, 1)))
    drawn = overlay.draw(frame(hotspot=Hotspot(200, 150, 1), time_s=0.04, state="start"))
    assert centre_of_change(drawn) == pytest.approx((200, 150), abs=0.6)


def test_no_marker_while_the_target_is_lost() -> None:
    overlay = Overlay(SIZE)
    overlay.draw(frame(hotspot=Hotspot(100, 100, 1)))
    assert (overlay.draw(frame(time_s=0.04, state="lost")) == 100).all()


def test_lines_grow_with_the_picture() -> None:
    def changed(scale: int) -> float:
        size = (480 * scale, 640 * scale)
        spot = Hotspot(320.0 * scale, 240.0 * scale, 1)
        picture = np.full((*size, 3), 100, np.uint8)
        drawn = Overlay(size).draw(Frame(0, 0.0, picture, saliency=np.zeros(size, np.float32), hotspot=spot))
        return (drawn != 100).any(axis=2).mean()

    assert changed(2) == pytest.approx(changed(1), rel=0.15)


def test_what_is_heard_is_written_on_request_alone() -> None:
    heard = Frame(0, 0.0, frame().image, sound=SoundWindow(-0.5, 0.5, True, 0.9, "dog", 0.8))
    np.testing.assert_array_equal(Overlay(SIZE).draw(heard), heard.image)
    drawn = Overlay(SIZE, sound=True).draw(heard)
    rows, columns = np.nonzero((drawn != heard.image).any(axis=2))
    assert rows.min() > 0.8 * SIZE[0]
    assert columns.max() < 0.6 * SIZE[1]
    off = Frame(0, 0.0, heard.image, sound=SoundWindow(-0.5, 0.5, False, 0.1, "dog", 0.8))
    assert not np.array_equal(Overlay(SIZE, sound=True).draw(off), drawn)
    silent = Frame(0, 0.0, heard.image)
    np.testing.assert_array_equal(Overlay(SIZE, sound=True).draw(silent), silent.image)


def test_the_film_with_words_is_of_models_that_hear() -> None:
    hears = frozenset({"saliency", "sound"})
    assert "overlay-sound" not in [kind.name for kind in choose(hears, None, "a")]
    assert [kind.entries[0] for kind in choose(hears, ["overlay-sound"], "a")] == ["overlay-sound.mp4"]
    with pytest.raises(UsageError, match="`save` overlay-sound: b does not give it"):
        choose(frozenset({"saliency"}), ["overlay-sound"], "b")
