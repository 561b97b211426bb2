"""`sightline predict`: attention, masks and hotspots of videos, images and frame folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightline.cli._threads import wait_passively

if TYPE_CHECKING:
    from sightline.results.run import Outcome, Run

EXAMPLES = """\b
Examples:
  sightline predict clip.mp4 --out results
  sightline predict clip.mp4 photo.jpg frames/ --out results --save masks
  sightline predict photos/ --each --model egnet --out maps
  sightline predict clip.mp4 --point 640,360 --out results
  sightline predict clip.mp4 --model egcnet --gaze fixations.csv --out results
  sightline predict clip.mp4 --out results --limit 100 --json
"""


def predict(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE", help="Videos, images, folders of numbered frames.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Results go to DIR/<name of the source>/.")],
    model: Annotated[str, typer.Option(help="A model's name (see `sightline models`) or its folder.")] = "wcsnet",
    save: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="What to write: saliency, masks, hotspots, overlay, separated by commas.",
            show_default="all that the model gives",
        ),
    ] = None,
    gaze: Annotated[
        Path | None,
        typer.Option(
            metavar="FIXATIONS", help="Where viewers looked: a table, an import, or a folder of tables (see `label`)."
        ),
    ] = None,
    point: Annotated[
        str | None,
        typer.Option(metavar="X,Y", help="Follow what is here in the first frame, in pixels from its top left corner."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    each: Annotated[
        bool, typer.Option("--each", help="Unrelated images: DIR/saliency/<name>.png and so on, one for each image.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop each source after N frames.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Say where people look, and at what, in each SOURCE: maps, masks, hotspots and an overlay video."""
    wait_passively()
    from sightline import models
    from sightline.cli._outcomes import report
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.errors import UsageError
    from sightline.results.labelling import require_gaze
    from sightline.results.run import Run, choose_outputs

    if gaze is not None:
        if each:
            raise UsageError("--gaze: fixations on a video, not on unrelated images; leave out --each")
        require_gaze(gaze, sources)
    start = None if point is None else _point(point)
    if start is not None and (each or len(sources) > 1):
        raise UsageError("--point: a place in one video; give one SOURCE, without --each")
    predictor = models.load(model, device=device)
    predictor.require(*(name for name, given in (("gaze", gaze), ("point", point)) if given is not None))
    wanted = None if save is None else [name.strip() for name in save.split(",") if name.strip()]
    outputs = choose_outputs(predictor, wanted)
    with until_interrupted() as interrupted, Progress() as progress:
        run = Run(
            predictor,
            outputs,
            point=start,
            limit=limit,
            overwrite=overwrite,
            begin=progress.begin,
            step=progress.step,
            stopped=interrupted.is_set,
        )
        outcomes = _run(run, sources, out, each=each, gaze=gaze)
    report(outcomes, as_json=as_json)
    if interrupted.is_set():
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _run(run: Run, sources: list[Path], out: Path, *, each: bool, gaze: Path | None) -> list[Outcome]:
    from sightline.errors import SightlineError
    from sightline.results.each import run_each
    from sightline.results.labelling import find_table
    from sightline.results.run import failure, name_folders

    if each:
        return run_each(run, sources, out)
    outcomes = []
    for source, folder in zip(sources, name_folders(sources, out), strict=True):
        try:
            outcomes.append(run.to_folder(source, folder, None if gaze is None else find_table(source, gaze)))
        except SightlineError as error:
            outcomes.append(failure(source, error))
        if run.stopped():
            break
    return outcomes


def _point(text: str) -> tuple[float, float]:
    from sightline.errors import UsageError

    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f"--point {text}: two numbers are expected, as in 640,360") from None
    return x, y


predict.__doc__ = f"{predict.__doc__}\n\n{EXAMPLES}"
