"""`sightline gaze`: eye trackers' recordings to fixations, maps and pictures in the stimulus's own time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sightline.gaze import AlignOptions, ReadOptions
    from sightline.gaze.inspecting import Inspection

IMPORT_EXAMPLES = """\b
Examples:
  sightline gaze import P*.txt --stimulus 002.AVI --screen 1440x900 --screen-cm 40.8x25.5 --distance-cm 68 --out gaze002
  sightline gaze import sub01.asc --stimulus film.mp4 --frame-message auto --out film
  sightline gaze import export.tsv --stimulus photo.jpg --events ivt --velocity 30 --out photo
  sightline gaze import neon/gaze.csv --stimulus neon/scene.mp4 --out walk
  sightline gaze import P*.asc --stimuli pictures/ --out study
  sightline gaze import P*.asc --stimuli pictures/ --trial-message 'showing (.+)' --out study
"""
EXAMPLES = """\b
Examples:
  sightline gaze inspect P01.asc
  sightline gaze import P*.asc --stimulus film.mp4 --out film
  sightline gaze plot film
  sightline gaze map film
"""
INSPECT_EXAMPLES = """\b
Examples:
  sightline gaze inspect P*.asc
  sightline gaze inspect table.csv --format csv --column time=t --column x=gx --column y=gy
  sightline gaze inspect recording.tsv --json
