"""One server and one browser for all tests of the page in a real browser; skipped where either is not there."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.web_model import Faces, Sociable, offer, render
from hostile.corpus import write_video
from sightline.apps.web import Limits, serving
from web.visitor import Visitor

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed (apt-get install chromium)")
    with playwright.sync_playwright() as play:
        # Root, in a container, has no sandbox to put it in.
        flags = ["--no-sandbox"] if os.getuid() == 0 else []
        made = play.chromium.launch(executable_path=path, args=[*flags, "--autoplay-policy=no-user-gesture-required"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def model() -> Sociable:
    return Sociable()


@pytest.fixture(scope="module")
def faces() -> Faces:
    return Faces()


@pytest.fixture(scope="module")
def address(model: Sociable, faces: Faces) -> Iterator[str]:
    pytest.importorskip("gradio", reason="gradio is not installed (extra `web`)")
    with pytest.MonkeyPatch.context() as patched, socket.socket() as probe:
        offer(patched, model, faces)
        patched.setattr("sightline.apps.web.visits.render_demo", render)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        with serving(port=port, limits=Limits(seconds=5, megabytes=2), device="cpu") as page:
            yield page.url


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", size=(48, 64), frames=20, sound_s=0.8)


@pytest.fixture
def arrive(browser: Any, address: str, model: Sociable) -> Iterator[Callable[..., Visitor]]:
    """Opens the page for a new visitor. In the end nobody's browser may have had anything to complain of."""
    contexts, visitors = [], []
    model.pause_s = 0.0

    def come(width: int = 1200, height: int = 900) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        visitor = Visitor(context.new_page())
        visitors.append(visitor)
        page, troubles = visitor.page, visitor.troubles
        page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("response", lambda got: troubles.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        local = (address, "data:", "blob:")
        page.on("request", lambda asked: None if asked.url.startswith(local) else troubles.append(asked.url))
        page.goto(address)
        visitor.see('.sl[data-state="empty"]')
        return visitor

    yield come
    for context in contexts:
        context.close()
    assert [trouble for visitor in visitors for trouble in visitor.troubles] == []
