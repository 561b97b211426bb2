"""The online loop on synthetic scenes, with networks that know colours (models/oracle.py) and with random ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import oracle, small
from models.oracle import BLUE, RED, disc, scene
from sightline.errors import UsageError
from sightline.models.wcsnet.config import LostConfig
from sightline.models.wcsnet.network import WCSNet
from sightline.models.wcsnet.tracker import Tracked, Tracker, _refine_edges
from sightline.nn.guided import GuidedFilterConfig

GIVE_UP = LostConfig().give_up_frames


def colour_tracker(hotspot_branch: bool = True) -> Tracker:
    networks: Any = oracle.ColourWCSNet(hotspot_branch), oracle.ColourGaze2Mask(), oracle.ColourEGNet()
    return Tracker(*networks)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def check(tracked: Tracked, frame: np.ndarray) -> None:
    """What holds for every result whatever the frame."""
    height, width = frame.shape[:2]
    for values, kind in ((tracked.probability, np.float32), (tracked.mask, np.bool_), (tracked.hotspot, np.float32)):
        assert values.shape == (height, width)
        assert values.dtype == kind
        assert np.isfinite(values).all()
    assert 0 <= tracked.hotspot.min() <= tracked.hotspot.max() <= 1 + 1e-6
    assert 0 <= tracked.score <= 1
    assert (tracked.point is None) == (tracked.state == "lost")
    if tracked.point is not None:
        assert 0 <= tracked.point[0] < width
        assert 0 <= tracked.point[1] < height
        assert tracked.mask[int(tracked.point[1]), int(tracked.point[0])] or not tracked.mask.any()
    else:
        assert tracked.score == 0
        assert not tracked.mask.any()
        assert not tracked.hotspot.any()


GAZE = np.zeros((120, 160))
GAZE[50:60, 40:50] = 1.0


@pytest.mark.parametrize("given", [{"point": (45.0, 55.0)}, {"gaze": GAZE}, {"mask": disc(45, 55, 16)}], ids=str)
def test_the_target_is_what_was_given_not_what_is_most_striking(given: dict[str, Any]) -> None:
    frame = scene((45, 55, 16, BLUE), (115, 60, 20, RED))
    tracked = colour_tracker().start(frame, **given)
    check(tracked, frame)
    assert tracked.state == "start"
    assert tracked.score == 1
    assert overlap(tracked.mask, disc(45, 55, 16)) > 0.85
    assert tracked.point is not None
    assert np.hypot(tracked.point[0] - 45, tracked.point[1] - 55) < 16
    assert tracked.hotspot[~disc(45, 55, 20)].max() < 0.2
    assert tracked.hotspot.max() > 0.8


def test_alone_it_starts_where_people_look() -> None:
    frame = scene((45, 55, 16, (120, 80, 80)), (115, 60, 20, RED))
    assert overlap(colour_tracker().start(frame).mask, disc(115, 60, 20)) > 0.85


def test_of_two_things_that_attract_the_eye_it_takes_the_one_that_moves() -> None:
    def at(x: float) -> np.ndarray:
        return scene((40, 55, 16, RED), (x, 60, 16, BLUE))

    assert overlap(colour_tracker().start(at(100), following=[at(103), at(106)]).mask, disc(100, 60, 16)) > 0.8


def test_a_target_does_not_spread_over_a_twin_that_it_touches() -> None:
    """Both are of one colour and move together: nothing but where the target was tells them apart."""
    tracker = colour_tracker()
    for number in range(12):
        x = 52 + 3 * number
        frame = scene((x, 60, 16, RED), (x + 30, 60, 16, RED))
        tracked = tracker.step(frame) if number else tracker.start(frame, mask=disc(x, 60, 16))
    assert overlap(tracked.mask, disc(x, 60, 16)) > 0.75


@pytest.mark.parametrize("hotspot_branch", [True, False])
def test_a_moving_target_is_followed(hotspot_branch: bool) -> None:
    tracker = colour_tracker(hotspot_branch)
    for number in range(30):
        x, y, radius = 40 + 2.5 * number, 60 + 20 * np.sin(number / 5), 14 + number / 6
        frame = scene((x, y, radius, RED), (140, 20, 9, BLUE))
        tracked = tracker.step(frame) if number else tracker.start(frame, point=(x, y))
        check(tracked, frame)
        assert tracked.state == ("track" if number else "start")
        assert overlap(tracked.mask, disc(x, y, radius)) > 0.75
        assert tracked.point is not None
        assert np.hypot(tracked.point[0] - x, tracked.point[1] - y) < radius
        assert tracked.score > 0.7


def test_a_target_that_leaves_is_lost_and_found_again_elsewhere() -> None:
    tracker = colour_tracker()
    tracker.start(scene((50, 60, 15, RED)), point=(50, 60))
    empty = scene()
    for _ in range(8):
        tracked = tracker.step(empty)
        check(tracked, empty)
        assert tracked.state == "lost"
    back = scene((110, 70, 15, RED))
    tracked = tracker.step(back)
    check(tracked, back)
    assert tracked.state == "track"
    assert overlap(tracked.mask, disc(110, 70, 15)) > 0.75
    assert tracker.step(back).state == "track"


def test_a_target_that_stays_away_gives_way_to_what_people_look_at_now() -> None:
    tracker = colour_tracker()
    tracker.start(scene((50, 60, 15, RED)))
    other = scene((115, 60, 18, BLUE))
    states = [tracker.step(other).state for _ in range(GIVE_UP)]
    assert set(states) == {"lost"}
    tracked = tracker.step(other)
    assert tracked.state == "start"
    assert overlap(tracked.mask, disc(115, 60, 18)) > 0.8


@pytest.mark.parametrize("given", [{"point": (50.0, 60.0)}, {"mask": disc(50, 60, 15)}], ids=str)
def test_a_target_that_somebody_chose_is_waited_for(given: dict[str, Any]) -> None:
    tracker = colour_tracker()
    tracker.start(scene((50, 60, 15, RED)), **given)
    other = scene((115, 60, 18, BLUE))
    for _ in range(3 * GIVE_UP):
        assert tracker.step(other).state == "lost"
    back = scene((40, 40, 15, RED), (115, 60, 18, BLUE))
    tracked = tracker.step(back)
    assert tracked.state == "track"
    assert overlap(tracked.mask, disc(40, 40, 15)) > 0.75


def test_what_was_beside_a_target_all_the_time_is_not_it() -> None:
    tracker = colour_tracker()
    twin = (125, 60, 15, RED)
    for x in range(40, -40, -4):  # it leaves to the left
        frame = scene((x, 60, 15, RED), twin)
        tracked = tracker.step(frame) if x < 40 else tracker.start(frame, point=(x, 60))
    for _ in range(2 * GIVE_UP):
        assert tracked.state == "lost"
        tracked = tracker.step(frame)
    for x in range(-20, 40, 4):  # and comes back
        tracked = tracker.step(scene((x, 60, 15, RED), twin))
    assert tracked.state == "track"
    assert overlap(tracked.mask, disc(36, 60, 15)) > 0.6


def test_a_target_that_comes_closer_is_not_lost() -> None:
    tracker = colour_tracker()
    for radius in (12, 14, 18, 24, 32, 42, 54):
        frame = scene((80, 60, radius, RED))
        tracked = tracker.step(frame) if radius > 12 else tracker.start(frame, point=(80, 60))
        assert tracked.state != "lost"
    assert overlap(tracked.mask, disc(80, 60, 54)) > 0.6


def test_a_shot_cut_starts_anew() -> None:
    tracker = colour_tracker()
    tracker.start(scene((50, 60, 15, RED)), point=(50, 60))
    assert tracker.step(scene((52, 60, 15, RED))).state == "track"
    cut = 255 - scene((110, 40, 18, (250, 200, 30)), seed=1) // 4
    tracked = tracker.step(cut)
    check(tracked, cut)
    assert tracked.state == "start"


def test_a_new_start_forgets_the_old_target() -> None:
    tracker = colour_tracker()
    frame = scene((45, 55, 16, BLUE), (115, 60, 20, RED))
    tracker.start(frame, point=(45, 55))
    assert overlap(tracker.start(frame, point=(115, 60)).mask, disc(115, 60, 20)) > 0.85
    assert overlap(tracker.step(frame).mask, disc(115, 60, 20)) > 0.75


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"point": (80, 60), "mask": disc(80, 60, 9)}, "`point` and `mask`: give the mask alone"),
        ({"gaze": np.ones((120, 160)), "box": (1, 2, 30, 40)}, "`gaze` and `box`: give one of them"),
        ({"not_point": (80, 60)}, "says only where the target is not"),
        ({"point": (160, 10)}, "`point` 160,10 is outside of the 160x120 frames"),
        ({"point": (-1, 10)}, "outside"),
        ({"point": (float("nan"), 10)}, "outside"),
        ({"gaze": np.ones((120, 161))}, r"`gaze` is \(120, 161\), the frame \(120, 160\); resize it"),
        ({"mask": np.ones((160, 120), dtype=bool)}, "`mask` is"),
        ({"gaze": np.zeros((120, 160))}, "`gaze` is zero everywhere"),
        ({"mask": np.zeros((120, 160), dtype=bool)}, "`mask` is empty"),
        ({"gaze": np.full((120, 160), np.nan)}, "gaze"),
        ({"gaze": -np.ones((120, 160))}, "gaze"),
    ],
)
def test_arguments_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        colour_tracker().start(scene((80, 60, 9, RED)), **given)


def test_step_needs_a_start() -> None:
    with pytest.raises(UsageError, match=r"step before Tracker\.start"):
        colour_tracker().step(scene())


def size_of(value: object) -> int:
    """Bytes of all arrays that an object's state reaches."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return int(value.nbytes)
    if isinstance(value, dict):
        return sum(size_of(part) for part in value.values())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sum(size_of(part) for part in value)
    return 0


