"""`sightline batch`: many sources on all cores of a machine, or on a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sightline.cli._arguments import names_of, part_of
from sightline.cli._errors import told
from sightline.cli._options import (
    DeviceOption,
    EndOption,
    EveryOption,
    FpsOption,
    LimitOption,
    ModelOption,
    StartOption,
    SummaryAsJson,
)
from sightline.cli._threads import wait_passively

EXAMPLES = """\b
Examples:
  sightline batch 'videos/*.mp4' --out results
  sightline batch videos/ --model stanet --save saliency --workers 8 --out maps
  sightline batch --list videos.txt --format parquet --out table
  sightline batch 's3://films/2026/*.mp4' --ray auto --cpus 2 --gpus 0.25 --out s3://results/2026
  sightline batch 'hf://datasets/user/clips/*.mp4' --ray local --workers 4 --out results
"""


def batch(
    ctx: typer.Context,
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="DIR", help="A folder or an address (s3://, gs://, hdfs://, hf://)."),
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Videos, images, folders of videos, patterns (in quotes), addresses (s3://, gs://, hdfs://, hf://).",
            show_default=False,
        ),
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="FILE", help="A text file with one SOURCE a line; # begins a comment."),
    ] = None,
    model: ModelOption = "wcsnet",
    form: Annotated[
        Literal["folders", "parquet"],
        typer.Option(
            "--format",
            help="folders: DIR/<name>/ as `predict` writes it. parquet: DIR/results.parquet, a row a frame, with masks "
            "as COCO RLE.",
        ),
    ] = "folders",
    save: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="What to write into the folders, separated by commas.",
            show_default="all that the model gives",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Workers, with a model each.", show_default="one for each --cpus"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster: auto, HOST:PORT, or local to start one here.",
            show_default="processes of this machine",
        ),
    ] = None,
    cpus: Annotated[float, typer.Option(metavar="N", help="CPUs for each worker: its threads.")] = 1,
    gpus: Annotated[float, typer.Option(metavar="N", help="GPUs for each worker of a cluster, or a part of one.")] = 0,
    device: DeviceOption = "auto",
    engine: Annotated[str, typer.Option(help="As of `predict`: auto, torch, onnxruntime, openvino.")] = "auto",
    limit: LimitOption = None,
    start: StartOption = "0",
    end: EndOption = None,
    every: EveryOption = 1,
    fps: FpsOption = 25.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Do again what is done already.")] = False,
    as_json: SummaryAsJson = False,
) -> None:
    """Do many SOURCES on all cores of this machine or on a cluster. A batch that was stopped goes on where it was."""
    wait_passively()
    from sightline.apps.batch import Batch, Job
    from sightline.apps.batch.run import FAILURES
    from sightline.apps.batch.store import is_address, join
    from sightline.apps.outcome import Outcome
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.errors import UsageError

    start_s, end_s = part_of(start, end)
    if save is not None and form == "parquet":
        raise UsageError("`save`: of folders; a parquet table holds all but the maps")
    job = Job(
        out if is_address(out) else str(Path(out).absolute()),
        model=model,
        device=device,
        engine=engine,
        form=form,
        save=names_of(save),
        limit=limit,
        start_s=start_s,
        end_s=end_s,
        every=every,
        fps=fps,
        overwrite=overwrite,
        threads=max(1, int(cpus)),
    )
    with until_interrupted() as interrupted, Progress("sources") as progress:

        def step(outcome: Outcome) -> None:
            if outcome.error is not None:
                typer.secho(f"sightline: {told(outcome.error, ctx.command)}", fg="red", err=True)
            progress.step()

        report = Batch(
            job,
            workers=workers,
            cpus=cpus,
            gpus=gpus,
            ray=ray,
            begin=lambda count: progress.begin("batch", count),
            step=step,
            stopped=interrupted.is_set,
        ).over(sources or (), lists or ())
    if as_json:
        import json

        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        typer.echo(
            f"{report.sources} sources: {report.done} done, {report.skipped} done before, {report.failed} failed, "
            f"{report.stopped} left"
        )
        typer.echo(
            f"{report.frames} frames in {report.seconds:.1f} s by {report.workers} workers: "
            f"{report.frames_per_s:.1f} frames/s, {3600 * report.sources_per_s:.0f} sources an hour"
        )
        if report.failed:
            typer.echo(f"the failures are in {join(out, FAILURES)}; the same command tries them again")
    if interrupted.is_set():
        raise typer.Exit(130)
    if report.failed:
        raise typer.Exit(1)


batch.__doc__ = f"{batch.__doc__}\n\n{EXAMPLES}"
