"""Who is kept, how the crop moves, and that long shots in windows run on without a seam."""

from __future__ import annotations

import numpy as np
import pytest

from apps.reframe.makers import SIZE, shot, spots
from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.plan import Planner
from sightline.apps.reframe.windows import plan_all

BASE = (180, 100)
CONFIG = ReframeConfig()


def planner(**options: object) -> Planner:
    return Planner(SIZE, BASE, CONFIG, **options)  # type: ignore[arg-type]


def test_what_rests_gets_a_still_crop_around_it() -> None:
    plan = planner().plan(shot(3, lambda t: spots((220 + 3 * np.sin(40 * t), 90, 1))))
    assert [segment.motion for segment in plan.segments] == ["still"]
    assert np.ptp(plan.regions, axis=0).max() == 0
    x, y, width, height = plan.regions[0]
    assert (y, width, height) == (0, 100, 180)
    assert x + 50 == pytest.approx(220, abs=12)


def test_what_crosses_evenly_gets_a_pan() -> None:
    plan = planner().plan(shot(4, lambda t: spots((60 + 50 * t, 90, 1))))
    assert [segment.motion for segment in plan.segments] == ["pan"]
    middles = plan.regions[:, 0] + 50
    assert np.abs(middles - (60 + 50 * np.arange(100) / 25)).max() < 15
    np.testing.assert_allclose(np.diff(middles, 2), 0, atol=1e-9)


def test_what_goes_and_comes_back_is_followed_within_the_bounds() -> None:
    def place(t: float) -> float:
        return 160 + 100 * float(np.sin(1.2 * t))

    frames = shot(6, lambda t: spots((place(t), 90, 1)), box_at=lambda t: (place(t) - 25, 60, place(t) + 25, 120))
    plan = planner().plan(frames)
    assert [segment.motion for segment in plan.segments] == ["follow"]
    x = plan.regions[:, 0]
    boxes = np.array([frame.box for frame in frames])
    assert (x <= boxes[:, 0] + 1e-3).mean() > 0.97
    assert (x + 100 >= boxes[:, 2] - 1e-3).mean() > 0.97
    speed, acceleration = np.diff(x) * 25, np.diff(x, 2) * 625
    assert np.abs(speed).max() <= CONFIG.motion.max_speed * 100 + 1e-3
    assert np.abs(acceleration).max() <= CONFIG.motion.max_acceleration * 100 + 1e-2


def test_of_two_far_apart_the_one_that_counts_more_is_kept() -> None:
    plan = planner().plan(shot(3, lambda t: spots((50, 90, 1.0), (270, 90, 1.6))))
    assert len(plan.segments) == 1
    assert plan.regions[:, 0].min() + 50 > 240


def test_a_cut_inside_of_a_shot_where_attention_moves_over() -> None:
    frames = shot(8, lambda t: spots((50, 90, 3.0 if t < 4 else 0.2), (270, 90, 0.2 if t < 4 else 3.0)))
    plan = planner().plan(frames)
    assert [segment.motion for segment in plan.segments] == ["still", "still"]
    assert abs(plan.segments[1].first - 100) <= 4
    assert plan.regions[0, 0] + 50 == pytest.approx(50, abs=15)
    assert plan.regions[-1, 0] + 50 == pytest.approx(270, abs=15)
    assert len(planner(cuts=False).plan(frames).segments) == 1


def test_a_glance_is_no_cut() -> None:
    frames = shot(6, lambda t: spots((50, 90, 0.2 if 3 < t < 3.6 else 3.0), (270, 90, 3.0 if 3 < t < 3.6 else 0.2)))
    assert [segment.motion for segment in planner().plan(frames).segments] == ["still"]


@pytest.mark.parametrize("fit", ["pad", "blur"])
def test_two_far_apart_are_both_shown_between_bars(fit: str) -> None:
    frames = shot(3, lambda t: spots((50, 90, 1.0), (270, 90, 1.0)))
    region = planner(fit=fit).plan(frames).regions[0]
    assert region[0] < 40
    assert region[0] + region[2] > 280
    assert region[3] == 180
    one = planner(fit=fit).plan(shot(3, lambda t: spots((50, 90, 1.0)))).regions[0]
    assert one[2] == 100  # what fits is cropped


def test_a_zoom_comes_as_near_as_the_object_allows() -> None:
    frames = shot(3, lambda t: spots((200, 120, 1.0), width=8), box_at=lambda t: (185, 100, 215, 140))
    plan = planner(zoom=3.0).plan(frames)
    x, y, width, height = plan.regions[0]
    assert width == pytest.approx(CONFIG.headroom * 30, rel=0.02)
    assert width / height == pytest.approx(100 / 180, rel=1e-6)
    assert x <= 185
    assert x + width >= 215
    assert y <= 100
    assert y + height >= 140
    assert planner(zoom=1.5).plan(frames).regions[0, 2] == pytest.approx(100 / 1.5, rel=1e-6)


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_every_crop_lies_inside_of_the_picture(zoom: float) -> None:
    rng = np.random.default_rng(3)
    track = np.array([[300, 20]]) + np.cumsum(rng.normal(0, 9, (200, 2)), axis=0)
    frames = shot(8, lambda t: spots((*track[round(t * 25)], 1.0)))
    x, y, width, height = planner(zoom=zoom).plan(frames).regions.T
    assert min(x.min(), y.min()) >= -1e-6
    assert (x + width).max() <= 320 + 1e-6
    assert (y + height).max() <= 180 + 1e-6


def test_tall_pictures_move_up_and_down() -> None:
    frames = shot(2, lambda t: spots((90, 250, 1.0), size=(320, 180)))
    region = Planner((320, 180), (100, 180), CONFIG).plan(frames).regions[0]
    assert region[1] + 50 == pytest.approx(250, abs=12)
    assert region[0] == 0


def test_one_frame() -> None:
    assert planner().plan(shot(0.04, lambda t: spots((250, 90, 1)))).regions.shape == (1, 4)


def test_a_frame_of_nothing_rests_in_the_middle() -> None:
    grid = np.full((36, 64), 1 / (36 * 64), np.float32)
    assert planner().plan(shot(1, lambda t: grid)).regions[0, 0] == pytest.approx(110, abs=3)


def test_each_shot_is_its_own() -> None:
    frames = shot(2, lambda t: spots((60, 90, 1))) + shot(2, lambda t: spots((260, 90, 1)), first=50, cut=True)
    stretches = [plans[0] for plans in plan_all(iter(frames), [planner()])]
    assert [len(stretch.regions) for stretch in stretches] == [50, 50]
    assert stretches[1].regions[0, 0] - stretches[0].regions[-1, 0] > 150


@pytest.mark.parametrize("zoom", [1.0, 1.6])
def test_windows_of_a_long_shot_run_on_without_a_seam(zoom: float) -> None:
    config = CONFIG.model_copy(update={"window_s": 3.0, "overlap_s": 1.0})
    frames = shot(12, lambda t: spots((160 + 90 * float(np.sin(0.8 * t)), 90, 1)))
    stretches = [plans[0] for plans in plan_all(iter(frames), [Planner(SIZE, BASE, config, zoom=zoom, cuts=False)])]
    assert len(stretches) > 2
    assert [i.index for stretch in stretches for i in stretch.interests] == list(range(300))
    path = np.concatenate([stretch.regions for stretch in stretches])
    assert np.abs(np.diff(path[:, 0])).max() * 25 <= config.motion.max_speed * 100 * 1.1
    assert np.abs(np.diff(path[:, 0], 2)).max() * 625 <= 1.01 * config.motion.max_acceleration * 100
