"""`sightline serve` from its command line; the page itself is tested in tests/web."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import sightline.apps.web as web
from sightline.apps.web import Limits, Serving
from sightline.cli import main


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["serve", *args])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What was to be served; nothing is."""
    calls = []

    @contextmanager
    def serving(*args: Any, **options: Any) -> Iterator[Serving]:
        calls.append((args, options))
        yield Serving("http://127.0.0.1:7860/")

    monkeypatch.setattr(web, "serving", serving)
    monkeypatch.setattr(web, "wait", lambda: None)
    return calls


def test_it_stays_on_this_machine_unless_told(served: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert (code, served[0][0]) == (0, ("127.0.0.1", 7860))
    assert out.startswith("http://127.0.0.1:7860/")
    assert served[0][1]["limits"] == Limits()


def test_options_become_limits(served: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--host", "0.0.0.0", "--port", "80", "--max-mb", "5", "--max-seconds", "7", "--keep-minutes", "9")
    code, out, _ = run(capsys, *args, "--workers", "2", "--waiting", "3", "--json")
    assert (code, served[0][0]) == (0, ("0.0.0.0", 80))
    assert served[0][1]["limits"] == Limits(megabytes=5, seconds=7, minutes_kept=9, workers=2, waiting=3)
    assert json.loads(out) == {"url": "http://127.0.0.1:7860/"}


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--max-seconds", "0"), "--max-seconds"),
        (("--max-mb", "-3"), "--max-mb"),
        (("--waiting", "-1"), "--waiting"),
        (("--port", "99999"), "--port"),
        (("--device", "abacus"), "device"),
    ],
)
def test_wrong_usage_is_two(capsys: pytest.CaptureFixture[str], args: tuple[str, ...], word: str) -> None:
    pytest.importorskip("gradio")
    code, _, err = run(capsys, *args)
    assert (code, err.count("\n")) == (2, 1)
    assert word in err


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gradio")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = run(capsys, "--port", str(port))
    assert code == 1
    assert f"127.0.0.1:{port}: cannot be listened on" in err
    assert "choose another --port or --host" in err


def test_without_gradio_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, _, err = run(capsys)
    assert code == 1
    assert 'pip install "sightline[web]"' in err
