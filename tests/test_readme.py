"""What the front-door documents say is true: commands parse, make targets exist, links lead somewhere."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from pathlib import Path

import pytest
import typer.main

import sightline
from sightline.cli.app import app
from sightline.types import Frame

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:sightline|make) [^`]+)`")


def blocks(page: Path, language: str) -> list[str]:
    return [body for tag, body in FENCE.findall(page.read_text(encoding="utf-8")) if tag == language]


def commands() -> list[tuple[str, str]]:
    """(page, command) for each line of a bash block and each `sightline ...` or `make ...` in the text."""
    found = []
    for page in PAGES:
        lines = [line for body in blocks(page, "bash") for line in body.replace("\\\n", " ").splitlines()]
        lines += INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        found += [
            (str(page.relative_to(ROOT)), line.strip()) for line in lines if line.strip() and not line.startswith("#")
        ]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_command_is_one_that_works(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    while "=" in words[0]:  # environment variables
        words = words[1:]
    if words[0] == "torchrun":
        words = ["sightline", *words[words.index("sightline") + 1 :]]
    if words[0] == "sightline":
        parse(words[1:])
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file() or words[1].endswith("/example.py"), "a script, or one that `export` wrote"
    elif words[0] == "ffmpeg":
        assert "-i" in words
    elif words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[1] in targets
    else:
        assert words[:2] == ["pip", "install"], "only commands that this test understands"
        for extra in re.findall(r"\[([\w,]+)\]", line):
            declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
            assert all(re.search(rf"^{name} = \[", declared, re.MULTILINE) for name in extra.split(","))


def parse(arguments: list[str]) -> None:
    """Let the command line take the arguments apart, down to the verb, without running it. Raises on a wrong one."""
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and arguments and not arguments[0].startswith("-"):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    if arguments not in ([], ["--help"], ["--version"]):  # a verb alone is a mention of it
        command.make_context("sightline", arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_uses_names_that_exist(page: Path) -> None:
    fields = {field.name for field in dataclasses.fields(Frame)}
    for body in blocks(page, "python"):
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "frame":
                    assert node.attr in fields
                elif node.value.id == "sightline":
                    assert node.attr in sightline.__all__


def test_readme_shows_the_two_commands_on_its_first_screen() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20]
    assert [line.split("  ")[0] for line in first if line.startswith("make ")] == ["make demo", "make test"]


def test_readme_table_names_the_models_there_are() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Models")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `([\w-]+)`", section, re.MULTILINE)
    assert set(named) == {model.name for model in sightline.list_models()}
