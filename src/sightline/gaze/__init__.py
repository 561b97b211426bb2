"""From an eye tracker's recording to gaze samples, fixations and maps in the stimulus's pixels and time."""

from __future__ import annotations

import sightline.gaze._requirements  # noqa: F401  (first, as the others need polars)
from sightline.fixations import density, fixation_counts
from sightline.gaze.align import Aligned, AlignOptions, align
from sightline.gaze.bridge import to_pymovements
from sightline.gaze.events import EventOptions
from sightline.gaze.formats import ReadOptions, read
from sightline.gaze.geometry import Placement, Screen
from sightline.gaze.importing import ImportFolder, import_gaze
from sightline.gaze.inspecting import inspect
from sightline.gaze.maps import by_frame
from sightline.gaze.recording import Recording
from sightline.gaze.stimulus import Stimulus
from sightline.gaze.study import Study, import_study
from sightline.gaze.tables import fixations_by_frame, read_fixations
from sightline.gaze.viewing import Setup

__all__ = [
    "AlignOptions",
    "Aligned",
    "EventOptions",
    "ImportFolder",
    "Placement",
    "ReadOptions",
    "Recording",
    "Screen",
    "Setup",
    "Stimulus",
    "Study",
    "align",
    "by_frame",
    "density",
    "fixation_counts",
    "fixations_by_frame",
    "import_gaze",
    "import_study",
    "inspect",
    "read",
    "read_fixations",
    "to_pymovements",
]
