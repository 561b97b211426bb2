"""What the pages list is what the code has: formats, models, error texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sightline.cli.app import app
from sightline.data import FAMILIES
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from sightline.gaze.formats import FORMATS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FAQ = re.findall(r'^### "(.+)"$', (DOCS / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)
FORMATS_PAGE = (DOCS / "formats.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", FAQ)
def test_error_of_the_faq_is_one_that_is_raised(text: str) -> None:
    """Each heading is a piece of a message, up to what an f-string fills in."""
    sources = (path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
    assert any(text in re.sub(r'"\s+f?"', "", source) for source in sources)


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ("Videos, photographs, frames", {*IMAGE_SUFFIXES, *VIDEO_SUFFIXES}),
        ("Eye trackers", set(FORMATS)),
        ("Data sets", set(FAMILIES)),
    ],
)
def test_formats_are_those_that_are_read(section: str, known: set[str]) -> None:
    body = FORMATS_PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    pattern = r"`(\.\w+)`" if section.startswith("Videos") else r"^\| `([\w-]+)` \|"
    assert set(re.findall(pattern, body, re.MULTILINE)) == known


def test_models_that_are_recommended_are_listed() -> None:
    from sightline.models import REGISTRY

    page = (DOCS / "which_model.md").read_text(encoding="utf-8")
    listed = {info.name for info in REGISTRY if info.use} - {"gaze2mask"}
    assert {name for name in listed if f"`{name}`" not in page and f"--model {name}" not in page} == set()


def test_every_verb_has_a_page() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    names += [group.name or "" for group in app.registered_groups]
    assert [name for name in names if f"sightline {name}" not in pages] == []
