"""The queue of the web page: turns, progress, stopping, and visitors who leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sightline.apps.web import desk
from sightline.apps.web.desk import Busy, Desk, Job
from sightline.errors import SourceError


@pytest.fixture
def one() -> Iterator[Desk]:
    made = Desk(workers=1, waiting=2)
    yield made
    made.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_for_stop(job: Job) -> str:
    job.begin("Looking", 4)
    while not job.stopped():
        job.step()
        time.sleep(0.005)
    return "part"


def test_runs_take_turns_and_say_how_many_are_before_them(one: Desk) -> None:
    jobs = [Job(f"clip {number}", wait_for_stop) for number in range(3)]
    for job in jobs:
        one.take(job)
    until(lambda: jobs[0].state == "running")
    assert [one.before(job) for job in jobs] == [0, 1, 2]
    assert [job.state for job in jobs] == ["running", "waiting", "waiting"]
    jobs[0].stop()
    until(lambda: jobs[1].state == "running")
    assert (one.before(jobs[2]), jobs[0].state) == (1, "stopped")


def test_one_too_many_is_turned_away(one: Desk) -> None:
    for number in range(3):
        one.take(Job(f"clip {number}", wait_for_stop))
    with pytest.raises(Busy, match="3 runs are in the queue already"):
        one.take(Job("one more", wait_for_stop))


def test_a_run_that_is_stopped_keeps_what_it_did_and_one_that_waits_never_begins(one: Desk) -> None:
    first, second = Job("first", wait_for_stop), Job("second", lambda job: pytest.fail("it was stopped before"))
    one.take(first)
    one.take(second)
    until(lambda: first.done > 2)
    second.stop()
    first.stop()
    until(lambda: second.over)
    assert (first.state, first.result, first.phase, first.total) == ("stopped", "part", "Looking", 4)
    assert (second.state, second.result) == ("stopped", None)


def test_an_error_is_kept_in_one_line_and_the_next_run_goes_on(one: Desk) -> None:
    def breaks(job: Job) -> None:
        raise SourceError("clip.mp4: is broken; export it again")

    broken, fine = Job("clip.mp4", breaks), Job("fine", lambda job: 7)
    one.take(broken)
    one.take(fine)
    until(lambda: fine.over)
    assert (broken.state, broken.told()) == ("failed", "clip.mp4: is broken; export it again")
    assert (fine.state, fine.result, fine.told()) == ("done", 7, None)


def test_the_run_of_a_visitor_who_left_ends(one: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "LEFT_S", 0.1)
    stays, leaves = Job("stays", wait_for_stop), Job("leaves", wait_for_stop)
    two = Desk(workers=2, waiting=0)
    two.take(stays)
    two.take(leaves)
    seen = threading.Event()
    deadline = time.monotonic() + 5
    while not leaves.over and time.monotonic() < deadline:
        stays.asked()
        seen.wait(0.01)
    assert (leaves.state, stays.state) == ("stopped", "running")
    two.close()
    assert stays.state == "stopped"
