"""Who is who from frame to frame, and where they look."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.models.samgop.association import Association, AssociationConfig, Steady


def box(x: float, y: float, size: float = 20) -> list[float]:
    return [x, y, x + size, y + size]


def test_people_who_cross_keep_their_numbers_by_their_looks() -> None:
    people = Association(AssociationConfig())
    red, blue = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    for frame in range(41):
        x = 2.0 * frame
        boxes = np.array([box(10 + x, 10), box(90 - x, 12)])
        looks = np.stack([red, blue])
        order = [0, 1] if frame % 2 else [1, 0]  # a detector gives them in any order
        numbers = people.update(frame / 25, boxes[order], looks[order])
        assert [numbers[order.index(0)], numbers[order.index(1)]] == ([2, 1])


def test_a_head_that_was_hidden_comes_back_with_its_number() -> None:
    people = Association(AssociationConfig(memory_s=1.0))
    look = np.array([[1.0, 2.0]])
    assert people.update(0.0, np.array([box(0, 0)]), look) == [1]
    assert people.update(0.4, np.empty((0, 4)), np.empty((0, 2))) == []
    assert people.update(0.8, np.array([box(60, 0)]), look) == [1]  # three heads further, after 0.8 s
    assert people.update(2.0, np.array([box(60, 0)]), look) == [2]  # too late


@pytest.mark.parametrize(("look", "number"), [([1.0, 2.0], 1), ([2.0, -1.0], 2)])
def test_a_jump_without_overlap_needs_the_same_look(look: list[float], number: int) -> None:
    people = Association(AssociationConfig())
    people.update(0.0, np.array([box(0, 0)]), np.array([[1.0, 2.0]]))
    assert people.update(0.04, np.array([box(20, 0)]), np.array([look])) == [number]


def test_a_far_jump_is_somebody_else_whatever_the_look() -> None:
    people = Association(AssociationConfig())
    look = np.array([[1.0, 2.0]])
    people.update(0.0, np.array([box(0, 0)]), look)
    assert people.update(0.04, np.array([box(200, 0)]), look) == [2]


def test_thirty_people_keep_thirty_numbers() -> None:
    people = Association(AssociationConfig())
    rng = np.random.default_rng(0)
    start = np.array([box(40 * (k % 6), 40 * (k // 6)) for k in range(30)])
    looks = rng.normal(size=(30, 16))
    first = people.update(0.0, start, looks)
    assert first == list(range(1, 31))
    for frame in range(1, 20):
        order = rng.permutation(30)
        moved = start + rng.normal(0, 2, (30, 1)) + 0.5 * frame
        numbers = people.update(frame / 25, moved[order], (looks + rng.normal(0, 0.1, looks.shape))[order])
        assert [first[k] for k in order] == numbers


def test_numbers_go_on_after_a_cut() -> None:
    people = Association(AssociationConfig())
    boxes = np.array([box(0, 0)])
    assert people.update(0.0, boxes) == [1]
    people.forget()
    assert people.update(0.04, boxes) == [2]


def heat(x: int, y: int) -> np.ndarray:
    found = np.zeros((16, 16), np.float32)
    found[y, x] = 1
    return found


def test_one_odd_frame_does_not_move_a_target_but_a_new_look_does() -> None:
    steady = Steady(AssociationConfig())
    for frame in range(5):
        held = steady.heat(1, frame / 25, heat(3, 3))
    held = steady.heat(1, 0.2, heat(12, 12))
    assert held[3, 3] > held[12, 12]
    for frame in range(6, 16):
        held = steady.heat(1, frame / 25, heat(12, 12))
    assert held[12, 12] > held[3, 3]
    assert held.sum() == pytest.approx(1, rel=1e-5)
    assert steady.heat(2, 0.64, heat(1, 1)).tolist() == heat(1, 1).tolist()  # somebody else has their own
    assert steady.heat(1, 9.0, heat(5, 5)).tolist() == heat(5, 5).tolist()  # too long ago


def test_the_object_changes_only_where_another_has_clearly_more() -> None:
    steady = Steady(AssociationConfig(keep=1.2))
    assert steady.object(1, {7: 1.0, 8: 0.9}) == 7
    assert steady.object(1, {7: 1.0, 8: 1.1}) == 7
    assert steady.object(2, {7: 1.0, 8: 1.1}) == 8
    assert steady.object(1, {7: 1.0, 8: 1.3}) == 8
    assert steady.object(1, {9: 0.1}) == 9  # the last one is gone
    assert steady.object(1, {}) is None
    steady.forget()
    assert steady.object(2, {7: 1.0, 8: 1.1}) == 8


def test_faces_of_real_videos_keep_their_numbers(shared_data: Path) -> None:
    rng = np.random.default_rng(0)
    for path in sorted((shared_data / "video_fixations/multiface").glob("*_faces.csv"))[:2]:
        frames: dict[int, list[tuple[str, np.ndarray]]] = defaultdict(list)
        with path.open() as stream:
            for row in csv.DictReader(stream):
                corners = np.array([float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px")])
                frames[int(row["frame"])].append((row["face"], corners))
        people = Association(AssociationConfig())
        last: dict[Any, Any] = {}
        for frame, faces in sorted(frames.items()):
            seen = [face for face in faces if rng.random() >= 0.1]  # a tenth is missed, boxes jitter by 5 %
            boxes = np.array([box + rng.normal(0, 0.05 * (box[2] - box[0]), 4) for _, box in seen]).reshape(-1, 4)
            for (name, _), number in zip(seen, people.update(frame / 25, boxes), strict=True):
                assert last.setdefault(name, number) == number
        assert sorted(last.values()) == list(range(1, len(last) + 1))
