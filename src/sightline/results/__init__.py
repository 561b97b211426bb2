"""What a prediction is, and how it is drawn and written."""

from sightline.results.frame import Frame, Hotspot

__all__ = ["Frame", "Hotspot"]