def test_memory_is_constant() -> None:
    tracker = colour_tracker()
    tracker.start(scene((60, 60, 15, RED)), point=(60, 60))
    sizes = []
    for number in range(40):
        tracker.step(scene((60 + number, 60, 15, RED)))
        sizes.append(size_of(vars(tracker)) + size_of(vars(tracker._evidence)))
    assert sizes[-1] == sizes[5] > 0


@given(st.lists(st.tuples(st.floats(-60, 220), st.floats(-60, 180), st.floats(0, 60)), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_nothing_that_a_target_does_breaks_the_tracker(places: list[tuple[float, float, float]]) -> None:
    tracker = colour_tracker()
    tracker.start(scene((80, 60, 12, RED)), point=(80, 60))
    for x, y, radius in places:
        frame = scene((x, y, radius, RED))
        check(tracker.step(frame), frame)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (5, 300), (2160, 3840)])
def test_frames_of_any_size(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(2)]
    corner = np.zeros(size, dtype=bool)
    corner[-1, -1] = True
    choices: list[dict[str, Any]] = [
        {"following": frames[1:]},
        {"point": (size[1] - 0.1, 0.0)},
        {"mask": corner},
        {"mask": np.ones(size, dtype=bool)},
    ]
    for choice in choices:
        tracker = Tracker(small.wcsnet(), small.gaze2mask(), small.egnet())
        check(tracker.start(frames[0], **choice), frames[0])
        check(tracker.step(frames[1]), frames[1])


