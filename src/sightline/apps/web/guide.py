"""The models by what they are for, as the page offers them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sightline.models import ModelInfo, list_models
from sightline.results.outputs import OUTPUTS

LAYERS = {
    "saliency": "Heat",
    "heatmaps": "Gaze heat",
    "masks": "Mask",
    "hotspots": "Hotspot",
    "objects": "Names",
    "people": "People",
    "sound": "Sound",
}
"""What can be switched on and off on a frame, by the kind of output that it is drawn from."""
TABLES = ("people", "sound", "objects", "tracks", "hotspots")
"""The tables that the page shows, where a model gives them."""


@dataclass(frozen=True)
class Choice:
    """A model as the page offers it.

    Attributes
    ----------
    name
        What `load` calls it.
    use
        What it is for.
    paper
        Where it comes from.
    gives, takes
        As in `models.Predictor`, in the order of `results.outputs`.
    """

    name: str
    use: str
    paper: str
    gives: tuple[str, ...]
    takes: tuple[str, ...]

    @classmethod
    def of(cls, info: ModelInfo) -> Choice:
        """Of a line of the registry. A model that does not say what it is for says what it gives."""
        gives = tuple(kind.name for kind in OUTPUTS if kind.name in info.gives)
        use = info.use or ", ".join(kind.about for kind in OUTPUTS if kind.name in gives)
        return cls(info.name, use[0].upper() + use[1:], info.paper, gives, tuple(sorted(info.takes)))

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        return asdict(self)


def choices() -> list[Choice]:
    """The models whose weights are in the package, in the registry's order."""
    return [Choice.of(info) for info in list_models() if info.shipped]
