"""`sightline export`: the networks of a model as files for other programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  sightline export egnet --format onnx --out egnet-onnx
  sightline export wcsnet --format onnx --format openvino --out wcsnet-networks
  sightline export egcnet --format onnx --size 1080x1920 --out egcnet-onnx
  sightline export ./run --format torch --part encode --json --out run-networks
  sightline export egnet --check

Masks and cut-outs are `sightline predict --save coco,npz,cutout,roi`.
"""


def export(
    model: Annotated[str, typer.Argument(help="A model's name (`sightline models`), a folder or a Hub id.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="The new folder; an older export goes.", show_default=False),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="onnx, openvino or torch (torch.export); may be repeated.",
            show_default="onnx; with --check, all",
        ),
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this network; several times for more.")
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="HxW", help="Height and width of the pictures that the networks are for.")
    ] = "360x640",
    check: Annotated[
        bool, typer.Option("--check", help="Keep no files: say how far each would be from the model.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Write the networks of MODEL for programs without Sightline, each checked against the model."""
    import tempfile

    from rich.console import Console

    from sightline.apps.export import export_networks
    from sightline.apps.export.formats import FORMATS
    from sightline.errors import UsageError
    from sightline.models import load

    shape = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if not shape:
        raise UsageError(f"`size` {size}: height and width in pixels are expected, as in 360x640")
    if check is (out is not None):
        raise UsageError("give either `out`, the new folder, or `check`, which keeps nothing")
    with Console(stderr=True).status("Loading") as status, tempfile.TemporaryDirectory() as scratch:
        card = export_networks(
            load(model, device="cpu"),
            formats or (list(FORMATS) if check else ["onnx"]),
            Path(scratch) / "export" if out is None else out,
            parts=part or (),
            size=(int(shape[1]), int(shape[2])),
            step=lambda what: status.update(f"Exporting {what}"),
        )
    refused = [(each["name"], name, why) for each in card["parts"] for name, why in each["not_in"].items()]
    for name, kind, why in refused:
        typer.secho(f"sightline: {name} is not in {kind}: {why}", fg="yellow", err=True)
    if as_json:
        import json

        typer.echo(json.dumps(card, indent=2))
    else:
        for each in card["parts"]:
            for kind, file in each["files"].items():
                what = f"{each['name']} in {kind}" if out is None else f"{out / file}  {each['about']}"
                typer.echo(f"{what}  (differs by {each['parity'][kind]:.1e} at most)")
    if refused and (check or not any(each["files"] for each in card["parts"])):
        raise typer.Exit(1)


export.__doc__ = f"{export.__doc__}\n\n{EXAMPLES}"
