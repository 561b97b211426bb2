"""What every verb has: examples in its help, and output for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sightline.cli.app import app


def verbs(command: click.Command, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it; groups too, but for the program itself."""
    if name:
        yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from verbs(inner, (*name, word))


VERBS = dict(verbs(get_command(app)))


@pytest.mark.parametrize("name", VERBS, ids=" ".join)
def test_help_has_examples_of_the_verb_itself(name: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, [*name, "--help"], env={"COLUMNS": "200"}).output
    after = said.partition("Example")[2]
    assert f"sightline {' '.join(name)} " in after


@pytest.mark.parametrize(
    "name", [name for name, verb in VERBS.items() if not getattr(verb, "commands", {})], ids=" ".join
)
def test_every_verb_has_json(name: tuple[str, ...]) -> None:
    assert "--json" in {option for parameter in VERBS[name].params for option in parameter.opts}


def test_demo_says_where_it_is_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.data.synthetic.render_demo", lambda path: Path(path).write_bytes(b"x"))
    film = tmp_path / "demo.mp4"
    result = CliRunner().invoke(app, ["data", "demo", str(film), "--json"])
    assert json.loads(result.stdout) == {"out": str(film)}
