"""`sightline gaze`: eye trackers' recordings to fixations, maps and pictures in the stimulus's own time."""

from __future__ import annotations

import typer

from sightline.cli.gaze import importing, inspecting, making

EXAMPLES = """\b
Examples:
  sightline gaze inspect P01.asc
  sightline gaze import P*.asc --stimulus film.mp4 --out film
  sightline gaze plot film
  sightline gaze map film
"""
app = typer.Typer(
    name="gaze",
    help="Eye trackers' recordings to fixations, maps and pictures in the stimulus's own pixels and time.",
    no_args_is_help=True,
    epilog=EXAMPLES,
)
app.command("import", epilog=importing.EXAMPLES)(importing.import_)
app.command(epilog=inspecting.EXAMPLES)(inspecting.inspect)
app.command("map", epilog=making.MAP_EXAMPLES)(making.map_)
app.command(epilog=making.PLOT_EXAMPLES)(making.plot)
app.command(epilog=making.LABELS_EXAMPLES)(making.labels)
app.command(epilog=making.EXPORT_EXAMPLES)(making.export)
app.command(epilog=making.CEILING_EXAMPLES)(making.ceiling)
