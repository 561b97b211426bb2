"""What of a frame concerns the people in it: the objects that they look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sightline.types import Frame


def looked_at(frame: Frame) -> Frame:
    """The frame with the objects alone that somebody looks at, numbered as who looks; as it is where it has no people.

    A shelf has a hundred products: named and tinted all together, they hide the one that is meant. The first of
    several people who look at one object gives it their number, so that its colour goes with theirs.
    """
    if not frame.people:
        return frame
    who: dict[int, int] = {}
    for person in frame.people:
        if person.object is not None:
            who.setdefault(person.object, person.number)
    mask = frame.mask
    if mask is not None:
        numbers = np.zeros(max(int(mask.max(initial=0)), *who, 0) + 1, np.uint16)
        numbers[list(who)] = list(who.values())
        mask = numbers[mask]
    objects = tuple(replace(thing, number=who[thing.number]) for thing in frame.objects if thing.number in who)
    return replace(frame, mask=mask, objects=objects)
