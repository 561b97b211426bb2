"""`sightline gaze inspect`: what a recording holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sightline.cli.gaze._options import (
    ColumnOption,
    Files,
    FormatOption,
    Json,
    TimeUnitOption,
    columns_of,
    in_options,
)

if TYPE_CHECKING:
    from sightline.gaze.inspecting import Inspection

EXAMPLES = """\b
Examples:
  sightline gaze inspect P*.asc
  sightline gaze inspect table.csv --format csv --column time=t --column x=gx --column y=gy
  sightline gaze inspect recording.tsv --json
"""


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

    reading = ReadOptions(columns=columns_of(columns), time_unit=time_unit)
    found = [each for file in files for each in look(file, format, reading)]
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        typer.echo(in_options(_words(each)))


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
