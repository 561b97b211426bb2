"""`sightline train`: train a network from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SHIPPED = ", ".join(sorted(path.stem for path in (Path(__file__).parents[1] / "recipes").glob("*.yaml")))


def train(
    recipe: Annotated[
        str,
        typer.Argument(help=f"A shipped recipe ({SHIPPED}), or a file.", metavar="NAME|FILE", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--out", help="Folder for the weights, logs and checkpoints.")],
    data: Annotated[Path | None, typer.Option("--data", help="What $DATA stands for in the recipe.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a field of the recipe: field.field=value, or stages.NAME.field=value."),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Processes (or GPUs) on this machine.")] = 1,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations and checkpoints.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came out as JSON.")] = False,
) -> None:
    """Train a network from a recipe.

    Examples:

      sightline train egnet --data ~/datasets --out runs/egnet

      sightline train wcsnet --data ~/datasets --out runs/wcsnet --resume

      sightline train mine.yaml --data ~/datasets --out runs/mine --set optimisation.steps=100

      torchrun --nproc-per-node 2 -m sightline train egnet --data ~/datasets --devices 2 --out runs/egnet
    """
    from sightline.errors import UsageError

    if data is not None and not data.is_dir():
        raise UsageError(f"{data}: no such folder; `data` is the folder that $DATA of the recipe stands for")
    try:
        import lightning  # noqa: F401
    except ImportError:
        raise UsageError("training needs Lightning: pip install 'sightline[train]'") from None
    from sightline.training.recipe import read_recipe
    from sightline.training.run import has_begun
    from sightline.training.run import train as run

    chain = read_recipe(recipe, overrides or (), data)
    try:
        folder = run(chain, output, resume=resume, devices=devices, validate_every=validate_every)
    except KeyboardInterrupt:
        hint = "go on with --resume" if has_begun(chain, output) else "before the first step: nothing is kept"
        typer.secho(f"sightline: stopped; {hint}", fg="yellow", err=True)
        raise typer.Exit(130) from None
    if as_json:
        import json

        from sightline.models.weights import sha256

        stages = {name: str(place) for name, place in chain.folders(folder).items()}
        typer.echo(json.dumps({"weights": str(folder), "sha256": sha256(folder), "stages": stages}, indent=2))
    else:
        typer.echo(f"weights in {folder}")
