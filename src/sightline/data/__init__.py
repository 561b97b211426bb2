"""Published data sets in their own layouts, and scenes of our own making."""

from __future__ import annotations

from sightline.data.families import FAMILIES, Family, family

__all__ = ["FAMILIES", "Family", "family"]