"""
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
  sightline gaze export study --to bids --out dataset
  sightline gaze export gaze002 --to mne --out annotations
"""
CEILING_EXAMPLES = """\b
Examples:
  sightline gaze ceiling film
  sightline gaze ceiling osie --sigma 24px --limit 50 --json
"""
app = typer.Typer(
    name="gaze",
    help="Eye trackers' recordings to fixations, maps and pictures in the stimulus's own pixels and time.",
    no_args_is_help=True,
    epilog=EXAMPLES,
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings, one or more.", show_default=False)]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `gaze import` made.", show_default=False)]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE", help="A folder that `gaze import` made, or a published data set's.", show_default=False
    ),
]
ImagesOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The pictures, for .mat and .txt sources.", show_default=False)
]
FormatOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The files' format.", show_default="recognised from the file")
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME=COLUMN", help="A column of a --format csv table, as in time=t; repeat it."),
]
CoordinatesOption = Annotated[
    str | None,
    typer.Option(
        "--coordinates",
        help="What positions in a csv table refer to: screen or stimulus.",
        show_default="screen; stimulus for fixations",
    ),
]
TimeUnitOption = Annotated[
    str | None,
    typer.Option(metavar="UNIT", help="Of the times in a csv table: s, ms, us or ns.", show_default="found out"),
]
LenientOption = Annotated[
    bool, typer.Option("--lenient", help="Use recordings that are cut short or have no calibration on record.")
]
SigmaOption = Annotated[
    str, typer.Option(metavar="S", help="Standard deviation of the maps' Gaussian: 1deg, or pixels as in 30px.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("import", epilog=IMPORT_EXAMPLES)
def import_(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the results go.")],
    stimulus: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The video or image that was watched.", show_default=False)
    ] = None,
    stimuli: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="All that was shown, for experiments of several trials a viewer.", show_default=False
        ),
    ] = None,
    format: FormatOption = None,
    screen_px: Annotated[
        str | None, typer.Option("--screen", metavar="WxH", help="Screen in pixels.", show_default="what the file says")
    ] = None,
    screen_cm: Annotated[str | None, typer.Option(metavar="WxH", help="Screen in centimetres.")] = None,
    distance_cm: Annotated[float | None, typer.Option(metavar="CM", help="From the eye to the screen.")] = None,
    placement: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Stimulus on the screen: fit (as large as it goes), native, or X,Y,WIDTH,HEIGHT in screen pixels.",
            show_default="what the file says, else fit",
        ),
    ] = None,
    eye: Annotated[str, typer.Option(help="auto, left, right, mean, or mono (refuses binocular files).")] = "auto",
    trial: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which trial of each file.", show_default="the only one")
    ] = None,
    trial_message: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Messages whose group names the trials, as 'showing (.+)'.",
            show_default="IMGLOAD, TRIAL_VAR, TRIALID",
        ),
    ] = None,
    offset_s: Annotated[
        float | None, typer.Option("--offset", metavar="S", help="The video began S seconds after the first sample.")
    ] = None,
    start_message: Annotated[
        str | None, typer.Option(metavar="REGEX", help="The video began with this message.")
    ] = None,
    frame_message: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Messages that number the frames; auto: 'frame 12', '!V VFRAME 12'."),
    ] = None,
    first_frame: Annotated[
        int | None, typer.Option(metavar="N", help="The number that messages give the first frame: 0 or 1.")
    ] = None,
    events: Annotated[str, typer.Option(help="auto, tracker, ivt or idt.")] = "auto",
    velocity_deg_s: Annotated[float, typer.Option("--velocity", metavar="DEG/S", help="Threshold of I-VT.")] = 35.0,
    dispersion_deg: Annotated[float, typer.Option("--dispersion", metavar="DEG", help="Threshold of I-DT.")] = 1.0,
    min_duration_s: Annotated[
        float, typer.Option("--min-duration", metavar="MS", help="Shorter fixations are dropped.")
    ] = 60.0,
    drop_onset: Annotated[
        bool, typer.Option("--drop-onset", help="Drop the fixation that was there when the stimulus appeared.")
    ] = False,
    focal_px: Annotated[
        float | None, typer.Option(metavar="PX", help="Focal length of a scene camera, for degrees.")
    ] = None,
    rate_hz: Annotated[
        float | None, typer.Option("--rate", metavar="HZ", help="Samples a second, for files without times.")
    ] = None,
    columns: ColumnOption = None,
    space: CoordinatesOption = None,
    time_unit: TimeUnitOption = None,
    lenient: LenientOption = False,
    maps: Annotated[bool, typer.Option("--maps", help="Draw the maps too, as `gaze map` does.")] = False,
    sigma: SigmaOption = "1deg",
    as_json: Json = False,
) -> None:
    """Turn recordings into fixations in the pixels and the time of the stimulus, or of each one of an experiment."""
    import json

    from sightline.apps.gaze import write_maps
    from sightline.errors import UsageError
    from sightline.gaze import AlignOptions, EventOptions, ImportFolder, ReadOptions, Setup, import_gaze
    from sightline.gaze.maps import Sigma

    px = _size(screen_px, "--screen") if screen_px else None
    if maps:
        Sigma.parse(sigma)
    options = AlignOptions(
        eye=eye,
        setup=Setup(
            screen_px=(int(px[0]), int(px[1])) if px else None,
            screen_cm=_size(screen_cm, "--screen-cm") if screen_cm else None,
            distance_cm=distance_cm,
            placement=placement,
            rate_hz=rate_hz,
            focal_px=focal_px,
        ),
        events=EventOptions(events, velocity_deg_s, dispersion_deg, min_duration_s / 1000),  # type: ignore[arg-type]
        offset_s=offset_s,
        start_message=start_message,
        frame_message=frame_message,
        first_frame=first_frame,
        drop_onset=drop_onset,
    )
    reading = ReadOptions(
        lenient=lenient,
        columns=_columns(columns),
        space=space,  # type: ignore[arg-type]
        time_unit=time_unit,
        trial_message=trial_message,
    )
    if (stimulus is None) == (stimuli is None):
        raise UsageError("give either `stimulus`, what was watched, or `stimuli`, the folder of all that was shown")
    if stimuli is not None:
        if trial is not None:
            raise UsageError("`trial` chooses one trial a file, but `stimuli` imports all of them; give one of the two")
        _import_study(files, stimuli, out, format, reading, options, sigma if maps else None, as_json)
        return
    if stimulus is None:
        return
    made = import_gaze(files, stimulus, out, format=format, trial=trial, reading=reading, options=options)
    if maps:
        write_maps(made, sigma=sigma)
    folder = ImportFolder.open(made)
    if as_json:
        typer.echo(json.dumps(folder.provenance, indent=2))
        raise typer.Exit(int(bool(folder.failed)))
    fixations = folder.fixations()
    subjects = fixations["subject"].n_unique()
    typer.echo(
        f"{out}: {len(fixations)} fixation{'s' * (len(fixations) != 1)} of {subjects} subject{'s' * (subjects != 1)}"
    )
    _print_quality(folder.quality())
    for warning, who in _by_warning(folder.quality()).items():
        typer.echo(f"{', '.join(who)}: {_told(warning)}", err=True)
    for reason in folder.failed.values():
        typer.echo(f"not imported: {_told(reason)}", err=True)
    raise typer.Exit(int(bool(folder.failed)))


def _import_study(
    files: list[Path],
    stimuli: Path,
    out: Path,
    format: str | None,
    reading: ReadOptions,
    options: AlignOptions,
    sigma: str | None,
    as_json: bool,
) -> None:
    """A whole experiment; sigma: of the maps to draw, None for none."""
    import json
    from dataclasses import asdict

    from sightline.gaze import import_study

    made = import_study(files, stimuli, out, format=format, reading=reading, options=options)
    if sigma is not None:
        from sightline.apps.gaze import write_maps

        for name in made.stimuli:
            write_maps(out / name, sigma=sigma)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "trials": [asdict(each) for each in made.trials]}, indent=2))
        raise typer.Exit(int("failed" in made.counts))
    states = ", ".join(f"{count} {state}" for state, count in made.counts.items())
    viewers = {each.subject for each in made.trials}
    typer.echo(f"{out}: {len(made.stimuli)} stimuli, {len(viewers)} viewers, trials: {states} (see {out}/trials.csv)")
    _print_quality(made.quality())
    for each in made.trials:
        if each.status in ("failed", "missing", "unknown"):
            what = each.stimulus or each.trial or each.file
            typer.echo(_told(f"{each.subject}, {what}: {each.status}{f': {each.note}' * bool(each.note)}"), err=True)
    for warning, who in _by_warning(made.quality()).items():
        typer.echo(f"{', '.join(who)}: {_told(warning)}", err=True)
    raise typer.Exit(int("failed" in made.counts))


