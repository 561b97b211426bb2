"""`sightline label`: masks for videos that were watched with an eye tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sightline.cli._threads import wait_passively

EXAMPLES = """DIR/<video>/ gets masks/00000.png in the colours of DAVIS, overlay.mp4 and summary.json. A table of
fixations has the columns subject, onset_s and duration_s (or onset_ms and duration_ms), x_px and y_px.

\b
Examples:
  sightline label clip.mp4 --gaze fixations.csv --out labels
  sightline label clip.mp4 --gaze imported/ --out labels
  sightline label dataset/ --out labels
  sightline label videos/ --gaze tables/ --out labels
"""


def label(
    ctx: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE", help="Videos, folders of frames, or folders of those.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Labels go to DIR/<name of the video>/.")],
    fixations: Annotated[
        Path | None,
        typer.Option(
            "--gaze",
            metavar="FIXATIONS",
            help="A table of fixations, an import, or a folder of tables called like the videos.",
            show_default="beside each video",
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="A model that turns gaze into masks, or its folder.")] = "egcnet",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop each video after N frames.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace labels that are there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Turn the fixations on videos into masks of what was looked at."""
    wait_passively()
    from sightline import models
    from sightline.apps import label as app
    from sightline.apps.predict import Run
    from sightline.apps.watched import find_videos, require_tables
    from sightline.cli._outcomes import report
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.results.outputs import choose

    videos = find_videos(sources)
    require_tables(fixations, videos)
    predictor = models.load(model, device=device)
    predictor.require("fixations")
    with until_interrupted() as interrupted, Progress() as progress:
        run = Run(
            predictor,
            choose(predictor.gives, app.KINDS, predictor.name),
            limit=limit,
            overwrite=overwrite,
            begin=progress.begin,
            step=progress.step,
            stopped=interrupted.is_set,
        )
        outcomes = app.label(run, videos, out, fixations)
    report(outcomes, ctx, as_json=as_json)
    if interrupted.is_set():
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


label.__doc__ = f"{label.__doc__}\n\n{EXAMPLES}"
