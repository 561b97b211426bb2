"""A model for the tests of the web page: it needs no weights, gives what the page shows, remembers its prompt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hostile.fake_model import BrightestSpot
from sightline.models import ModelInfo
from sightline.types import Box, Clip, Frame, Hotspot, Object, Person, Prompt, SoundWindow

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


class Faces(BrightestSpot):
    """Looks at people: those that are marked, else two that it finds before frame 10, and nobody after it.

    The first one looks at one of two objects, which have masks; nothing has a name. prompts: those that it was given.
    """

    name = "faces"
    takes = frozenset({"heads"})
    gives = frozenset({"masks", "objects", "people"})
    found: tuple[Box, ...] = ((4, 4, 14, 16), (40, 8, 50, 20))

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        self.prompts.append(prompt)
        for frame in clip.frames():
            given = prompt.heads_of(frame.index)
            heads = (
                (self.found if frame.index < 10 else ()) if given is None else [tuple(box) for box in given.tolist()]
            )
            mask = np.zeros(frame.image.shape[:2], np.uint8)
            mask[36:44, 4:12], mask[36:44, 44:52] = 1, 2
            objects = (Object(1, (4, 36, 12, 44), 0.9), Object(2, (44, 36, 52, 44), 0.9))
            people = tuple(Person(n, head, 0.9, (8, 40), 0.8, n if n == 1 else None) for n, head in enumerate(heads, 1))
            yield Frame(frame.index, frame.time_s, frame.image, mask=mask, objects=objects, people=people)


FACES = ModelInfo("faces", "apps.web_model:Faces", "Nobody (2026)", use="see whom you mark")


def offer(monkeypatch: pytest.MonkeyPatch, model: Sociable, faces: Faces | None = None) -> None:
    """Have the page offer these models alone."""
    lines = [LINE] if faces is None else [LINE, FACES]
    monkeypatch.setattr("sightline.apps.web.guide.list_models", lambda: lines)
    monkeypatch.setattr(ModelInfo, "shipped", property(lambda info: True))
    monkeypatch.setattr("sightline.models.load", lambda name, device="auto": faces if name == "faces" else model)


def render(path: str | Path) -> None:
    """A demo clip in a moment."""
    from hostile.corpus import write_video

    write_video(Path(path), frames=10, sound_s=0.4)
