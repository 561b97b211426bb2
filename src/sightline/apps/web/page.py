"""The page as a Gradio application: its markup, style and script, and the functions behind it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import gradio as gr

from sightline.apps.web.visits import Told, Visits

TITLE = "Sightline: what people look at"
VERBS = ("hello", "open", "demo", "fixations", "look", "head", "follow", "reframe", "pack", "stop", "status", "table")
"""The functions of `Visits` that the page calls."""
_SCRIPTS = ("server.js", "stage.js", "player.js", "tables.js", "page.js")
_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
_UPLOADS_KEPT_S = 3600  # of a file whose visitor left before it was opened


def make_page(visits: Visits) -> gr.Blocks:
    """The page of these visits."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(600, _UPLOADS_KEPT_S)) as page:
        gr.HTML(
            html_template=asset("page.html").replace("@demo@", _embedded("demo.jpg")),
            js_on_load="\n".join(asset(name) for name in _SCRIPTS),
            apply_default_css=False,
            server_functions=[_named(verb, Told(getattr(visits, verb), visits)) for verb in VERBS],
            elem_id="sightline",
        )
    return page


def look_of_page() -> dict[str, Any]:
    """What `launch` takes for the page to look as it should: fonts of the visitor's own machine, nothing from afar."""
    return {"theme": gr.themes.Base(font=_FONT, font_mono=("ui-monospace", "monospace")), "css": asset("page.css")}


def asset(name: str) -> str:
    """A file of the page's markup, style or script."""
    return files("sightline.apps.web").joinpath("assets", name).read_text(encoding="utf-8")


def _embedded(name: str) -> str:
    """A picture of the page as an address that needs no request."""
    data = files("sightline.apps.web").joinpath("assets", name).read_bytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _named(name: str, told: Told) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A plain function of this name, as Gradio wants it."""

    def call(ask: dict[str, Any]) -> dict[str, Any]:
        return told(ask)

    call.__name__ = name
    return call
