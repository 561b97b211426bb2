"""What became of each source, told to a person or a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sightline.cli._errors import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sightline.apps.outcome import Outcome


def report(outcomes: Sequence[Outcome], ctx: typer.Context, *, as_json: bool) -> None:
    """All of what became of the sources. ctx: of the verb."""
    tell(outcomes, ctx)
    summarise(outcomes, as_json=as_json)


def tell(outcomes: Iterable[Outcome], ctx: typer.Context, notes: Iterable[str] = ()) -> None:
    """Each note and failure on a line of its own on stderr. ctx: of the verb. notes: that concern all sources."""
    outcomes = list(outcomes)
    for note in (*notes, *(note for outcome in outcomes for note in outcome.notes)):
        typer.secho(f"sightline: {note}", fg="yellow", err=True)
    for outcome in outcomes:
        if outcome.error is not None:
            typer.secho(f"sightline: {told(outcome.error, ctx.command)}", fg="red", err=True)


def summarise(outcomes: Iterable[Outcome], *, as_json: bool) -> None:
    """A line a source on stdout, or all of it as JSON."""
    outcomes = list(outcomes)
    if as_json:
        import json

        typer.echo(json.dumps({"sources": [outcome.as_dict() for outcome in outcomes]}, indent=2))
        return
    for outcome in outcomes:
        rate = f"{outcome.frames} frames, {outcome.frames / outcome.seconds:.1f} frames/s" if outcome.seconds else ""
        detail = {
            "done": rate,
            "stopped": f"stopped after {outcome.frames} frames",
            "skipped": "complete already; --overwrite does it again",
            "failed": f"kept {outcome.frames} frames" if outcome.frames else "",
        }[outcome.status]
        typer.echo("  ".join(filter(None, (f"{outcome.status:8}{outcome.source}", outcome.output, detail))))


def place_in(given: Sequence[Path | str]) -> Callable[[Outcome], int]:
    """Where an outcome's source stands among those given; the images of a folder stand last, in their order."""
    places = {str(source): place for place, source in reversed(list(enumerate(given)))}
    return lambda outcome: places.get(outcome.source, len(given))
