"""What an evaluation is made of, whatever it measures."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sightline.metrics.evaluation.scores import Array, SequenceScores, Tally
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

    @abstractmethod
    def tallies(self, scores: SequenceScores) -> dict[str, Tally]:
        """What per-frame scores add to those of the set; scores that do not follow from them are left out."""

    def on_common_frames(self, first: SequenceScores, second: SequenceScores) -> tuple[SequenceScores, SequenceScores]:
        """Two predictions of one sequence on the frames that both have a score of, key by key."""
        values: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
        for key in first.values.keys() & second.values.keys():
            pairs = list(zip(first.values[key], second.values[key], strict=True))
            for side in (0, 1):
                known = [math.nan if any(map(math.isnan, pair)) else pair[side] for pair in pairs]
                values[side][key] = known
        masked = [replace(one, values=known) for one, known in zip((first, second), values, strict=True)]
        left, right = (replace(one, tallies={**one.tallies, **self.tallies(one)}) for one in masked)
        return left, right

    def in_both(self, other: Task) -> Array:
        """1 for each sequence (S,) that both have what `whole` needs of, 0 for others."""
        return np.ones(len(self.names))

    def finish(self, means: dict[str, Array]) -> dict[str, Array]:
        """From the means of the tallies, (R, L), to the reported keys, (R,) each."""
        return {key: means[key][:, 0] for key in self.keys if key in means}

    def whole(self, weights: Array) -> dict[str, Array]:
        """Scores that are no mean over sequences, (R,) by key, for R weightings of the sequences (R, S)."""
        return {}
