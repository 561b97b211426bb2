"""The one list of what can be written about a source: `--save`, the folder's contents and `evaluate` come from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sightline.errors import UsageError
from sightline.results.coco import Coco
from sightline.results.cutout import PRORES, VP9, Cutout
from sightline.results.film import Film
from sightline.results.frames_table import FramesTable
from sightline.results.kinds import Kind, Labels, Maps, Table
from sightline.results.npz import Stack
from sightline.results.roi import Regions
from sightline.results.sheet import ContactSheet
from sightline.types import Frame

SUMMARY = "summary.json"


def _px(value: float) -> str:
    return f"{value:.2f}"


def _score(value: float) -> str:
    return f"{value:.4f}"


def _hotspot(frame: Frame) -> Iterator[tuple[Any, ...]]:
    spot = frame.hotspot
    if spot is None:
        yield None, None, 0, frame.state
    else:
        yield _px(spot.x_px), _px(spot.y_px), _score(spot.score), frame.state


def _tracks(frame: Frame) -> Iterator[tuple[Any, ...]]:
    for track in frame.tracks:
        spot = track.hotspot
        place = (None, None, 0) if spot is None else (_px(spot.x_px), _px(spot.y_px), _score(spot.score))
        yield track.number, *place, track.state


def _objects(frame: Frame) -> Iterator[tuple[Any, ...]]:
    for thing in frame.objects:
        yield thing.number, thing.label, _score(thing.score), *map(_px, thing.box)


def _people(frame: Frame) -> Iterator[tuple[Any, ...]]:
    for person in frame.people:
        target = (None, None) if person.target is None else map(_px, person.target)
        yield (
            person.number,
            *map(_px, person.head),
            _score(person.head_score),
            *target,
            _score(person.target_score),
            person.object,
        )


def _sound(frame: Frame) -> Iterator[tuple[Any, ...]]:
    heard = frame.sound
    if heard is None:
        yield None, None, None, None
    else:
        yield heard.switch, _score(heard.switch_score), heard.tag, _score(heard.tag_score)


def _steps(frame: Frame) -> Iterator[tuple[Any, ...]]:
    for step in frame.steps:
        box = (None,) * 4 if step.box is None else map(_px, step.box)
        yield step.name, None if step.score is None else _score(step.score), *box


SALIENCY = Maps("saliency", "where viewers look", lambda frame: frame.saliency)
PROBABILITY = Maps("probability", "that a pixel belongs to the salient object", lambda frame: frame.probability)
MASKS = Labels("masks", "the objects' masks")
HEATMAPS = Maps("heatmaps", "where the people in the picture look", lambda frame: frame.heatmap)
HOTSPOTS = Table("hotspots", "the focal point of each frame", ("x_px", "y_px", "score", "state"), _hotspot)
OBJECTS = Table(
    "objects",
    "the objects' boxes and names",
    ("object", "label", "score", "x1_px", "y1_px", "x2_px", "y2_px"),
    _objects,
)
TRACKS = Table(
    "tracks", "the focal point of each object, of several", ("object", "x_px", "y_px", "score", "state"), _tracks
)
PEOPLE = Table(
    "people",
    "heads, gaze targets and the objects looked at",
    (
        "person",
        "head_x1_px",
        "head_y1_px",
        "head_x2_px",
        "head_y2_px",
        "head_score",
        "target_x_px",
        "target_y_px",
        "target_score",
        "object",
    ),
    _people,
)
SOUND = Table("sound", "what is heard", ("switch", "switch_score", "tag", "tag_score"), _sound)
STEPS = Table("steps", "intermediate results", ("step", "score", "x1_px", "y1_px", "x2_px", "y2_px"), _steps)
STEPS.on_request = True
SHEET = ContactSheet()
OVERLAY = Film("overlay", "the results drawn on the source")
OVERLAY_SOUND = Film("overlay-sound", "the same with the audio switch and the tag in words", sound=True)
COCO = Coco()
PARQUET = FramesTable()
NPZ = Stack()
CUTOUT = Cutout("cutout", "the objects alone: ProRes 4444 with alpha, or PNG", PRORES)
CUTOUT_WEBM = Cutout("cutout-webm", "the same for web pages: VP9 with alpha, without sound", VP9)
ROI = Regions()

OUTPUTS: tuple[Kind, ...] = (
    SALIENCY,
    PROBABILITY,
    MASKS,
    HOTSPOTS,
    OBJECTS,
    TRACKS,
    PEOPLE,
    HEATMAPS,
    SOUND,
    STEPS,
    SHEET,
    OVERLAY,
    OVERLAY_SOUND,
    COCO,
    PARQUET,
    NPZ,
    CUTOUT,
    CUTOUT_WEBM,
    ROI,
)


def entries() -> tuple[str, ...]:
    """Every file and folder that results may consist of; nothing else in a folder is ever touched."""
    return (*(entry for kind in OUTPUTS for entry in kind.entries), SUMMARY)


def choose(gives: frozenset[str], wanted: Iterable[str] | None, model: str) -> tuple[Kind, ...]:
    """The kinds to write, in the list's order: those that are wanted, or all that the model gives.

    Raises
    ------
    UsageError
        One that is not in the list, or that the model does not give.

    Examples
    --------
    >>> [kind.name for kind in choose(frozenset({"masks"}), None, "a model")]
    ['masks', 'overlay']
    """
    can = [kind for kind in OUTPUTS if kind.given_by(gives)]
    if wanted is None:
        return tuple(kind for kind in can if not kind.on_request)
    names = {kind.name for kind in OUTPUTS}
    chosen = set(wanted)
    if not chosen or not chosen <= names:
        odd = ", ".join(sorted(chosen - names)) or "nothing"
        raise UsageError(f"`save` {odd}: not something that can be saved; choose from {_named(OUTPUTS)}")
    lacking = sorted(chosen - {kind.name for kind in can})
    if lacking:
        raise UsageError(f"`save` {', '.join(lacking)}: {model} does not give it; it gives {_named(can)}")
    return tuple(kind for kind in can if kind.name in chosen)


def _named(kinds: Iterable[Kind]) -> str:
    return ", ".join(kind.name for kind in kinds)
