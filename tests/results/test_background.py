"""Work on other threads."""

from __future__ import annotations

import threading

import pytest

from sightline.results.background import Background


def test_one_thread_works_in_order() -> None:
    done: list[int] = []
    worker = Background(done.append, 2)
    for item in range(50):
        worker.put(item)
    worker.close()
    assert done == list(range(50))


def test_several_threads_do_everything() -> None:
    done: list[int] = []
    worker = Background(done.append, 2, threads=3)
    for item in range(50):
        worker.put(item)
    worker.close()
    assert sorted(done) == list(range(50))


def test_an_error_reaches_the_caller_and_blocks_nobody() -> None:
    failed = threading.Event()

    def work(item: int) -> None:
        failed.set()
        raise OSError("disk")

    worker = Background(work, 1)
    worker.put(0)
    assert failed.wait(10)
    while worker._error is None:  # set just after `work` has raised
        pass
    with pytest.raises(OSError, match="disk"):
        worker.put(1)
    with pytest.raises(OSError, match="disk"):
        worker.close()


def test_cancelling_drops_what_waits() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work(item: int) -> None:
        begun.set()
        go_on.wait(10)
        done.append(item)

    worker = Background(work, 5)
    for item in range(3):
        worker.put(item)
    assert begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    worker.cancel()
    assert done == [0]
