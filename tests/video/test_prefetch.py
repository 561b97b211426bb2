"""Working ahead on a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.video import prefetch, queue_length


@given(st.lists(st.integers()), st.integers(1, 5))
def test_all_items_in_order(items: list[int], size: int) -> None:
    assert list(prefetch(items, size)) == items


def test_no_more_than_size_items_are_made_ahead() -> None:
    made: list[int] = []
    waiting = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if len(made) == 4:  # one taken, three ahead
                waiting.set()
            yield number

    ahead = prefetch(numbers(), 3)
    assert next(ahead) == 0
    assert waiting.wait(10)
    ahead.close()
    assert len(made) == 4


def test_an_error_arrives_after_the_items_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    ahead = prefetch(numbers())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_an_object_that_cannot_be_iterated_is_an_error_and_no_deadlock() -> None:
    with pytest.raises(TypeError):
        next(prefetch(3))  # type: ignore[arg-type]


def test_closing_ends_the_thread_and_closes_the_iterator() -> None:
    closed = threading.Event()

    def forever() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = threading.active_count()
    ahead = prefetch(forever(), 2)
    next(ahead)
    ahead.close()
    assert closed.is_set()
    assert threading.active_count() == before


def test_queues_shrink_with_the_frames() -> None:
    assert queue_length((480, 854)) == 8
    assert queue_length((4320, 7680)) == 2
