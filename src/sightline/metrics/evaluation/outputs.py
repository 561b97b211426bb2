"""Which of the things that `predict` leaves for a source each task scores: the names of folders and files."""

from __future__ import annotations

READS = {
    "fixation": ("saliency", "maps"),
    "vsod": ("probability", "masks", "maps"),
    "vos": ("masks",),
    "gaze": ("heatmaps",),
}
"""Folders that hold the frames of a prediction, by task: the first that is there is scored."""

MASKS = "masks"
ANNOTATIONS = "annotations.coco.json"
HEATMAPS, PEOPLE, OBJECTS = "heatmaps", "people.csv", "objects.csv"
IN_A_SOURCE = ("saliency", "probability", MASKS, HEATMAPS, "hotspots.csv", OBJECTS, PEOPLE, ANNOTATIONS)
"""What a source's own folder is known by, beside its summary.json."""

NEVER_SCORED = frozenset({"overlay", "overlay.mp4"})
"""Pictures for people to look at."""
