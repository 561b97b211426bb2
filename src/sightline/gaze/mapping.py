"""The map pictures of an import: the work of `sightline gaze map`."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from sightline.errors import OutputError, UsageError
from sightline.gaze.geometry import FloatArray
from sightline.gaze.importing import ImportFolder, file_name
from sightline.gaze.maps import FrameFixations, Sigma, by_frame, density, fixation_counts
from sightline.progress import track
from sightline.results.png import write_saliency

By = Literal["pooled", "subject", "leave-one-out"]
BY = ("pooled", "subject", "leave-one-out")


def write_maps(folder: str | Path, *, sigma: str = "1deg", by: str = "pooled") -> Path:
    """Draw the maps of every frame into <folder>/maps and return that path.

    For each set of subjects, maps/<set>/fixations/00000.png (8-bit, 255 where a fixation lies) and
    maps/<set>/saliency/00000.png (16-bit grey, full range 0..65535 = 0..1, each frame's peak being 1).
    by: "pooled" makes the set "pooled"; "subject" one of each subject's own name; "leave-one-out" the sets
    "without-<subject>" of all the others, for the inter-observer ceiling. sigma: see maps.Sigma.
    Raises SightlineError; an earlier set of the same name is replaced when the new one is whole.
    """
    if by not in BY:
        raise UsageError(f"--by {by!r}: choose one of {', '.join(BY)}")
    imported = ImportFolder.open(folder)
    stimulus, fixations = imported.stimulus(), imported.fixations()
    sigma_px = Sigma.parse(sigma).pixels(imported.px_per_degree)
    sets = _sets(by, fixations["subject"].unique().sort().to_list())
    out = Path(folder) / "maps"
    try:
        out.mkdir(exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder, prefix=".maps."))
        try:
            for name in sets:
                for kind in ("fixations", "saliency"):
                    (staging / name / kind).mkdir(parents=True)
            frames = track(by_frame(fixations, stimulus), "Maps", total=len(stimulus.frame_times_s))
            for frame in frames:
                for name, points in sets.items():
                    _write(staging / name, frame.index, points(frame), stimulus.size_px, sigma_px)
            about = {"sigma": sigma, "sigma_px": sigma_px, "size_px": stimulus.size_px}
            for name in sets:
                (staging / name / "maps.json").write_text(json.dumps({**about, "set": name}, indent=2) + "\n")
                shutil.rmtree(out / name, ignore_errors=True)
                os.replace(staging / name, out / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}); check space and permissions") from None
    return out


def _sets(by: str, subjects: list[str]) -> dict[str, Callable[[FrameFixations], FloatArray]]:
    """Name of each set of maps, and which points of a frame it shows."""
    if by == "pooled":
        return {"pooled": lambda frame: frame.xy}
    if by == "subject":
        return {file_name(s): lambda frame, s=s: frame.of(s) for s in subjects}  # type: ignore[misc]
    return {f"without-{file_name(s)}": lambda frame, s=s: frame.without(s) for s in subjects}  # type: ignore[misc]


def _write(folder: Path, index: int, xy: FloatArray, size_px: tuple[int, int], sigma_px: tuple[float, float]) -> None:
    name = f"{index:05d}.png"
    fixated = (fixation_counts(xy, size_px) > 0).astype(np.uint8) * 255
    Image.fromarray(fixated).save(folder / "fixations" / name, compress_level=1)
    values = density(xy, size_px, sigma_px)
    write_saliency(folder / "saliency" / name, values / max(float(values.max()), 1e-9))
