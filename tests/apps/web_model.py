"""A model for the tests of the web page: it needs no weights, gives what the page shows, remembers its prompt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hostile.fake_model import BrightestSpot
from sightline.models import ModelInfo
from sightline.types import Clip, Frame, Hotspot, Person, Prompt, SoundWindow

LINE = ModelInfo("sociable", "apps.web_model:Sociable", "Nobody (2026)", use="see who looks at what, and who is heard")


class Sociable(BrightestSpot):
    """With a person and a sound in every frame. A marked point is the hotspot. pause_s: how long a frame takes."""

    name = "sociable"
    takes = frozenset({"point", "not_point", "box", "at_s", "objects", "fixations"})
    gives = frozenset({"saliency", "probability", "masks", "hotspots", "people", "sound"})

    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        self.prompts: list[Prompt] = []

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        self.prompts.append(prompt)
        points = [point for cues in prompt.targets.values() for cue in cues for point in cue.points]
        for frame in super().stream(clip, prompt):
            time.sleep(self.pause_s)
            spot = Hotspot(*points[0], 1.0) if points else frame.hotspot
            yield replace(
                frame,
                hotspot=spot,
                people=(Person(1, (4, 4, 14, 16), 0.9, (40, 30), 0.8),),
                sound=SoundWindow(0, 1, switch=True, switch_score=0.75, tag="voice", tag_score=0.5),
            )


def offer(monkeypatch: pytest.MonkeyPatch, model: Sociable) -> None:
    """Have the page offer this model alone."""
    monkeypatch.setattr("sightline.apps.web.guide.list_models", lambda: [LINE])
    monkeypatch.setattr(ModelInfo, "shipped", property(lambda info: True))
    monkeypatch.setattr("sightline.models.load", lambda name, device="auto": model)


def render(path: str | Path) -> None:
    """A demo clip in a moment."""
    from hostile.corpus import write_video

    write_video(Path(path), frames=10, sound_s=0.4)
