"""From an eye tracker's recording to gaze samples, fixations and maps in the stimulus's pixels and time."""

from __future__ import annotations

from importlib.util import find_spec

from sightline.errors import SightlineError

# pymovements takes seconds to import, so it is only looked for here.
for _package in ("polars", "pymovements"):
    if find_spec(_package) is None:
        raise SightlineError(f"eye-tracker recordings need {_package}: pip install 'sightline[gaze]'")

from sightline.gaze.align import Aligned, AlignOptions, align
from sightline.gaze.events import EventOptions
from sightline.gaze.formats import read
from sightline.gaze.geometry import Placement, Screen
from sightline.gaze.importing import ImportFolder, import_gaze, read_fixations
from sightline.gaze.mapping import write_maps
from sightline.gaze.maps import by_frame, density, fixation_counts
from sightline.gaze.recording import Recording
from sightline.gaze.stimulus import Stimulus
from sightline.gaze.viewing import Geometry

__all__ = [
    "AlignOptions",
    "Aligned",
    "EventOptions",
    "Geometry",
    "ImportFolder",
    "Placement",
    "Recording",
    "Screen",
    "Stimulus",
    "align",
    "by_frame",
    "density",
    "fixation_counts",
    "import_gaze",
    "read",
    "read_fixations",
    "write_maps",
]
