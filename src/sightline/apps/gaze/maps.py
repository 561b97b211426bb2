"""The map pictures of an import or a published set: the work of `sightline gaze map`."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from sightline.apps.gaze.published import open_fixations
from sightline.data.observed import Observed
from sightline.errors import DataError, UsageError
from sightline.files import WholeFolder
from sightline.fixations import Points, density, fixation_counts
from sightline.gaze.geometry import FloatArray
from sightline.gaze.importing import ImportFolder
from sightline.gaze.maps import Sigma
from sightline.gaze.writer import PROVENANCE, file_name
from sightline.progress import track
from sightline.results.png import write_map

By = Literal["pooled", "subject", "leave-one-out"]
BY = ("pooled", "subject", "leave-one-out")
ABOUT = "maps.json"


def write_maps(
    source: str | Path,
    out: str | Path | None = None,
    *,
    sigma: str = "1deg",
    by: str = "pooled",
    images: str | Path | None = None,
) -> Path:
    """Draw the maps of every frame and return the folder they are in: `out`, or <source>/maps for an import.

    source: a folder that `import_gaze` made, or anything that `datasets.open_fixations` reads (with `images`). For
    each set of subjects, <set>/fixations/00000.png (8-bit, 255 where a fixation lies) and <set>/saliency/00000.png
    (16-bit grey, full range 0..65535 = 0..1, each frame's peak being 1); of a published set <set>/<stimulus>/... .
    by: "pooled" makes the set "pooled"; "subject" one of each subject's own name; "leave-one-out" the sets
    "without-<subject>" of all the others, for the inter-observer ceiling. sigma: see maps.Sigma.
    Raises SightlineError; an earlier set of the same name is replaced when the new one is whole.
    """
    if by not in BY:
        raise UsageError(f"`by` {by!r}: choose one of {', '.join(BY)}")
    spread, source = Sigma.parse(sigma), Path(source)
    imported = (source / PROVENANCE).is_file()
    if not imported and out is None:
        raise DataError(
            f"{source}: no {PROVENANCE} in it; make the folder with `sightline gaze import`, or give `out` for the "
            "maps of a published set"
        )
    target = source / "maps" if out is None else Path(out)
    stimuli = list(open_fixations(source, images).values())
    blurs = [spread.pixels(_degree(source, one)) for one in stimuli]
    frames = (
        (one, sets, blur, index)
        for one, blur in zip(stimuli, blurs, strict=True)
        for sets in [_sets(one, by)]
        for index in range(len(one.frames))
    )
    widths = sorted(set(blurs))
    made: dict[str, Path] = {}
    with ExitStack() as stack:
        for one, sets, blur, index in track(frames, "Maps", sum(len(each.frames) for each in stimuli)):
            points = one.at(index)
            for name, subject in sets.items():
                if name not in made:
                    made[name] = stack.enter_context(_whole_set(target / name))
                folder = made[name] if imported else made[name] / one.name
                _write(folder, index, _of(points, by, subject), one.size, blur)
        for name, folder in made.items():
            about = {"source": str(source.resolve()), "set": name, "sigma": sigma, "sigma_px": widths}
            (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
    return target


def _degree(source: Path, observed: Observed) -> tuple[float, float] | None:
    """Pixels of a degree across and down: an import knows both, as its pixels need not be square."""
    if (source / PROVENANCE).is_file():
        return ImportFolder.open(source).px_per_degree
    return None if observed.px_per_degree is None else (observed.px_per_degree, observed.px_per_degree)


def _sets(observed: Observed, by: str) -> dict[str, str]:
    """The name of each set of maps of a stimulus, and the subject whom it shows or leaves out."""
    if by == "pooled":
        return {"pooled": ""}
    subjects = [name for name in np.unique(observed.all().subjects).tolist() if name]
    if not subjects:
        raise DataError(f"{observed.source[0]}: the fixations do not say whose they are; draw them with `by` pooled")
    return {("without-" if by == "leave-one-out" else "") + file_name(name): name for name in subjects}


def _of(points: Points, by: str, subject: str) -> FloatArray:
    if by == "pooled":
        return points.xy
    return points.xy[(points.subjects == subject) == (by == "subject")]


def _write(folder: Path, index: int, xy: FloatArray, size: tuple[int, int], sigma_px: tuple[float, float]) -> None:
    for kind in ("fixations", "saliency"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    name = f"{index:05d}.png"
    fixated = (fixation_counts(xy, size) > 0).astype(np.uint8) * 255
    Image.fromarray(fixated).save(folder / "fixations" / name, compress_level=1)
    values = density(xy, size, sigma_px)
    write_map(folder / "saliency" / name, values / max(float(values.max()), 1e-9))


def _whole_set(place: Path) -> WholeFolder:
    """The folder of a set, all of an earlier one replaced. Raises OutputError where something else is there."""
    return WholeFolder(place, ABOUT, replaces=os.listdir(place) if place.is_dir() else ()).require_ours()
