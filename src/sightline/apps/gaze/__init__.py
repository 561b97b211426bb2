"""What is made of an import of gaze: maps, pictures and videos, training sets, the inter-observer ceiling."""

from __future__ import annotations

import sightline.gaze  # noqa: F401  (first, as it says what is missing without the extra)
from sightline.apps.gaze.ceiling import Ceiling, inter_observer, mean_ceiling
from sightline.apps.gaze.export import write_export
from sightline.apps.gaze.labels import write_labels
from sightline.apps.gaze.maps import write_maps
from sightline.apps.gaze.plot import plot_gaze
from sightline.apps.gaze.published import open_fixations

__all__ = [
    "Ceiling",
    "inter_observer",
    "mean_ceiling",
    "open_fixations",
    "plot_gaze",
    "write_export",
    "write_labels",
    "write_maps",
]
