"""The three lines of the documentation that make a Hugging Face Space."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

import pytest

import sightline.apps.web as web

DOCS = Path(__file__).parents[2] / "docs" / "serve.md"


def test_the_app_of_the_documentation_serves_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed (extra `web`)")
    (app,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(app.strip().splitlines()) == 3
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 7860)) == 0:
            pytest.skip("port 7860, which a Space listens on, is taken")
    pages = []

    def visit() -> None:
        with urllib.request.urlopen("http://127.0.0.1:7860", timeout=20) as answer:
            pages.append(answer.read().decode())

    monkeypatch.setattr(web, "wait", visit)
    exec(compile(app, "app.py", "exec"), {})
    assert "What do people look at?" in pages[0]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 7860)) != 0
