"""`sightline models`: the models by name, with their weights and the terms of those."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLES = """\b
Examples:
  sightline models
  sightline models --json
  sightline models pull user/my-wcsnet --out my-wcsnet
  sightline models push ./run user/my-wcsnet
"""
app = typer.Typer(name="models", epilog=EXAMPLES, invoke_without_command=True)


@app.callback()
def models(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the models: what each gives and takes, whether its weights ship, their size, training sets and licence; or
    fetch and share weights on the Hugging Face Hub."""
    if ctx.invoked_subcommand is not None:
        return
    from sightline.models import list_models
    from sightline.results.outputs import OUTPUTS

    rows: list[dict[str, Any]] = []
    for model in list_models():
        cards = [_card(folder) for folder in model.folders]
        rows.append(
            {
                "name": model.name,
                "use": model.use,
                "gives": [kind.name for kind in OUTPUTS if kind.name in model.gives],
                "takes": sorted(model.takes),
                "paper": model.paper,
                "shipped": model.shipped,
                "size_mb": round(sum(_size(folder) for folder in model.folders) / 1e6, 1),
                "trained_on": sorted({name for card in cards for name in card.get("datasets", [])}),
                "licence": sorted({card["license"] for card in cards if "license" in card}),
            }
        )
    if as_json:
        import json

        typer.echo(json.dumps(rows, indent=2))
    else:
        _show(rows)


@app.command()
def pull(
    repository: Annotated[str, typer.Argument(metavar="USER/MODEL", help="The Hub id.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="A new folder for them.", show_default="the Hub's cache"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where they are as JSON.")] = False,
) -> None:
    """Download weights from the Hub: JSON, safetensors and cards alone.

    Examples:

      sightline models pull user/my-wcsnet

      sightline models pull user/my-wcsnet --out my-wcsnet
    """
    from sightline.models.hub import pull as fetch

    _report({"repository": repository, "folder": str(fetch(repository, out))}, "folder", as_json)


@app.command()
def push(
    model: Annotated[str, typer.Argument(help="A model's name, or a folder of weights (./run).")],
    repository: Annotated[str, typer.Argument(metavar="USER/MODEL", help="The Hub id; made where it is not there.")],
    private: Annotated[bool, typer.Option("--private", help="Of a new repository: nobody else sees it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the commit's address as JSON.")] = False,
) -> None:
    """Upload weights, with those of their parts and their cards, to the Hub. Log in before, with `hf auth login`.

    Examples:

      sightline models push ./run user/my-wcsnet

      sightline models push ./run user/my-wcsnet --private --json
    """
    from sightline.models.hub import push as share
    from sightline.models.weights import find_weights

    commit = share(find_weights(model), repository, private=private)
    _report({"repository": repository, "commit": commit}, "commit", as_json)


def _report(said: dict[str, str], shown: str, as_json: bool) -> None:
    import json

    typer.echo(json.dumps(said, indent=2) if as_json else said[shown])


def _size(folder: Path) -> int:
    file = folder / "model.safetensors"
    return file.stat().st_size if file.is_file() else 0


def _card(folder: Path) -> dict[str, Any]:
    """The YAML head of a model card, where the Hub keeps `license` and `datasets`; {} where there is none."""
    import yaml

    file = folder / "README.md"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if not text.startswith("---\n"):
        return {}
    return yaml.safe_load(text.split("---\n")[1]) or {}


def _show(rows: list[dict[str, Any]]) -> None:
    """A paragraph a model, as wide as the terminal."""
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    for row in rows:
        weights = f"{row['size_mb']} MB" if row["shipped"] else "not shipped"
        lines = {
            "for": row["use"],
            "gives": ", ".join(row["gives"]),
            "takes": ", ".join(row["takes"]),
            "weights": weights,
            "trained on": ", ".join(row["trained_on"]),
            "terms": ", ".join(row["licence"]),
        }
        typer.secho(f"{row['name']}  {row['paper']}", bold=True)
        for name, text in lines.items():
            if text:
                indent = " " * 14
                typer.echo(textwrap.fill(text, width, initial_indent=f"  {name:12}", subsequent_indent=indent))
        typer.echo()
