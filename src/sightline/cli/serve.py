"""`sightline serve`: the web page."""

from __future__ import annotations

from typing import Annotated

import typer

from sightline.cli._threads import wait_passively

EXAMPLES = """\b
Examples:
  sightline serve
  sightline serve --open
  sightline serve --port 8000 --max-seconds 300 --max-mb 1000
  sightline serve --host 0.0.0.0 --max-seconds 30 --keep-minutes 15
"""


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in, unencrypted.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="The port.")] = 7860,
    megabytes: Annotated[float, typer.Option("--max-mb", metavar="MB", help="The largest file that it takes.")] = 200,
    seconds: Annotated[float, typer.Option("--max-seconds", metavar="S", help="The longest video that it takes.")] = 60,
    minutes_kept: Annotated[
        float,
        typer.Option(
            "--keep-minutes", metavar="MIN", help="A visitor's files go so long after the last thing done with them."
        ),
    ] = 60,
    workers: Annotated[int, typer.Option(metavar="N", help="Runs at a time; the others queue.")] = 1,
    waiting: Annotated[int, typer.Option(metavar="N", help="Runs that may queue; more are turned away.")] = 8,
    device: Annotated[str, typer.Option(help="Where models run: auto, cpu, cuda, cuda:1, mps.")] = "auto",
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Serve a web page: drop a video or picture, click on what to follow, watch, reframe, download.

    It works without a network, sends nothing anywhere, and listens on this machine alone unless `--host` says
    otherwise. Ctrl-C ends it, and removes its visitors' files.
    """
    wait_passively()
    from sightline.apps import web
    from sightline.apps.web.limits import Limits

    limits = Limits(megabytes=megabytes, seconds=seconds, minutes_kept=minutes_kept, workers=workers, waiting=waiting)
    with web.serving(host, port, limits=limits, device=device, browse=browse) as page:
        if as_json:
            import json

            typer.echo(json.dumps({"url": page.url}, indent=2))
        else:
            typer.echo(f"{page.url}  (Ctrl-C ends it)")
        web.wait()


serve.__doc__ = f"{serve.__doc__}\n\n{EXAMPLES}"
