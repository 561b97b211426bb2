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
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("model", "gives", "takes", "weights", "trained on", "terms", "paper", box=None, pad_edge=False)
    for row in rows:
        weights = f"{row['size_mb']} MB" if row["shipped"] else "not shipped"
        given, taken = (", ".join(row[key]) for key in ("gives", "takes"))
        cells = (given, taken, weights, ", ".join(row["trained_on"]), ", ".join(row["licence"]), row["paper"])
        table.add_row(f"[bold]{row['name']}[/]", *map(escape, cells))
    Console().print(table)
