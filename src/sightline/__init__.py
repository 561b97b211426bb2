"""Sightline: where people look, and what they look at, in video, images and eye-tracker recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "list_models", "load", "predict"]

if TYPE_CHECKING:
    from sightline.models import list_models, load, predict


def __getattr__(name: str) -> Any:
    # torch and transformers take seconds to import, so the public functions are imported on first use.
    if name in {"list_models", "load", "predict"}:
        from sightline import models

        return getattr(models, name)
    raise AttributeError(f"module 'sightline' has no attribute {name!r}")
