"""Arguments that the verbs of `sightline gaze` share, and how they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sightline.cli._errors import told, verb_of

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


def in_options(words: str) -> str:
    """What the library says of arguments, in the options of `gaze import`."""
    from sightline.cli.gaze import app

    return told(words, verb_of(typer.main.get_command(app), ["import"]))


def columns_of(pairs: list[str] | None) -> dict[str, str]:
    """["time=t"] to {"time": "t"}. Raises UsageError where a pair is none."""
    from sightline.errors import UsageError

    columns = {}
    for pair in pairs or ():
        name, equals, column = pair.partition("=")
        if not (name and equals and column):
            raise UsageError(f"--column {pair!r}: NAME=COLUMN is expected, as in time=timestamp_ms")
        columns[name] = column
    return columns
