"""The documentation site builds strictly, and holds nothing that needs a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_pages_are_there(site: Path) -> None:
    for page in ("index", "which_model", "formats", "faq", "gallery", "models/wcsnet", "notebooks/video", "results"):
        assert (site / f"{page}.html").is_file(), page


def test_reference_has_every_public_name(site: Path) -> None:
    from sightline import metrics

    page = (site / "reference/sightline.metrics.html").read_text(encoding="utf-8")
    missing = [name for name in metrics.__all__ if callable(getattr(metrics, name)) and f".{name}" not in page]
    assert not missing


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"""<(?:script|img|link rel="(?:stylesheet|preconnect)")[^>]*(?:src|href)="?(https?:[^" >]+)""")
    found = {url for page in site.rglob("*.html") for url in loaded.findall(page.read_text(encoding="utf-8"))}
    assert not found
