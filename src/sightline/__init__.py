"""Sightline: where people look, and what they look at, in video, images and eye-tracker recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sightline._version import __version__

__all__ = ["__version__", "list_models", "load", "predict"]

if TYPE_CHECKING:
    from sightline.models import list_models, load, predict


def __getattr__(name: str) -> Any:
    # torch and transformers take seconds to import, so the public functions are imported on first use.
    if name in __all__:
        from sightline import models

        return getattr(models, name)
    raise AttributeError(f"module 'sightline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
