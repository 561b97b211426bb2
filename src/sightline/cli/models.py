"""`sightline models`: the models by name, with their weights and the terms of those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pathlib import Path


def models(as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """List the models: what each gives and takes, whether its weights ship, their size, training sets and licence.

    Examples:

      sightline models

      sightline models --json
    """
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
