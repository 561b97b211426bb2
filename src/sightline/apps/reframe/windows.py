"""Shot by shot, and a long shot window by window: memory does not grow with the video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sightline.apps.reframe.interest import Interest
from sightline.apps.reframe.plan import Planned, Planner, State


def plan_all(interests: Iterable[Interest], planners: Sequence[Planner]) -> Iterator[tuple[Planned, ...]]:
    """What each planner makes of a stretch of frames, stretch after stretch; together they are all frames.

    A stretch is a shot, or a window of `window_s` of a longer one. A window is solved with `overlap_s` of what follows,
    and the next one goes on where and as fast as it ends.
    """
    config = planners[0].config
    waiting: list[Interest] = []
    states: tuple[State | None, ...] = (None,) * len(planners)
    for interest in interests:
        if interest.cut and waiting:
            yield tuple(_plans(planners, waiting, states))
            waiting, states = [], (None,) * len(planners)
        waiting.append(interest)
        if interest.time_s - waiting[0].time_s > config.window_s + config.overlap_s:
            count = sum(one.time_s - waiting[0].time_s < config.window_s for one in waiting)
            plans = list(_plans(planners, waiting, states))
            # The next window's first frame is this one's first that is not kept.
            states = tuple(plan.state(count, planner.base) for plan, planner in zip(plans, planners, strict=True))
            yield tuple(plan.head(count) for plan in plans)
            waiting = waiting[count:]
    if waiting:
        yield tuple(_plans(planners, waiting, states))


def _plans(
    planners: Sequence[Planner], interests: Sequence[Interest], states: Sequence[State | None]
) -> Iterator[Planned]:
    for planner, state in zip(planners, states, strict=True):
        yield planner.plan(interests, state)