@pytest.mark.parametrize(
    "config",
    [{"correlation": "both"}, {"correlation": "concat"}, {"correlation": "depthwise"}, {"hotspot_branch": False}],
)
def test_every_ablation_tracks(config: dict[str, Any]) -> None:
    tracker = Tracker(small.wcsnet(**config), small.gaze2mask(), small.egnet())
    frame = scene((60, 60, 15, RED))
    check(tracker.start(frame, point=(60, 60)), frame)
    for _ in range(3):
        check(tracker.step(frame), frame)


def test_flat_frames() -> None:
    black = np.zeros((40, 60, 3), dtype=np.uint8)
    tracker = Tracker(small.wcsnet(), small.gaze2mask(), small.egnet())
    check(tracker.start(black, following=[black, black]), black)
    check(tracker.step(black), black)


def test_a_coarse_mask_takes_on_the_edges_of_its_picture() -> None:
    frame = scene((160, 160, 70, RED), height=320, width=320)
    image = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    true = torch.from_numpy(disc(160, 160, 70, 320, 320))
    coarse = torch.nn.functional.interpolate(true[None, None].float(), (20, 20), mode="area")
    coarse = torch.nn.functional.interpolate(coarse, (160, 160), mode="bilinear")
    plain = torch.nn.functional.interpolate(coarse, (320, 320), mode="bilinear")[0, 0] > 0.5
    found = _refine_edges(coarse[0, 0], image, 4, GuidedFilterConfig()) > 0.5
    wrong, before = (found != true).sum(), (plain != true).sum()
    assert wrong < 0.6 * before


