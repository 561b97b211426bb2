"""What Sightline keeps to save time: features that trainings share, and graphs that were exported for inference."""

from __future__ import annotations

import shutil
from pathlib import Path

from sightline.kept import kept_folder, size_of

KEPT = {"features": ("features",), "exported graphs": ("*.onnx",), "features of earlier versions": ("views", "clips")}
"""Names of files and folders in the cache; anything else in there is not ours to remove."""


def sizes() -> dict[str, int]:
    """Bytes of everything that is kept."""
    return {name: sum(size_of(path) for path in _paths(name)) for name in KEPT}


def clean() -> tuple[int, list[Path]]:
    """Remove everything that is kept. Returns the bytes that this freed, and what is in use and stays."""
    before = sum(sizes().values())
    busy: list[Path] = []
    if (kept_folder() / "features").is_dir():
        from sightline.training.cache import clean as clean_features

        _, busy = clean_features()
    for path in (path for name in KEPT for path in _paths(name)):
        if path.is_file():
            path.unlink(missing_ok=True)
        elif path.name != "features":
            shutil.rmtree(path, ignore_errors=True)
    return before - sum(sizes().values()), busy


def _paths(name: str) -> list[Path]:
    return [path for pattern in KEPT[name] for path in kept_folder().glob(pattern)]
