"""`sightline reframe`: a crop in another aspect that follows what people look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sightline.cli._arguments import part_of, prompt_of
from sightline.cli._options import (
    DeviceOption,
    EndOption,
    FpsOption,
    OutOption,
    OverwriteOption,
    StartOption,
    SummaryAsJson,
)
from sightline.cli._threads import wait_passively

if TYPE_CHECKING:
    from sightline.apps.outcome import Outcome

EXAMPLES = """\b
Examples:
  sightline reframe clip.mp4 --aspect 9:16 --out vertical
  sightline reframe clip.mp4 --aspect 9:16 --aspect 1:1 --aspect 4:5 --preview --out social
  sightline reframe interview.mp4 --aspect 9:16 --fit blur --out vertical
  sightline reframe match.mp4 --aspect 9:16 --zoom 1.5 --point 640,360 --out vertical
  sightline reframe "clips/*.mp4" --aspect 9:16 --path-only --json --out paths
"""


def reframe(
    ctx: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Videos, images, folders of numbered frames or of videos, patterns (in quotes), addresses that FFmpeg "
            "opens.",
            show_default=False,
        ),
    ],
    out: OutOption,
    aspect: Annotated[
        list[str],
        typer.Option(
            metavar="W:H",
            help="Width to height as shown; several times, or several with commas, for several films in one pass.",
        ),
    ] = ["9:16"],  # noqa: B006 - Typer copies it
    model: Annotated[
        str, typer.Option(help="What says where to look: a model's name (`sightline models`), a folder or a Hub id.")
    ] = "wcsnet",
    fit: Annotated[
        Literal["crop", "pad", "blur"],
        typer.Option(
            help="Where what matters does not fit: crop leaves some of it out, pad shows a wider part between black "
            "bars, blur on a blurred ground."
        ),
    ] = "crop",
    zoom: Annotated[
        float, typer.Option(metavar="TIMES", help="How much the crop may shrink towards the object, 1 to 8.")
    ] = 1.0,
    cuts: Annotated[
        bool, typer.Option("--cuts/--no-cuts", help="Let the crop jump to another target inside of a shot.")
    ] = True,
    path_only: Annotated[
        bool, typer.Option("--path-only", help="Write no film: the table, the commands and the lists alone.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Write the source with the crop drawn on it, too.")
    ] = False,
    point: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Keep what is here in the first frame, pixels from the top left.")
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="X1,Y1,X2,Y2", help="Keep what is in this box in the first frame, pixels.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep what this mask marks in the first frame."),
    ] = None,
    device: DeviceOption = "auto",
    start: StartOption = "0",
    end: EndOption = None,
    fps: FpsOption = 25.0,
    overwrite: OverwriteOption = False,
    as_json: SummaryAsJson = False,
) -> None:
    """Crop each SOURCE to another aspect so that what people look at stays in view, with a calm camera."""
    wait_passively()
    from sightline import models
    from sightline.apps.reframe.crop import Aspect
    from sightline.apps.reframe.run import Reframe
    from sightline.apps.sources import split_missing
    from sightline.cli._outcomes import place_in, summarise, tell
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.errors import UsageError
    from sightline.nn.engine import engine_notes
    from sightline.video.opening import expand_sources

    prompt = prompt_of(point, box, mask)
    start_s, end_s = part_of(start, end)
    aspects = tuple(Aspect.parse(one) for text in aspect for one in text.split(","))
    given = expand_sources(sources)
    if prompt.kinds and len(given) > 1:
        raise UsageError(f"`{prompt.kinds[0]}`: a place in one video; give one SOURCE")
    there, missing = split_missing(given)
    outcomes: list[Outcome] = []
    if there:
        predictor = models.load(model, device=device)
        predictor.require(*prompt.kinds)
        with until_interrupted() as interrupted, Progress() as progress:
            job = Reframe(
                predictor,
                aspects,
                fit=fit,
                zoom=zoom,
                cuts=cuts,
                films=not path_only,
                preview=preview,
                prompt=prompt,
                start_s=start_s,
                end_s=end_s,
                fps=fps,
                overwrite=overwrite,
                begin=progress.begin,
                step=progress.step,
                stopped=interrupted.is_set,
            )
            outcomes = job.over(there, out)
    outcomes = sorted([*missing.values(), *outcomes], key=place_in(given))
    tell(outcomes, ctx, engine_notes())
    summarise(outcomes, as_json=as_json)
    if there and interrupted.is_set():
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


reframe.__doc__ = f"{reframe.__doc__}\n\n{EXAMPLES}"