def memory_tracker() -> tuple[WCSNet, Tracker]:
    """Random networks; what the memory says of the mask is still zero."""
    torch.manual_seed(3)
    network = small.wcsnet(memory={"frames": 3, "interval": 1, "key_channels": 8, "pooling": 1})
    return network, Tracker(network, small.gaze2mask(), small.egnet())


def presence(network: WCSNet, logit: float) -> None:
    assert network.memory is not None
    network.memory.presence.bias.data.fill_(logit)


def test_a_memory_that_has_learned_nothing_changes_nothing() -> None:
    network, with_memory = memory_tracker()
    presence(network, 50.0)
    plain = small.wcsnet()
    plain.load_state_dict(network.state_dict(), strict=False)
    without = Tracker(plain, small.gaze2mask(), small.egnet())
    first, *rest = [scene((60 + 3 * step, 60, 20, RED), seed=step) for step in range(4)]
    for tracker in (with_memory, without):
        tracker.start(first, mask=disc(60, 60, 20))
    for frame in rest:
        one, other = with_memory.step(frame), without.step(frame)
        np.testing.assert_allclose(one.probability, other.probability, atol=1e-6)
        assert one.state == other.state


def test_the_target_is_lost_where_the_network_says_that_it_is_not_there() -> None:
    network, tracker = memory_tracker()
    presence(network, -50.0)
    tracker.start(scene((60, 60, 20, RED)), mask=disc(60, 60, 20))
    assert [tracker.step(scene((60, 60, 20, RED))).state for _ in range(3)] == ["lost"] * 3


def test_where_the_focal_point_would_leap_the_target_is_chosen_anew_but_not_one_that_was_given() -> None:
    """Every move of the point counts as a leap here; the disc goes on, and with it what is chosen."""
    states = {}
    for name, prompt in (("own", {}), ("given", {"mask": disc(45, 55, 16)})):
        tracker = colour_tracker()
        hotspot = tracker.config.hotspot.model_copy(update={"leap": 1e-6})
        tracker.config = tracker.config.model_copy(update={"hotspot": hotspot})
        tracker.start(scene((45, 55, 16, RED)), **prompt)
        tracked = [tracker.step(scene((45 + 4 * step, 55, 16, RED))) for step in range(1, 6)]
        assert overlap(tracked[-1].mask, disc(65, 55, 16)) > 0.7
        states[name] = [one.state for one in tracked]
    assert "start" in states["own"]
    assert states["given"] == ["track"] * 5
