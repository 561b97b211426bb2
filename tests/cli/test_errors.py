"""Library errors name arguments; the command line names its options."""

from __future__ import annotations

import pytest
import typer
from typer.main import get_command

from sightline.cli import main
from sightline.cli._errors import told, verb_of
from sightline.cli.app import app


def test_arguments_become_the_options_of_the_verb() -> None:
    command = verb_of(get_command(app), ["predict", "a.mp4", "--out", "x"])
    said = told("`point` 3,4 is outside; `nonsense` and `out` too", command)
    assert said == "--point 3,4 is outside; nonsense and --out too"


def test_an_option_with_another_spelling_than_its_argument() -> None:
    inner = typer.Typer()

    @inner.command()
    def first(as_json: bool = typer.Option(False, "--json", "-j")) -> None: ...

    @inner.command()
    def second(size: str = "1") -> None: ...

    command = get_command(inner)
    assert told("`as_json` and `size`", verb_of(command, ["first"])) == "--json and size"
    assert told("`as_json` and `size`", verb_of(command, ["second"])) == "as_json and --size"


@pytest.mark.parametrize("verb", ["export", "batch"])
def test_an_option_whose_name_is_not_its_parameters(verb: str) -> None:
    assert told("`format` x: choose", verb_of(get_command(app), [verb])) == "--format x: choose"


def test_a_path_that_no_reader_looked_at_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The system refuses a name of 5000 letters before anything of ours sees it."""
    for args in (
        ["label", "observers", "a" * 5000, "--out", "x"],
        ["train", "egnet", "--data", "a" * 5000, "--out", "x"],
    ):
        with pytest.raises(SystemExit) as stop:
            main(args)
        assert stop.value.code == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert said.startswith("sightline: aaaa")
        assert said.rstrip().endswith("File name too long; check the path")


def test_debug_shows_where_it_comes_from() -> None:
    with pytest.raises(OSError, match="File name too long"):
        main(["train", "egnet", "--data", "a" * 5000, "--out", "x", "--debug"])
