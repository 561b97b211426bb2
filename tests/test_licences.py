"""Every file has a licence: LICENSES.md has a row for it, and model cards say what the table says."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src/sightline/weights"


def rows() -> list[tuple[str, str]]:
    """(pattern, licence) of the first table."""
    text = (ROOT / "LICENSES.md").read_text(encoding="utf-8").split("## What it needs")[0]
    return re.findall(r"^\| `(.+?)` \| (.+?) \|", text, re.MULTILINE)


def licence_of(path: str) -> str:
    return [licence for pattern, licence in rows() if fnmatch.fnmatch(path, pattern)][-1]


def test_every_row_is_of_some_file() -> None:
    for pattern, _ in rows():
        assert any(ROOT.glob(pattern)), pattern


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in WEIGHTS.glob("*/model.safetensors")))
def test_weights_are_under_the_terms_of_their_card(folder: str) -> None:
    card = yaml.safe_load((WEIGHTS / folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    named = card["license_name"] if card["license"] == "other" else card["license"]
    assert licence_of(f"src/sightline/weights/{folder}/model.safetensors") == named.replace("-", " ")
    assert card["datasets"], "what the terms come from"


def test_every_kind_of_binary_file_is_named() -> None:
    """What is not text was made by something: a row of its own says by what."""
    binary = {".safetensors", ".jpg", ".png", ".npz", ".npy", ".mp4"}
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in binary:
            name = path.relative_to(ROOT).as_posix()
            assert any(pattern != "*" and fnmatch.fnmatch(name, pattern) for pattern, _ in rows()), name


def test_every_dependency_has_a_row() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "LICENSES.md").read_text(encoding="utf-8").split("## What it needs")[1]
    shipped = ("train", "gaze", "export", "web", "ray", "coco", "heic")
    needed = [*project["dependencies"], *(one for extra in shipped for one in project["optional-dependencies"][extra])]
    for requirement in needed:
        name = re.split(r"[\[>=<]", requirement)[0]
        assert re.search(rf"[|, *]{re.escape(name)}[|, *(]", text), name
