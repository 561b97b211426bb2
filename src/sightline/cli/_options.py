"""Options that several verbs take, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OutOption = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Results go to DIR/<name of the source>/.")]
ModelOption = Annotated[
    str, typer.Option(help="A model's name (see `sightline models`), a folder (./run), or a Hub id.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
LimitOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop each source after N frames.")]
StartOption = Annotated[
    str, typer.Option(metavar="TIME", help="Begin here: seconds from the first frame, or 1:30, or 0:01:30.")
]
EndOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Stop before this time.", show_default="at the end")
]
EveryOption = Annotated[int, typer.Option(min=1, metavar="N", help="Take every N-th frame.")]
FpsOption = Annotated[
    float, typer.Option(min=0.001, metavar="RATE", help="Frames a second of a folder of frames or pages.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there already.")]
SummaryAsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
