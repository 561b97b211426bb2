"""Several targets at once, cues at any time, and points that correct, on scenes of discs (models/oracle.py)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from models import oracle
from models.oracle import BLUE, RED, disc, scene
from sightline.errors import UsageError
from sightline.models.wcsnet.targets import Targets
from sightline.models.wcsnet.tracker import Tracked, Tracker
from sightline.types import Cue, Prompt

GREEN = (40, 210, 60)
FPS = 10.0


class Looks:
    """Counts what the backbone is asked for."""

    def __init__(self, network: Any) -> None:
        self.count, self._forward = 0, network.backbone.forward
        network.backbone.forward = self

    def __call__(self, images: Any) -> Any:
        self.count += 1
        return self._forward(images)


def targets_of(prompt: Prompt) -> tuple[Targets, Looks]:
    networks: Any = oracle.ColourWCSNet(), oracle.ColourGaze2Mask(), oracle.ColourEGNet()
    looks = Looks(networks[0])
    eyes = Tracker(*networks).eyes
    made: Any = partial(Tracker, *networks)
    return Targets(lambda own: made(eyes=own), eyes, prompt.targets, 0.5 / FPS), looks


def follow(prompt: Prompt, frames: Sequence[np.ndarray]) -> list[dict[int, Tracked]]:
    targets, _ = targets_of(prompt)
    return [targets.step(frame, number / FPS) for number, frame in enumerate(frames)]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def two(number: int) -> np.ndarray:
    return scene((40 + 2 * number, 40, 13, RED), (120 - 2 * number, 85, 13, BLUE))


def test_each_object_is_followed_under_its_number_from_its_own_frame_on() -> None:
    prompt = Prompt(point=(40, 40), objects=[Cue(point=(114, 85), at_s=0.3, number=7)])
    found = follow(prompt, [two(number) for number in range(12)])
    assert [frame[7].state for frame in found] == ["lost"] * 3 + ["start"] + ["track"] * 8
    assert [frame[1].state for frame in found] == ["start"] + ["track"] * 11
    for number, frame in enumerate(found):
        assert overlap(frame[1].mask, disc(40 + 2 * number, 40, 13)) > 0.75
        if number < 3:
            assert not frame[7].mask.any()
            assert frame[7].point is None
        else:
            assert overlap(frame[7].mask, disc(120 - 2 * number, 85, 13)) > 0.75


def test_a_cue_belongs_to_the_nearest_frame() -> None:
    found = follow(Prompt(point=(46, 40), at_s=0.26), [two(number) for number in range(5)])
    assert [frame[1].state for frame in found] == ["lost", "lost", "lost", "start", "track"]


def test_neighbours_share_a_look_and_distant_targets_do_not() -> None:
    def looks_a_frame(distance: float) -> int:
        frame = scene((80 - distance / 2, 60, 16, RED), (80 + distance / 2, 60, 16, BLUE), height=240, width=320)
        cues = [Cue(point=(80 - distance / 2, 60)), Cue(point=(80 + distance / 2, 60))]
        targets, looks = targets_of(Prompt(objects=cues))
        targets.step(frame, 0)
        targets.step(frame, 0.1)  # the first step makes the engines
        before = looks.count
        targets.step(frame, 0.2)
        return looks.count - before

    assert looks_a_frame(34) == 1
    assert looks_a_frame(70) == 2


def test_a_later_point_adds_to_an_object_and_a_later_not_point_takes_from_it() -> None:
    frames = [scene((50, 60, 14, RED), (100, 60, 14, RED))] * 6
    both = Prompt(point=[(50, 60), (100, 60)])
    (start,) = follow(both, frames[:1])
    assert overlap(start[1].mask, disc(50, 60, 14) | disc(100, 60, 14)) > 0.75
    added = Prompt(point=(50, 60), objects=[{"number": 1, "point": (100, 60), "at_s": 0.3}])
    found = follow(added, frames)
    assert [frame[1].state for frame in found] == ["start", "track", "track", "start", "track", "track"]
    assert overlap(found[2][1].mask, disc(50, 60, 14)) > 0.75
    assert overlap(found[3][1].mask, disc(50, 60, 14) | disc(100, 60, 14)) > 0.75
    taken = Prompt(point=[(50, 60), (100, 60)], objects=[{"number": 1, "not_point": (100, 60), "at_s": 0.1}])
    assert overlap(follow(taken, frames[:2])[1][1].mask, disc(50, 60, 14)) > 0.75


def test_touching_parts_are_shared_out_between_points_on_and_beside() -> None:
    """One colour, two discs that touch, a dark line between: the network sees one thing."""
    frame = scene((60, 60, 15, RED), (90, 60, 15, RED))
    frame[:, 74:76] //= 2
    (found,) = follow(Prompt(point=(60, 60), not_point=(90, 60)), [frame])
    assert found[1].mask[60, 60]
    assert not found[1].mask[60, 90]
    assert overlap(found[1].mask, disc(60, 60, 15)) > 0.7


def test_a_box_a_mask_and_several_points() -> None:
    frame = scene((45, 55, 16, BLUE), (115, 60, 20, RED))
    for places in ({"box": (27, 37, 63, 73)}, {"mask": disc(45, 55, 16)}, {"point": [(40, 55), (50, 55)]}):
        (found,) = follow(Prompt(objects=[places]), [frame])
        assert overlap(found[1].mask, disc(45, 55, 16)) > 0.8, places


def test_after_a_cut_several_objects_are_looked_for_and_none_is_taken_for_another() -> None:
    other = 255 - scene((110, 40, 18, (250, 200, 30)), seed=1) // 4
    back = 255 - scene(seed=1) // 4
    back[disc(100, 60, 14)] = RED
    prompt = Prompt(point=(40, 40), objects=[Cue(point=(120, 85))])
    found = follow(prompt, [two(0), two(0), other, other, back, back])
    assert [frame[1].state for frame in found] == ["start", "track", "lost", "lost", "track", "track"]
    assert [frame[2].state for frame in found] == ["start", "track", "lost", "lost", "lost", "lost"]
    assert overlap(found[-1][1].mask, disc(100, 60, 14)) > 0.75


def test_nothing_said_is_the_choice_of_one() -> None:
    found = follow(Prompt(), [scene((115, 60, 20, RED))] * 2)
    assert [list(frame) for frame in found] == [[1], [1]]
    assert overlap(found[0][1].mask, disc(115, 60, 20)) > 0.8


def test_cues_that_come_too_late_are_told() -> None:
    targets, _ = targets_of(Prompt(point=(40, 40), objects=[{"point": (3, 3), "at_s": 9.0}]))
    targets.step(two(0), 0.0)
    assert [(cue.number, cue.at_s) for cue in targets.waiting] == [(2, 9.0)]
    assert targets.started


def test_a_correction_needs_a_start_and_a_place() -> None:
    networks: Any = oracle.ColourWCSNet(), oracle.ColourGaze2Mask(), oracle.ColourEGNet()
    tracker = Tracker(*networks)
    with pytest.raises(UsageError, match=r"before Tracker\.start"):
        tracker.correct(two(0), point=(40, 40))
    tracker.start(two(0), point=(40, 40))
    with pytest.raises(UsageError, match="give the frame of the last step, and a point"):
        tracker.correct(two(0))
    with pytest.raises(UsageError, match="`point` 400,40 is outside"):
        tracker.correct(two(0), point=(400, 40))


def test_what_is_wholly_taken_away_is_lost() -> None:
    networks: Any = oracle.ColourWCSNet(), oracle.ColourGaze2Mask(), oracle.ColourEGNet()
    tracker = Tracker(*networks)
    one = np.zeros((120, 160), bool)
    one[60, 80] = True
    tracker.start(scene((80, 60, 9, RED)), mask=one)
    assert tracker.correct(scene((80, 60, 9, RED)), not_point=(80, 60)).state == "lost"
