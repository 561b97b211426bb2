"""A batch on a Ray cluster: actors that hold a model each, fed by Ray Data as they can take it."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sightline.apps.batch.job import STATE, Job, Worker
from sightline.apps.batch.listing import Item
from sightline.apps.batch.store import Here, place_at
from sightline.apps.outcome import Outcome
from sightline.errors import SightlineError, UsageError, first_line

ANSWER_S = 10.0  # seconds that a cluster has to take a connection
POLL_S = 0.5  # seconds between two looks at whether a stop is asked for
POLL_STORE_S = 5.0  # the same where a look is a request to a store
MOST_IN_BLOCK = 16
"""Sources in the largest block. A block whose actor dies is done again; what is finished of it is only read."""
BLOCKS_EACH = 8
"""Blocks for each worker, at least: the last ones keep all of them busy."""

NICENESS = "RAY_worker_niceness"
"""Ray's variable for the workers of a cluster that is started here. By its default, 15, they starve beside anything
else that runs; processes without Ray are as nice as their driver, too."""


def over_ray(
    job: Job,
    items: Sequence[Item],
    workers: int,
    stopped: Callable[[], bool] = lambda: False,
    address: str = "auto",
    cpus: float = 1,
    gpus: float = 0,
) -> Iterator[Outcome]:
    """Outcomes of all items, in the order in which they are done.

    address: of the cluster, "auto", or "local" to start one on this machine. cpus, gpus: that each worker asks for.
    stopped: when it says True, the workers finish what they have begun properly, and nothing new is begun.
    Raises UsageError where Ray is not installed or the cluster does not answer, SightlineError where its workers fail.
    """
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
    try:
        yield from _over(ray, job, items, workers, stopped, cpus, gpus)
    finally:
        if ours:
            ray.shutdown()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault(NICENESS, "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("`ray`: needs Ray; pip install 'sightline[ray]'") from None
    return ray


def _connect(ray: Any, address: str) -> None:
    _require_answer(address)
    local = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **local)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UsageError(
            f"`ray` {address}: {first_line(error).rstrip('.')}; `local` starts Ray on this machine"
        ) from None


def _require_answer(address: str) -> None:
    """Raise UsageError where nobody listens at HOST:PORT; Ray itself would wait for many minutes."""
    place = re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:(\d+)", address)
    if place is None:
        return
    try:
        socket.create_connection((place[1], int(place[2])), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or first_line(error)
        raise UsageError(
            f"`ray` {address}: nobody answers there ({why}); check the address, or `local` starts Ray on this machine"
        ) from None


def _over(
    ray: Any, job: Job, items: Sequence[Item], workers: int, stopped: Callable[[], bool], cpus: float, gpus: float
) -> Iterator[Outcome]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    place, flag = place_at(job.out), f"{STATE}/stop-{job.run_id}"
    size = min(MOST_IN_BLOCK, max(1, len(items) // (workers * BLOCKS_EACH)))
    data = ray.data.from_items(
        [{"source": source, "name": name} for source, name in items], override_num_blocks=-(-len(items) // size)
    ).map_batches(
        Actor,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, max_tasks_in_flight_per_actor=2),
        num_cpus=cpus,
        num_gpus=gpus or None,
    )
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_S):
            if stopped():
                place.write(flag, b"")
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        for row in data.iter_rows():
            yield Outcome(**{**row, "notes": tuple(row["notes"])})
    except ray.exceptions.RayError as error:
        raise SightlineError(
            f"the workers of the cluster failed: {first_line(error).rstrip('.')}; what is done is kept"
        ) from error
    finally:
        ended.set()
        watcher.join()
        place.remove(flag)


KEYS = ("source", "name")


class Actor:
    """A worker as Ray Data calls it: with columns of sources and names."""

    def __init__(self, job: Job) -> None:
        self._place, self._flag = place_at(job.out), f"{STATE}/stop-{job.run_id}"
        self._poll_s = POLL_S if isinstance(self._place, Here) else POLL_STORE_S
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        self._worker = Worker(job, stopped=self._stopped.is_set)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        outcomes = [self._worker.do(str(source), str(name)) for source, name in zip(*map(batch.get, KEYS), strict=True)]
        rows = [outcome.as_dict() for outcome in outcomes]
        return {key: [row[key] for row in rows] for key in rows[0]}

    def _watch(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(SightlineError, OSError):  # a store that does not answer now
                if self._place.read(self._flag) is not None:
                    self._stopped.set()
            time.sleep(self._poll_s)
