"""`sightline gaze import`: recordings to fixations on what was watched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightline.cli.gaze._options import (
    ColumnOption,
    CoordinatesOption,
    Files,
    FormatOption,
    Json,
    LenientOption,
    SigmaOption,
    TimeUnitOption,
    columns_of,
    in_options,
)

if TYPE_CHECKING:
    from sightline.gaze import AlignOptions, ReadOptions

EXAMPLES = """\b
Examples:
  sightline gaze import P*.txt --stimulus 002.AVI --screen 1440x900 --screen-cm 40.8x25.5 --distance-cm 68 --out gaze002
  sightline gaze import sub01.asc --stimulus film.mp4 --frame-message auto --out film
  sightline gaze import export.tsv --stimulus photo.jpg --events ivt --velocity 30 --out photo
  sightline gaze import neon/gaze.csv --stimulus neon/scene.mp4 --out walk
  sightline gaze import P*.asc --stimuli pictures/ --out study
  sightline gaze import P*.asc --stimuli pictures/ --trial-message 'showing (.+)' --out study
"""


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
        columns=columns_of(columns),
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
        typer.echo(f"{', '.join(who)}: {in_options(warning)}", err=True)
    for reason in folder.failed.values():
        typer.echo(f"not imported: {in_options(reason)}", err=True)
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
            typer.echo(
                in_options(f"{each.subject}, {what}: {each.status}{f': {each.note}' * bool(each.note)}"), err=True
            )
    for warning, who in _by_warning(made.quality()).items():
        typer.echo(f"{', '.join(who)}: {in_options(warning)}", err=True)
    raise typer.Exit(int("failed" in made.counts))


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
