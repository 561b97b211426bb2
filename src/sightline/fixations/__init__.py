"""Fixations: their tables, which frame each is on, their maps. Each rule stands here once; NumPy is all it needs."""

from __future__ import annotations

from sightline.fixations.frames import end_of, fixations_by_frame, frames_of, points_by_frame
from sightline.fixations.maps import density, fixation_counts, grid_density, inside
from sightline.fixations.records import LONGEST_S, Fixations, Points
from sightline.fixations.tables import Columns, read_columns, read_fixations

__all__ = [
    "LONGEST_S",
    "Columns",
    "Fixations",
    "Points",
    "density",
    "end_of",
    "fixation_counts",
    "fixations_by_frame",
    "frames_of",
    "grid_density",
    "inside",
    "points_by_frame",
    "read_columns",
    "read_fixations",
]
