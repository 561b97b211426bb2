"""`sightline data`: the demo clip, composed videos, and what a data set's folder holds or lacks."""

from __future__ import annotations

import contextlib
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sightline.data.families import Sample

EXAMPLES = """\b
Examples:
  sightline data list
  sightline data check davis2016 ~/data/DAVIS --split val
  sightline data demo demo.mp4
"""
app = typer.Typer(
    name="data",
    help="Check data sets; render the demo clip; compose videos with known masks.",
    no_args_is_help=True,
    epilog=EXAMPLES,
)


@app.command()
def demo(
    path: Annotated[Path, typer.Argument(help="The MP4 file to write.", dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as JSON.")] = False,
) -> None:
    """Render the demo clip: a short synthetic scene with sound, the same on every machine.

    Example:

      sightline data demo demo.mp4
    """
    from rich.console import Console

    from sightline.data.synthetic import render_demo

    with Console(stderr=True).status(f"Rendering {path}"):
        render_demo(path)
    if as_json:
        import json

        typer.echo(json.dumps({"out": str(path)}, indent=2))
    else:
        typer.echo(path)


@app.command()
def composites(
    backgrounds: Annotated[Path, typer.Option(metavar="DIR", help="A folder of photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The new folder.")],
    objects: Annotated[
        Path | None,
        typer.Option(metavar="ROOT", help="Photographs with masks: DAVIS, BSDS500, <id>.jpg with <id>.png."),
    ] = None,
    sounds: Annotated[
        Path | None, typer.Option(metavar="ROOT", help="Recordings, a folder a class: videos get sound.")
    ] = None,
    faces: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead: videos with <video>_faces.csv, for talking faces.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many videos.")] = 12,
    frames: Annotated[int | None, typer.Option(min=2, help="Frames of each; without sound, 48.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same videos.")] = 0,
    match: Annotated[str, typer.Option(metavar="GLOB", help="Only pictures whose path below ROOT is like this.")] = "*",
    sounds_match: Annotated[str, typer.Option(metavar="GLOB", help="Only sounds whose path is like this.")] = "*",
    pair: Annotated[
        list[str] | None, typer.Option(metavar="TAG=CLASS", help="The sound of a tag, where the names do not tell.")
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(metavar="DIR", help="DeepLab that names segments; the shipped one if left out.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(metavar="VIDEO", help="Of --faces: a video that gives no crop.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Compose videos with known masks: real cut-outs that move over real photographs, with real sounds or without.

    Without --sounds the folder has the layout of DAVIS. Of four videos the second has a distractor, the third a pillar
    that hides the target, in the fourth it leaves the frame and comes back.

    With --sounds, videos of 4 to 6 s with tags.csv, truth.csv and masks. Of ten videos three show one object that
    sounds, three a silent distractor beside it, two a distractor that moves while the source stands still, one has its
    sound off screen and one background noise alone. With --faces two faces of which one speaks.

    Examples:

      sightline data composites --objects ~/data/bsds500 --backgrounds ~/data/photographs --count 12 --out composites

      sightline data composites --objects ~/data/bsds500 --sounds ~/data/esc10 --backgrounds ~/data/photographs
      --count 100 --sounds-match "*/[123]-*" --match "train/*" --out train

      sightline data composites --faces ~/data/multiface --backgrounds ~/data/photographs --leave-out 011 --out talking
    """
    from sightline.errors import UsageError

    if (objects is None) == (faces is None):
        raise UsageError("`objects`: photographs with masks are needed; for talking faces give `faces` instead")
    if frames is not None and (sounds is not None or faces is not None):
        raise UsageError("`frames`: videos with sound last 4 to 6 s; leave it out")
    if faces is not None:
        from sightline.data.talking import write_talking

        if sounds is not None:
            raise UsageError("`sounds`: talking faces have their own; leave it out")
        with _notes():
            names = write_talking(faces, backgrounds, count, out, seed, leave_out=leave_out or ())
    elif sounds is not None and objects is not None:
        from sightline.apps.compose import LateNamer, pairs
        from sightline.data.audiovisual import write

        namer = LateNamer(classifier)
        with _notes():
            names = write(
                objects,
                sounds,
                backgrounds,
                count,
                out,
                seed,
                namer=namer,
                shows=namer.shows,
                match=match,
                sounds_match=sounds_match,
                pairs=pairs(pair or ()),
            )
    else:
        from sightline.data.composites import write as write_silent

        assert objects is not None
        names = write_silent(objects, backgrounds, count, out, seed, 48 if frames is None else frames)
    silent = sounds is None and faces is None
    paths = [str(out / "JPEGImages" / "480p" / name if silent else out / "videos" / f"{name}.mp4") for name in names]
    if as_json:
        import json

        typer.echo(json.dumps({"out": str(out), "videos": paths}, indent=2))
        return
    for path in paths:
        typer.echo(path)


@app.command()
def cutouts(
    photographs: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The new folder.")],
    match: Annotated[str, typer.Option(metavar="GLOB", help="Only pictures whose path below DIR is like this.")] = "*",
    tag: Annotated[list[str] | None, typer.Option(help="Only objects of this tag; may be given several times.")] = None,
    classifier: Annotated[
        str | None, typer.Option(metavar="DIR", help="DeepLab that finds objects; the shipped one if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Find the whole objects of photographs: a picture and a mask each, in a folder a tag, for `composites --objects`.

    Look at them: what was named wrongly can be deleted.

    Example:

      sightline data cutouts ~/data/photographs ~/data/bsds500 --tag dog --tag bird --out objects
    """
    from sightline.apps.compose import LateNamer
    from sightline.apps.cutouts import write_cutouts

    with _notes():
        counts = write_cutouts(photographs, out, LateNamer(classifier).objects, match, tag or ())
    if as_json:
        import json

        typer.echo(json.dumps({"out": str(out), "objects": dict(sorted(counts.items()))}, indent=2))
        return
    typer.echo(f"{out}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False) -> None:
    """List the data sets that can be read: name, what is labelled, splits, and the files that are expected.

    Example:

      sightline data list
    """
    from sightline.data.families import FAMILIES

    if as_json:
        import json

        rows = [
            {
                "name": known.name,
                "title": known.title,
                "samples": known.sample.__name__,
                "has": known.has,
                "splits": known.splits,
                "layout": known.layout,
            }
            for known in FAMILIES.values()
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for known in FAMILIES.values():
        splits = f"; splits {', '.join(known.splits)}" if known.splits else ""
        typer.echo(f"{known.name}: {known.title}; {', '.join(known.has)}{splits}\n    {known.layout}")


@app.command()
def check(
    family: Annotated[str, typer.Argument(help="Its name: see `sightline data list`.")],
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

      sightline data check fixations ~/data/mit1003 --json
    """
    from sightline.data import davis
    from sightline.data.families import family as family_of
    from sightline.errors import UsageError
    from sightline.progress import track

    known = family_of(family)
    if fixations is None:
        with _notes():
            samples = known.read(root, split)
    elif family == "davis2016":
        known.check_split(split)
        samples = [*davis.sequences(root, split, fixations=fixations)]
    else:
        raise UsageError(f"`fixations`: {family} has its fixations, if any, in its own folder; leave the option out")
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


@contextlib.contextmanager
def _notes() -> Iterator[None]:
    """Show warnings as lines on stderr, each once."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: typer.secho(f"note: {message}", fg="yellow", err=True)
        yield


def _faults(sample: Sample) -> Iterator[str]:
    """Open every file of a sample; what is wrong with each that does not open."""
    from sightline.errors import DataError, SourceError

    for load in _openers(sample):
        try:
            load()
        except (DataError, SourceError) as error:
            yield str(error)


def _openers(sample: Sample) -> Iterator[Callable[[], object]]:
    """What opens each file of a sample."""
    from sightline.data.observed import Observed
    from sightline.data.samples import LookingImage, VideoSequence
    from sightline.data.tagged import TaggedVideo

    if isinstance(sample, TaggedVideo):
        yield partial(_open_video, sample.path)
    elif isinstance(sample, VideoSequence):
        for index in range(len(sample)):
            yield from (partial(opener, index) for opener in (sample.load, sample.fixations, sample.scribble))
    elif isinstance(sample, Observed):
        for index in range(len(sample.frames)):
            yield from (partial(opener, index) for opener in (sample.at, sample.density))
    else:
        yield sample.load
        if isinstance(sample, LookingImage):
            yield sample.masks


def _open_video(path: Path) -> None:
    """Decode the first frame."""
    from sightline.video import open_source

    with open_source(path) as source:
        next(iter(source), None)


def _summary(samples: Sequence[Sample]) -> dict[str, int]:
    """Counts of what the samples hold, by noun."""
    from sightline.data.observed import Observed
    from sightline.data.samples import FixationImage, ImageMask, LookingImage, VideoSequence
    from sightline.data.tagged import TaggedVideo

    tagged = [sample for sample in samples if isinstance(sample, TaggedVideo)]
    videos = [sample for sample in samples if isinstance(sample, VideoSequence)]
    objects = [sample for sample in samples if isinstance(sample, ImageMask)]
    viewed = [sample for sample in samples if isinstance(sample, FixationImage)]
    stimuli = [sample for sample in samples if isinstance(sample, Observed)]
    scenes = [sample for sample in samples if isinstance(sample, LookingImage)]
    people = [person for scene in scenes for person in scene.people]
    counts = {
        "videos": len({one.path for one in tagged}),
        "tags": len({tag for one in tagged for tag in one.tags}),
        "sequences": len(videos),
        "stimuli": len(stimuli),
        "pictures": len(scenes),
        "people": len(people),
        "gaze targets": sum(person.target is not None for person in people),
        "frames": sum(map(len, videos)) + sum(len(one.frames) for one in stimuli),
        "labelled frames": sum(mask is not None for video in videos for mask in video.masks),
        "frames with fixations": sum(path is not None for video in videos for path in video.fixation_maps),
        "frames with scribbles": sum(strokes is not None for video in videos for strokes in video.scribbles),
        "photographs": len({item.image_path for item in objects} | {image.image_path for image in viewed}),
        "objects": len(objects) + sum(0 if scene.boxes is None else len(scene.boxes) for scene in scenes),
        "fixations": sum(len(image.fixations) for image in viewed) + sum(len(one.all()) for one in stimuli),
    }
    return {noun: count for noun, count in counts.items() if count}
