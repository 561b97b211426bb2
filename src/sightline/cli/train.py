"""`sightline train`: train a network from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[
        str,
        typer.Argument(help="A shipped recipe, e.g. egnet, or a file.", metavar="NAME|FILE", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the weights, logs and checkpoints.")],
    data: Annotated[Path | None, typer.Option("--data", help="What $DATA stands for in the recipe.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a field of the recipe: field.field=value.")
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Processes (or GPUs) on this machine.")] = 1,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations and checkpoints.")] = 200,
) -> None:
    """Train a network from a recipe.

    Examples:

      sightline train egnet --data ~/datasets --out runs/egnet

      sightline train egnet --data ~/datasets --out runs/egnet --resume

      torchrun --nproc-per-node 2 -m sightline train egnet --devices 2 --out runs/egnet
    """
    import os

    from sightline.errors import UsageError

    if data is not None:
        if not data.is_dir():
            raise UsageError(f"{data}: no such folder; --data is the folder that $DATA of the recipe stands for")
        os.environ["DATA"] = str(data.resolve())
    try:
        import lightning  # noqa: F401
    except ImportError:
        raise UsageError("training needs Lightning: pip install 'sightline[train]'") from None
    from sightline.training.recipe import read_recipe
    from sightline.training.run import train as run

    try:
        folder = run(read_recipe(recipe, set_), out, resume=resume, devices=devices, validate_every=validate_every)
    except KeyboardInterrupt:
        kept = (out / "checkpoints" / "last.ckpt").is_file()
        hint = "go on with --resume" if kept else "before the first step: nothing is kept"
        typer.secho(f"sightline: stopped; {hint}", fg="yellow", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"weights in {folder}")
