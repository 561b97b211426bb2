"""What an evaluation is made of, whatever it measures."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sightline.metrics.evaluation.scores import Array, SequenceScores
from sightline.metrics.protocols import Protocol

T = TypeVar("T")


class Stopped(Exception):
    """Scoring was told to stop."""


class Task(ABC):
    """One prediction against one ground truth under one protocol.

    keys: the scores it reports, in order. names: its sequences. curves: those of the tallies that hold a curve over
    the thresholds 0, 1/255, ..., 1 rather than a number.
    """

    name: str
    protocol: Protocol
    keys: tuple[str, ...]
    names: list[str]
    curves: tuple[str, ...] = ()

    def __init__(self) -> None:
        # Set, it makes the threads that are scoring raise Stopped at their next frame.
        self.stop = threading.Event()

    def watched(self, frames: Iterable[T]) -> Iterator[T]:
        """The frames; raises Stopped between two of them once `stop` is set."""
        for frame in frames:
            if self.stop.is_set():
                raise Stopped
            yield frame

    @abstractmethod
    def score(self, name: str) -> SequenceScores:
        """Score one sequence. Several threads may call this at once, for different sequences."""

    @abstractmethod
    def files(self, name: str) -> Sequence[Path]:
        """The files that the scores of a sequence come from."""

    def shared_files(self) -> Sequence[Path]:
        """Files that the scores of every sequence depend on."""
        return ()

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """All choices that change the scores, for the report."""

    def finish(self, means: dict[str, Array]) -> dict[str, Array]:
        """From the means of the tallies, (R, L), to the reported keys, (R,) each."""
        return {key: means[key][:, 0] for key in self.keys if key in means}

    def whole(self, weights: Array) -> dict[str, Array]:
        """Scores that are no mean over sequences, (R,) by key, for R weightings of the sequences (R, S)."""
        return {}
