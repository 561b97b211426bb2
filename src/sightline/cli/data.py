"""`sightline data`: the demo clip, and what a data set's folder holds or lacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sightline.data.samples import FixationImage, ImageMask, VideoSequence

    Sample = ImageMask | VideoSequence | FixationImage

app = typer.Typer(name="data", help="Check data sets; render the demo clip.", no_args_is_help=True)

# How each family's reader calls its splits; () where a folder is read as it is.
SPLITS = {
    "bsds500": ("train", "val", "test"),
    "davis2016": ("train", "val", "sequences"),
    "davsod": (),
    "duts": ("TR", "TE"),
    "fbms": ("train", "test"),
    "fixations": (),
    "s-davis": (),
    "s-davsod": (),
    "salicon": ("train", "val"),
    "segtrackv2": (),
    "visal": (),
    "voc": ("train", "val", "trainval"),
    "vos": (),
    "youtube-objects": (),
}


@app.command()
def demo(path: Annotated[Path, typer.Argument(help="The MP4 file to write.", dir_okay=False)]) -> None:
    """Render the demo clip: a short synthetic scene with sound, the same on every machine.

    Example:

      sightline data demo demo.mp4
    """
    from rich.console import Console

    from sightline.data.synthetic import render_demo

    with Console(stderr=True).status(f"Rendering {path}"):
        render_demo(path)
    typer.echo(path)


@app.command()
def check(
    family: Annotated[str, typer.Argument(help=f"One of {', '.join(SPLITS)}.")],
    root: Annotated[Path, typer.Argument(help="The data set's folder.")],
    split: Annotated[str | None, typer.Option(help="Only this split, as the data set names it.")] = None,
    fixations: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Of davis2016: the fixation maps of AGS, a folder a sequence.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Open every file of a data set; say what the folder holds, and name each file that is missing or broken.

    Examples:

      sightline data check davis2016 ~/data/DAVIS --split val

      sightline data check davis2016 ~/data/DAVIS --fixations ~/data/AGS/DAVIS16

      sightline data check fixations ../shared/data/image_fixations/mit1003
    """
    from sightline.errors import UsageError

    if family not in SPLITS:
        raise UsageError(f"unknown data set {family!r}; one of {', '.join(SPLITS)} is expected")
    if split is not None and split not in SPLITS[family]:
        known = ", ".join(SPLITS[family]) or "none: leave --split out"
        raise UsageError(f"{family} has no split {split!r}; known splits: {known}")
    if fixations is not None and family != "davis2016":
        raise UsageError(f"--fixations: {family} has its fixations, if any, in its own folder; leave the option out")

    from sightline.progress import track

    samples = _read(family, root, split, fixations)
    faults = [fault for sample in track(samples, f"Opening {family}") for fault in _faults(sample)]
    held = _summary(samples)
    if as_json:
        import json

        typer.echo(json.dumps({"family": family, "root": str(root), "holds": held, "faults": faults}, indent=2))
    else:
        typer.echo(f"{root}: " + ", ".join(f"{count} {noun}" for noun, count in held.items()))
        for fault in faults:
            typer.secho(fault, fg="red", err=True)
    if faults:
        raise typer.Exit(1)


def _read(family: str, root: Path, split: str | None, fixations: Path | None) -> Sequence[Sample]:
    from sightline.data import (
        bsds,
        davis,
        duts,
        fbms,
        image_fixations,
        salicon,
        segtrack,
        visal,
        voc,
        vsod,
        youtube_objects,
    )

    match family:
        case "bsds500":
            return bsds.segments(root, [split] if split else bsds.SPLITS)
        case "davis2016":
            return davis.sequences(root, split, fixations=fixations)
        case "duts":
            return duts.pairs(root, split or "TR")
        case "fbms":
            return fbms.sequences(root, split)
        case "fixations":
            return image_fixations.images(root)
        case "salicon":
            return salicon.images(root, split or "train")
        case "segtrackv2":
            return segtrack.sequences(root, merged=True)
        case "visal":
            return visal.sequences(root)
        case "voc":
            return voc.objects(root, split or "trainval")
        case "youtube-objects":
            return youtube_objects.sequences(root)
        case _:
            return vsod.sequences(root, needs=vsod.NEEDS[family])


def _faults(sample: Sample) -> Iterator[str]:
    """Open every file of a sample; what is wrong with each that does not open."""
    from sightline.data.samples import VideoSequence
    from sightline.errors import DataError

    loads: list[Callable[[], object]] = [sample.load] if not isinstance(sample, VideoSequence) else []
    if isinstance(sample, VideoSequence):
        openers = (sample.load, sample.fixations, sample.scribble)
        loads = [partial(opener, index) for index in range(len(sample)) for opener in openers]
    for load in loads:
        try:
            load()
        except DataError as error:
            yield str(error)


def _summary(samples: Sequence[Sample]) -> dict[str, int]:
    """Counts of what the samples hold, by noun."""
    from sightline.data.samples import FixationImage, ImageMask, VideoSequence

    videos = [sample for sample in samples if isinstance(sample, VideoSequence)]
    objects = [sample for sample in samples if isinstance(sample, ImageMask)]
    viewed = [sample for sample in samples if isinstance(sample, FixationImage)]
    counts = {
        "sequences": len(videos),
        "frames": sum(len(video) for video in videos),
        "labelled frames": sum(mask is not None for video in videos for mask in video.masks),
        "frames with fixations": sum(path is not None for video in videos for path in video.fixation_maps),
        "frames with scribbles": sum(strokes is not None for video in videos for strokes in video.scribbles),
        "photographs": len({item.image_path for item in objects} | {image.image_path for image in viewed}),
        "objects": len(objects),
        "fixations": sum(len(image.fixations) for image in viewed),
    }
    return {noun: count for noun, count in counts.items() if count}
