"""What an evaluation is made of, whatever it measures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sightline.metrics.evaluation.scores import Array, SequenceScores
from sightline.metrics.protocols import Protocol


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
