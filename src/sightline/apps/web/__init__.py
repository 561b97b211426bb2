"""The web page of `sightline serve`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sightline.apps.web.limits import Limits
from sightline.errors import SightlineError, UsageError

__all__ = ["Limits", "ServeError", "Serving", "serve", "serving", "wait"]


class ServeError(SightlineError):
    """The page cannot be served: a port that is taken, or a package that is missing."""


@dataclass(frozen=True)
class Serving:
    """A page that is being served. url: where."""

    url: str


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    limits: Limits | None = None,
    device: str = "auto",
    browse: bool = False,
) -> None:
    """Serve the page until Ctrl-C; a Hugging Face Space calls the same.

    Parameters
    ----------
    host
        The address to listen on. 127.0.0.1 is this machine alone, 0.0.0.0 every network that it is in.
    port
        Of that address.
    limits
        How much a visitor may ask of the page.
    device
        Where models run: auto, cpu, cuda, cuda:1, mps.
    browse
        Open the page in a browser.

    Raises
    ------
    ServeError
        Gradio is not installed, or the port is taken.
    """
    with serving(host, port, limits=limits, device=device, browse=browse):
        wait()


def wait() -> None:
    """Return at Ctrl-C, or when the process is asked to end."""
    ended = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    with contextlib.suppress(KeyboardInterrupt):
        ended.wait()


@contextlib.contextmanager
def serving(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    limits: Limits | None = None,
    device: str = "auto",
    browse: bool = False,
) -> Iterator[Serving]:
    """The page, served while the context lasts; all files of its visitors go at the end. See `serve`."""
    # Gradio asks its makers' servers for its version, and the Hub's for fonts, unless it is told not to before it is
    # imported.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise ServeError(f'{error.name or "gradio"} is missing; install it: pip install "sightline[web]"') from None
    from sightline.apps.web.page import look_of_page, make_page
    from sightline.apps.web.sessions import Sessions
    from sightline.apps.web.visits import Visits
    from sightline.models.weights import device_of

    limits = limits or Limits()
    device_of(device)
    _require_free(host, port)
    sessions = Sessions(60 * limits.minutes_kept)
    uploads = sessions.root / "uploads"
    uploads.mkdir(mode=0o700)
    visits = Visits(limits, device, uploads, sessions)
    with _received_in(uploads), contextlib.closing(visits):
        page = make_page(visits)
        _, url, _ = page.queue(api_open=False).launch(
            server_name=host,
            server_port=port,
            inbrowser=browse,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            footer_links=[],
            max_file_size=int(limits.megabytes * 1e6),
            allowed_paths=[str(visits.sessions.root)],
            blocked_paths=[str(visits.sessions.root / "demo.mp4")],
            enable_monitoring=False,
            mcp_server=False,
            pwa=False,
            **look_of_page(),
        )
        try:
            yield Serving(url)
        finally:
            page.close(verbose=False)


@contextlib.contextmanager
def _received_in(folder: Path) -> Iterator[None]:
    """Have Gradio receive files in a folder."""
    name = "GRADIO_TEMP_DIR"
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _require_free(host: str, port: int) -> None:
    """Raise ServeError where the port is taken, UsageError where it or the host is none."""
    if not 0 < port < 65536:
        raise UsageError(f"`port` {port}: 1 to 65535 is expected")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ServeError(
            f"{host}:{port}: cannot be listened on ({error.strerror}); choose another `port` or `host`"
        ) from None