@app.command(epilog=INSPECT_EXAMPLES)
def inspect(
    files: Files,
    format: FormatOption = None,
    columns: ColumnOption = None,
    time_unit: TimeUnitOption = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="As it is always here.", hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Say what each FILE holds, and what an import will have to be told."""
    import json
    from dataclasses import asdict

    from sightline.gaze import ReadOptions
    from sightline.gaze import inspect as look

    reading = ReadOptions(columns=_columns(columns), time_unit=time_unit)
    found = [each for file in files for each in look(file, format, reading)]
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        typer.echo(_told(_words(each)))


@app.command("map", epilog=MAP_EXAMPLES)
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


@app.command(epilog=PLOT_EXAMPLES)
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
    """Draw scanpaths on an image, or moving gaze points and heat on a video with its sound."""
    from sightline.apps.gaze import plot_gaze

    _say_place(plot_gaze(folder, out, sigma=sigma, subjects=subject, stimulus=stimulus), as_json)


@app.command(epilog=LABELS_EXAMPLES)
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


@app.command(epilog=EXPORT_EXAMPLES)
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


@app.command(epilog=CEILING_EXAMPLES)
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


def _print_quality(measures: list[dict[str, Any]]) -> None:
    from rich.console import Console

    from sightline.gaze.quality_table import summary

    # As wide as it is: half a number would be worse than a line that goes on below.
    Console(highlight=False, width=1000).print(summary(measures))


def _by_warning(measures: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Each warning once, with the subjects whom it is about."""
    found: dict[str, list[str]] = {}
    for each in measures:
        for warning in each["warnings"]:
            found.setdefault(warning, []).append(each["subject"])
    return {
        warning: subjects if len(subjects) < 6 else [f"{len(subjects)} recordings"]
        for warning, subjects in found.items()
    }


def _size(text: str, option: str) -> tuple[float, float]:
    """ "1440x900" or "40.8x25.5", width first, to (height, width). Raises UsageError naming the option."""
    import re

    from sightline.errors import UsageError

    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[xX×*,]\s*(\d+(?:\.\d+)?)\s*", text)
    if match is None or not (float(match[1]) > 0 and float(match[2]) > 0):
        raise UsageError(f"{option} {text!r}: WIDTHxHEIGHT is expected, as in 1440x900")
    return float(match[2]), float(match[1])


def _told(words: str) -> str:
    """What the library says of arguments, in the options of `gaze import`."""
    from sightline.cli._errors import told, verb_of

    return told(words, verb_of(typer.main.get_command(app), ["import"]))


def _columns(pairs: list[str] | None) -> dict[str, str]:
    from sightline.errors import UsageError

    columns = {}
    for pair in pairs or ():
        name, equals, column = pair.partition("=")
        if not (name and equals and column):
            raise UsageError(f"--column {pair!r}: NAME=COLUMN is expected, as in time=timestamp_ms")
        columns[name] = column
    return columns


def _words(found: Inspection) -> str:
    """An inspection as a paragraph: what is there, then what is missing."""

    def pair(size: tuple[float, float] | None, unit: str) -> str:
        return f"{size[1]:g}x{size[0]:g} {unit}" if size else f"{unit} unknown"

    away = f"{found.distance_cm:g} cm away" if found.distance_cm else "distance unknown"
    said = (pair(found.screen_px, "px"), pair(found.screen_cm, "cm"), away)
    lines = [f"{found.file}: {found.format}" + (f", subject {found.subject}" if found.subject else "")]
    rate = f" at {found.rate_hz:.1f} Hz" if found.rate_hz else ""
    if found.declared_rate_hz and found.rate_hz and abs(found.rate_hz / found.declared_rate_hz - 1) > 0.02:
        rate += f" ({found.declared_rate_hz:g} declared)"
    rows = {
        "trial": found.trial,
        "stimulus": ", ".join(found.stimuli[:6]),
        "samples": f"{found.samples}{rate}, {found.duration_s:.1f} s",
        "eyes": ", ".join(f"{eye} ({share:.1%} valid)" for eye, share in found.eyes.items()),
        "coordinates": found.coordinates,
        "screen": ", ".join(said) if found.coordinates.startswith("screen") else None,
        "validation": ", ".join(f"{eye} {deg:.2f} deg" for eye, deg in found.accuracy_deg.items()),
        "events": ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in found.events.items()) or "none",
        "messages": f"{found.messages}: {'; '.join(found.message_examples)}" if found.messages else "none",
        "scene frames": found.scene_frames,
        "note": "; ".join(found.notes),
        "missing": "; ".join(found.missing) or "nothing",
    }
    lines += [f"  {name:<12} {value}" for name, value in rows.items() if value not in (None, "")]
    return "\n".join(lines)
