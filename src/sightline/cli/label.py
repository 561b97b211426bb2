"""`sightline label`: masks of videos that were watched or of boxes, pseudo-fixations of videos that are tagged."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sightline.cli._options import DeviceOption, SummaryAsJson
from sightline.cli._threads import wait_passively

if TYPE_CHECKING:
    from sightline.models.base import Predictor
    from sightline.models.stanet.labeller import Labeller

EXAMPLES = """With --method fixations DIR/<video>/ gets masks/00000.png in the colours of DAVIS, overlay.mp4 and
summary.json. A table of fixations has the columns subject, onset_s and duration_s (or onset_ms and duration_ms), x_px
and y_px.

With --method scam it gets saliency/00000.png (pseudo-fixations, 16-bit grey), sound.csv, steps.csv, sheet.png and
summary.json. A table of tags has the columns video and tag. Videos that are done are not done again.

With --method scam-plus it gets the same, from nets that look at each frame's context as well: around it, elsewhere in
its video, and in other videos of its tag.

With --method boxes DIR gets annotations.coco.json, with a mask for each box of which the model is sure enough, and
summary.json. Boxes come as COCO annotations or as GOO's.

\b
Examples:
  sightline label clip.mp4 --gaze fixations.csv --out labels
  sightline label clip.mp4 --gaze imported/ --out labels
  sightline label dataset/ --out labels
  sightline label videos/ --gaze tables/ --out labels
  sightline label videos/ --method scam --tags tags.csv --model runs/scam --out labels
  sightline label videos/ --method scam-plus --tags tags.csv --model runs/scam-plus --out labels
  sightline label images/ --method boxes --boxes annotations.json --model facebook/sam-vit-base --out labels
"""


class Method(StrEnum):
    """What labels are made from."""

    fixations = "fixations"
    scam = "scam"
    scam_plus = "scam-plus"
    boxes = "boxes"


def label(
    ctx: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Videos, folders of frames, or folders of those; of boxes, pictures.",
            show_default=False,
        ),
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
    method: Annotated[
        Method,
        typer.Option(
            help="fixations: masks of what was fixated; scam, scam-plus: pseudo-fixations of tagged videos, frame by "
            "frame or with context; boxes: masks of boxes."
        ),
    ] = Method.fixations,
    tags: Annotated[
        Path | None,
        typer.Option(metavar="TAGS", help="Of scam, scam-plus: a table of videos and tags.", show_default=False),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of boxes: COCO or GOO annotations of the pictures.", show_default=False),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Of boxes: leave out masks of a lower expected IoU.", show_default="0.8; of SAM, 0.7"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A model that turns gaze into masks; of scam, scam-plus, the folder of nets that know the tags; of "
            "boxes, a SAM (Hub id or folder) or U2-Net (.onnx).",
            show_default="egcnet; else none",
        ),
    ] = None,
    device: DeviceOption = "auto",
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop each video after N frames.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace labels that are there already.")] = False,
    as_json: SummaryAsJson = False,
) -> None:
    """Turn the fixations on videos into masks of what was looked at, or the tags of videos into pseudo-fixations."""
    wait_passively()
    from sightline.apps import label as app
    from sightline.apps.predict import Run
    from sightline.apps.watched import find_videos, require_tables
    from sightline.cli._outcomes import report
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.errors import UsageError
    from sightline.results.outputs import choose

    if method is not Method.boxes and (boxes is not None or confidence is not None):
        raise UsageError("`boxes`, `confidence`: they are of `method` boxes")
    if method is Method.boxes:
        if boxes is None or model is None or fixations is not None or tags is not None:
            raise UsageError("`method` boxes: takes annotations (`boxes`) and a `model`, a SAM or U2-Net; nothing else")
        _label_boxes(ctx, sources, out, boxes, model, confidence, device, overwrite=overwrite, as_json=as_json)
        return
    by_tags = method is not Method.fixations
    if by_tags and (tags is None or fixations is not None):
        raise UsageError(f"`method` {method}: takes a table of tags (`tags`) and no fixations")
    if not by_tags and tags is not None:
        raise UsageError("`tags`: they are of `method` scam and scam-plus")
    videos = find_videos(sources)
    if not by_tags:
        require_tables(fixations, videos)
    predictor = _labeller(method, model, device) if by_tags else _from_fixations(model or "egcnet", device)
    with until_interrupted() as interrupted, Progress() as progress:
        run = Run(
            predictor,
            choose(predictor.gives, app.SCAM_KINDS if by_tags else app.KINDS, predictor.name),
            limit=limit,
            overwrite=overwrite,
            begin=progress.begin,
            step=progress.step,
            stopped=interrupted.is_set,
        )
        if by_tags:
            outcomes = app.label_by_tags(run, videos, out, cast(Path, tags), cast("Labeller", predictor))
        else:
            outcomes = app.label(run, videos, out, fixations)
    report(outcomes, ctx, as_json=as_json)
    if interrupted.is_set():
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _label_boxes(
    ctx: typer.Context,
    pictures: list[Path],
    out: Path,
    boxes: Path,
    model: str,
    confidence: float | None,
    device: str,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from sightline.apps.label_boxes import BoxRun
    from sightline.cli._outcomes import report
    from sightline.cli._progress import Progress, until_interrupted
    from sightline.models.weights import device_of
    from sightline.training.labels.boxes import box_teacher

    teacher = box_teacher(model, device_of(device))
    with until_interrupted() as interrupted, Progress() as progress:
        run = BoxRun(
            teacher,
            model,
            boxes,
            confidence,
            overwrite=overwrite,
            begin=progress.begin,
            step=progress.step,
            stopped=interrupted.is_set,
        )
        outcomes = run.over(pictures, out)
    report(outcomes, ctx, as_json=as_json)
    if interrupted.is_set():
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _from_fixations(model: str, device: str) -> Predictor:
    from sightline import models

    predictor = models.load(model, device=device)
    predictor.require("fixations")
    return predictor


def _labeller(method: Method, model: str | None, device: str) -> Labeller:
    from sightline.errors import UsageError
    from sightline.models import weights
    from sightline.models.stanet.labeller import Labeller
    from sightline.models.stanet_plus.labeller import PlusLabeller

    kind: type[Labeller] = PlusLabeller if method is Method.scam_plus else Labeller
    if model is None:
        recipe, stage = ("stanet-plus", "scam-plus") if method is Method.scam_plus else ("stanet", "fine")
        raise UsageError(
            f"`model`: {method} needs nets that know your tags; train some with `sightline train {recipe}`, in its "
            f"folder {stage}"
        )
    return kind(weights.find_weights(Path(model) if Path(model).is_dir() else model), weights.device_of(device))


label.__doc__ = f"{label.__doc__}\n\n{EXAMPLES}"
