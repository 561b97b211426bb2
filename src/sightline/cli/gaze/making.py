"""What `sightline gaze` makes of an import: maps, plots, labels, files of other programs, the ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sightline.cli.gaze._options import Folder, ImagesOption, Json, SigmaOption, Source

MAP_EXAMPLES = """\b
Examples:
  sightline gaze map film --sigma 30px
  sightline gaze map film --by leave-one-out
  sightline gaze map osie --out maps --sigma 24px
"""
PLOT_EXAMPLES = """\b
Examples:
  sightline gaze plot film
  sightline gaze plot photo --subject P01 --subject P02 --out two.png
"""
LABELS_EXAMPLES = """\b
Examples:
  sightline gaze labels film --out set --every 0.5
"""
EXPORT_EXAMPLES = """\b
Examples:
  sightline gaze export study --to bids --out bids
  sightline gaze export gaze002 --to mne --out annotations
"""
CEILING_EXAMPLES = """\b
Examples:
  sightline gaze ceiling film
  sightline gaze ceiling osie --sigma 24px --limit 50 --json
"""


def map_(
    source: Source,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where the maps go.", show_default="SOURCE/maps of an import"),
    ] = None,
    sigma: SigmaOption = "1deg",
    by: Annotated[str, typer.Option(help="pooled, subject or leave-one-out.")] = "pooled",
    images: ImagesOption = None,
    as_json: Json = False,
) -> None:
    """Draw a fixation map and a saliency map of every frame."""
    from sightline.apps.gaze import write_maps

    _say_place(write_maps(source, out, sigma=sigma, by=by, images=images), as_json)


def plot(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", show_default="DIR/scanpaths.png or DIR/gaze.mp4")
    ] = None,
    sigma: Annotated[str | None, typer.Option(metavar="S", help="Gaussian of the heat.", show_default="1deg")] = None,
    subject: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these subjects.", show_default="all")
    ] = None,
    stimulus: Annotated[Path | None, typer.Option(metavar="FILE", help="The stimulus, where it was moved.")] = None,
    as_json: Json = False,
) -> None:
    """Draw scanpaths on an image, or moving gaze samples and heat on a video with its sound."""
    from sightline.apps.gaze import plot_gaze

    _say_place(plot_gaze(folder, out, sigma=sigma, subjects=subject, stimulus=stimulus), as_json)


def labels(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="SET", help="Where the training set goes.")],
    every_s: Annotated[float, typer.Option("--every", metavar="S", help="A frame every S seconds.")] = 0.5,
    stimulus: Annotated[Path | None, typer.Option(metavar="FILE", help="The stimulus, where it was moved.")] = None,
    as_json: Json = False,
) -> None:
    """Save frames and the fixations on them as a training set: images/, images.csv and fixations.csv."""
    from sightline.apps.gaze import write_labels

    _say_place(write_labels(folder, out, every_s=every_s, stimulus=stimulus), as_json)


def export(
    folder: Folder,
    to: Annotated[
        str, typer.Option(metavar="FORMAT", help="bids (BEP020), mne (annotations) or pymovements (events).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the files go.")],
    as_json: Json = False,
) -> None:
    """Write an import, or an experiment, for other programs."""
    from sightline.apps.gaze import write_export

    _say_place(write_export(folder, out, to), as_json)


def ceiling(
    source: Source,
    sigma: SigmaOption = "1deg",
    images: ImagesOption = None,
    frames: Annotated[int, typer.Option(min=1, metavar="N", help="Frames of a video that are scored at most.")] = 50,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N stimuli.")] = None,
    as_json: Json = False,
) -> None:
    """Score how well viewers predict each other, leaving out one at a time: the inter-observer ceiling."""
    import json
    from dataclasses import asdict
    from itertools import islice

    from sightline.apps.gaze import inter_observer, mean_ceiling
    from sightline.apps.gaze.published import open_fixations
    from sightline.gaze.maps import Sigma
    from sightline.progress import track

    spread = Sigma.parse(sigma)
    chosen = list(islice(open_fixations(source, images).values(), limit))
    found = []
    for observed in track(chosen, "Ceiling", total=len(chosen)):
        degree = observed.px_per_degree
        found.append(inter_observer(observed, spread.pixels((degree, degree) if degree else None), frames))
    mean = mean_ceiling(found)
    if as_json:
        result = {"source": str(source), "sigma": sigma, "mean": mean, "stimuli": [asdict(each) for each in found]}
        typer.echo(json.dumps(result, indent=2))
        return
    typer.echo(f"{source}: {len(found)} stimuli, sigma {sigma}")
    typer.echo("  ".join(f"{key} {value:.4f}" for key, value in mean.items()))


def _say_place(made: Path, as_json: bool) -> None:
    """Where the result is, for a person or a machine."""
    import json

    typer.echo(json.dumps({"out": str(made)}, indent=2) if as_json else made)
