"""The Typer application: collects the verbs and turns our errors into one line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sightline._version import __version__
from sightline.cli import batch, data, doctor, evaluate, export, gaze, label, models, predict, reframe, serve, train
from sightline.cli._errors import told, verb_of
from sightline.errors import SightlineError

app = typer.Typer(
    name="sightline",
    help="Visual attention for video, images and eye-tracker recordings: where people look, and what they look at.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Each verb lives in cli/<verb>.py; the help lists them in this order.
app.command()(predict.predict)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(label.label)
app.add_typer(gaze.app)
app.command()(reframe.reframe)
app.command()(export.export)
app.command()(serve.serve)
app.command()(batch.batch)
app.add_typer(data.app)
app.add_typer(models.app)
app.command()(doctor.doctor)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"sightline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
) -> None:
    """Options that every verb takes."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line. Exits 0 when done, 1 when something failed, 2 on wrong usage, 130 on Ctrl-C."""
    args = list(sys.argv[1:] if argv is None else argv)
    # `--debug` is taken wherever it stands, as people add it to the end of the command that just failed.
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    try:
        app(args=args, prog_name="sightline")
    except SightlineError as error:
        if debug:
            raise
        message = told(str(error), verb_of(typer.main.get_command(app), args))
        typer.secho(f"sightline: {message}", fg="red", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        # A path that no reader looked at first: a name that is too long, a folder that may not be entered.
        if debug or error.filename is None:
            raise
        typer.secho(f"sightline: {error.filename}: {error.strerror}; check the path", fg="red", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        if debug:
            raise
        typer.secho("sightline: stopped", fg="yellow", err=True)
        sys.exit(130)
