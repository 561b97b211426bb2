"""The overlay of people: what they look at alone is marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sightline.results.looked_at import looked_at
from sightline.results.overlay import Overlay
from sightline.types import Frame, Object, Person


def frame(people: tuple[Person, ...] = (), numbers: tuple[int, ...] = (7, 300)) -> Frame:
    """A grey picture with objects side by side."""
    mask = np.zeros((120, 160), np.uint16)
    things = []
    for place, number in enumerate(numbers):
        left = 10 + 60 * place
        mask[60:100, left : left + 40] = number
        things.append(Object(number, (left, 60, left + 40, 100), 0.9 - 0.1 * place, f"thing {number}"))
    image = np.full((120, 160, 3), 90, np.uint8)
    return Frame(0, 0.0, image, mask=mask, objects=tuple(things), people=people)


def person(number: int, thing: int | None, target: tuple[float, float] | None = (80.0, 80.0)) -> Person:
    return Person(number, (10, 5, 30, 25), 1.0, target, 1.0, thing)


def test_objects_take_the_number_of_who_looks() -> None:
    found = looked_at(frame((person(1, None), person(2, 300), person(3, 300))))
    assert found.mask is not None
    assert np.unique(found.mask).tolist() == [0, 2]
    assert (found.mask == 2).sum() == 40 * 40
    assert [(thing.number, thing.label) for thing in found.objects] == [(2, "thing 300")]


@pytest.mark.parametrize("thing", [None, 99])
def test_nobody_looks_at_an_object(thing: int | None) -> None:
    found = looked_at(frame((person(1, thing),)))
    assert found.mask is not None
    assert not found.mask.any()
    assert found.objects == ()


def test_without_people_and_without_masks_nothing_changes() -> None:
    alone = frame()
    assert looked_at(alone) is alone
    assert looked_at(replace(frame((person(1, 7),)), mask=None)).mask is None


def changed(given: Frame) -> np.ndarray:
    return (Overlay(given.image.shape[:2]).draw(given) != given.image).any(axis=2)


def test_only_the_object_that_is_looked_at_is_drawn() -> None:
    drawn = changed(frame((person(1, 300, (30.0, 30.0)),)))
    assert drawn[65:95, 75:105].mean() > 0.9
    assert not drawn[65:95, 12:45].any()
    assert changed(frame())[65:95, 12:45].mean() > 0.9


def test_a_target_outside_is_said_and_several_people_are_numbered() -> None:
    def tagged(*people: Person) -> np.ndarray:
        return np.any(changed(frame(people, ()))[:, 34:], axis=0)  # right of the heads, where no ray goes

    inside = replace(person(1, None), head=(10, 30, 30, 50), target=(20.0, 60.0))
    assert not tagged(inside).any()
    assert tagged(replace(inside, target=None)).any()
    one = Overlay((120, 160)).draw(frame((inside,), ()))
    two = Overlay((120, 160)).draw(frame((inside, replace(inside, number=2, head=(110, 30, 130, 50))), ()))
    assert (one[:30, :60] != two[:30, :60]).any()  # the first one's number, above the head


def test_a_name_that_would_hide_a_surer_one_is_left_out() -> None:
    given = frame(numbers=(7,))
    again = Object(8, given.objects[0].box, 0.2, "something else")
    crowded = replace(given, objects=(again, *given.objects))
    size = given.image.shape[:2]
    assert (Overlay(size).draw(crowded) == Overlay(size).draw(given)).all()


def test_thirty_people_are_drawn() -> None:
    people = tuple(
        replace(
            person(n, 7 if n % 2 else None, None if n % 5 == 0 else (5.0 * n, 90.0)), head=(5 * n, 5, 5 * n + 9, 14)
        )
        for n in range(1, 31)
    )
    assert changed(frame(people)).any()
