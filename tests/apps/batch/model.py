"""A model that needs no weights, whose name says how it misbehaves. It is made in other processes, by its name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import parent_process
from pathlib import Path

from hostile.fake_model import BrightestSpot
from sightline.types import Clip, Frame, Prompt


class Blobs(BrightestSpot):
    """slow:S sleeps S seconds a frame; kill-once:FILE ends the process and takes FILE away; kill-frames:N ends every
    process at the N-th frame; stillborn ends every worker that loads it."""

    def __init__(self, how: str, value: str) -> None:
        super().__init__(("masks", "hotspots"))
        self._how, self._value = how, value

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for count, frame in enumerate(super().stream(clip, prompt), 1):
            if self._how == "slow":
                time.sleep(float(self._value))
            if self._how == "kill-once" and count == 3 and Path(self._value).exists():
                Path(self._value).unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            if self._how == "kill-frames" and count == int(self._value):
                os.kill(os.getpid(), signal.SIGKILL)
            yield frame


def load_blobs(name: str, device: str = "cpu") -> Blobs:
    """By the name of the model: see `Blobs`."""
    how, _, value = name.partition(":")
    if how == "stillborn" and parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return Blobs(how, value)
