"""Which of the things that `predict` leaves for a source each task scores, of the one list of outputs."""

from __future__ import annotations

from pathlib import Path

from sightline.results.outputs import (
    COCO,
    HEATMAPS,
    MASKS,
    OBJECTS,
    OVERLAY,
    OVERLAY_SOUND,
    PEOPLE,
    PROBABILITY,
    SALIENCY,
    SUMMARY,
    entries,
)
from sightline.untrusted import parse_json

MAPS = "maps"
"""What a folder of maps is called elsewhere."""
READS = {
    "fixation": (SALIENCY.name, MAPS),
    "vsod": (PROBABILITY.name, MASKS.name, MAPS),
    "vos": (MASKS.name,),
    "gaze": (HEATMAPS.name,),
}
"""Folders that hold the frames of a prediction, by task: the first that is there is scored."""

ANNOTATIONS = COCO.entries[0]
PEOPLE_TABLE, OBJECTS_TABLE = PEOPLE.entries[0], OBJECTS.entries[0]
NEVER_SCORED = frozenset((*OVERLAY.entries, *OVERLAY_SOUND.entries))
"""Pictures for people to look at."""
IN_A_SOURCE = tuple(entry for entry in entries() if entry not in {*NEVER_SCORED, SUMMARY})
"""What a source's own folder is known by, beside its summary."""


def is_a_source(folder: Path) -> bool:
    """Whether `predict` left this folder for one source, not for pictures that have nothing to do with one another."""
    try:
        said = parse_json((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    each = isinstance(said, dict) and said.get("kind") == "each"
    return not each and any((folder / inner).exists() for inner in IN_A_SOURCE)
