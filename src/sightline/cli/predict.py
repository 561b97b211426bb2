"""`sightline predict`: saliency, masks and hotspots of videos, images and frame folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightline.cli._arguments import heads_of, names_of, part_of, prompt_of
from sightline.cli._options import (
    DeviceOption,
    EndOption,
    EveryOption,
    FpsOption,
    LimitOption,
    ModelOption,
    OutOption,
    OverwriteOption,
    StartOption,
    SummaryAsJson,
)
from sightline.cli._threads import wait_passively

if TYPE_CHECKING:
    pass

EXAMPLES = """\b
Examples:
  sightline predict clip.mp4 --out results
  sightline predict clip.mp4 photo.jpg frames/ --out results --save masks
  sightline predict photos/ --each --model egnet --out maps
  sightline predict clip.mp4 --point 640,360 --not 700,420 --at 2.5s --out results
  sightline predict clip.mp4 --object "point=320,200" --object "box=10,10,90,80 at=1.5" --out results
  sightline predict clip.mp4 --model egcnet --gaze fixations.csv --out results
  sightline predict photo.jpg --model samgop --head 410,90,470,165 --out results
  sightline predict "clips/*.mp4" https://example.org/clip.mp4 --out results
  sightline predict film.mkv --start 1:30 --end 2:00 --every 5 --out results
  sightline predict frames/ --fps 30 --out results
  sightline predict clip.mp4 --model stanet-plus --two-pass --out results
  sightline predict camera:0 --limit 300 --save masks --out results
  ffmpeg -i clip.mxf -f matroska - | sightline predict - --out results
  sightline predict clip.mp4 --out results --limit 100 --json
"""


def predict(
    ctx: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Videos, images, folders of numbered frames or of videos, patterns (in quotes), addresses that FFmpeg "
            "opens (https://, rtsp://), camera:0, or - for a video on the standard input.",
            show_default=False,
        ),
    ],
    out: OutOption,
    model: ModelOption = "wcsnet",
    save: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="What to write, separated by commas: `sightline models` says what each model gives; overlay is for "
            "all; coco (annotations.coco.json) only where it is named.",
            show_default="all that the model gives",
        ),
    ] = None,
    fixations: Annotated[
        Path | None,
        typer.Option(
            "--gaze",
            metavar="FIXATIONS",
            help="Where viewers looked: a table, an import, or a folder of tables (see `label`).",
        ),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y",
            help="Follow what is here, in pixels from the top left corner; several times for several parts of it.",
        ),
    ] = None,
    not_point: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="X,Y", help="What is here is not of it; several times too."),
    ] = None,
    box: Annotated[str | None, typer.Option(metavar="X1,Y1,X2,Y2", help="Follow what is in this box, pixels.")] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Follow what this mask marks: an object for each number of a palette, or black and white.",
        ),
    ] = None,
    at_s: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="In the frame of this time (2.5s, 1:30) these places are; before it nothing is followed.",
            show_default="the first frame",
        ),
    ] = None,
    objects: Annotated[
        list[str] | None,
        typer.Option(
            "--object",
            metavar="CUE",
            help='Follow one more object, as "point=320,200 at=1.5": point=, not=, box=, mask= and at= are as the '
            "options. number=N says more of object N: at a later time it corrects it.",
        ),
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X1,Y1,X2,Y2",
            help="A person's head, in every frame, pixels; once for each person.",
            show_default=False,
        ),
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="The people's heads: x1_px, y1_px, x2_px, y2_px, if need be frame and source; or a people.csv.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    engine: Annotated[
        str,
        typer.Option(
            help="auto, torch, onnxruntime, or openvino: of bfloat16 on CPUs that have it, faster and less exact."
        ),
    ] = "auto",
    each: Annotated[
        bool, typer.Option("--each", help="Unrelated images: DIR/saliency/<name>.png and so on, one for each image.")
    ] = False,
    limit: LimitOption = None,
    start: StartOption = "0",
    end: EndOption = None,
    every: EveryOption = 1,
    fps: FpsOption = 25.0,
    two_pass: Annotated[
        bool,
        typer.Option(
            "--two-pass",
            help="Read each source once before, so that the model knows all of it at the first frame; of stanet-plus.",
        ),
    ] = False,
    overwrite: OverwriteOption = False,
    as_json: SummaryAsJson = False,
) -> None:
    """Say where people look, and at what, in each SOURCE: maps, masks, hotspots and an overlay video."""
    wait_passively()
    from sightline import models
    from sightline.apps.each import run_each
    from sightline.apps.predict import Run, given_by
    from sightline.apps.sources import split_missing
    from sightline.apps.watched import find_table, require_tables
    from sightline.cli._outcomes import place_in, summarise, tell
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.errors import UsageError
    from sightline.nn.engine import engine_notes, prefer
    from sightline.results.outputs import choose
    from sightline.video.opening import expand_sources

    if head and heads is not None:
        raise UsageError("`head` and `heads`: give one of them, not both")
    prompt = prompt_of(point, box, mask, not_point, at_s, objects, head)
    start_s, end_s = part_of(start, end)
    if each and (start_s or end_s or every > 1):
        raise UsageError("`start`, `end`, `every`: a part of a video, not of unrelated images; leave out `each`")
    if each and two_pass:
        raise UsageError("`two_pass`: of a video, not of unrelated images; leave out `each`")
    given = expand_sources(sources, folders=not each)
    if fixations is not None:
        if each:
            raise UsageError("`fixations`: of a video, not of unrelated images; leave out `each`")
        require_tables(fixations, [source for source in given if isinstance(source, Path)])
    if prompt.kinds and (each or len(given) > 1):
        raise UsageError(f"`{prompt.kinds[0]}`: a place in one video; give one SOURCE, without `each`")
    table = heads_of(heads, 2 if each else len(given))
    there, missing = split_missing(given)
    tell(missing.values(), ctx)
    if not there:
        summarise(missing.values(), as_json=as_json)
        raise typer.Exit(1)
    prefer(engine)
    predictor = models.load(model, device=device)
    tables = {"fixations": fixations, "heads": heads}
    if two_pass:
        predictor.require_first_pass()
    predictor.require(*prompt.kinds, *(kind for kind, file in tables.items() if file is not None))
    wanted = names_of(save)
    kinds = choose(given_by(predictor, prompt), wanted, predictor.name)
    with until_interrupted() as interrupted, Progress() as progress:
        run = Run(
            predictor,
            kinds,
            prompt=prompt,
            heads=table,
            limit=limit,
            start_s=start_s,
            end_s=end_s,
            every=every,
            fps=fps,
            two_pass=two_pass,
            overwrite=overwrite,
            begin=progress.begin,
            step=progress.step,
            stopped=interrupted.is_set,
        )
        if each:
            outcomes = run_each(run, there, out)
        else:
            outcomes = run.over(there, out, lambda source: None if fixations is None else find_table(source, fixations))
    tell(outcomes, ctx, engine_notes())
    outcomes = sorted([*missing.values(), *outcomes], key=place_in(given))
    summarise(outcomes, as_json=as_json)
    if interrupted.is_set():
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


predict.__doc__ = f"{predict.__doc__}\n\n{EXAMPLES}"
