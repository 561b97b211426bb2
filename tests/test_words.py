"""One spelling, British, and one word for a thing, in the pages and in what the code says.

Names of other packages keep theirs (`color`, `normalize`): code is not looked at, and what stands in backticks is code.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/**/*.md"))
    if path.name != "LICENSES.md" and "site-packages" not in path.parts
]
MODULES = [*ROOT.glob("src/**/*.py"), *ROOT.glob("benchmarks/*.py")]
CODE = re.compile(
    r"\A---\n.*?\n---\n|```.*?```|`[^`\n]*`|https?://\S+|\]\([^)]*\)|\{[^}]*\}|^ *(?:>>>|\.\.\.) .*$", re.S | re.M
)
TITLES = re.compile(r"Behavior Research Methods|video stabilization with robust L1")
"""Papers and journals are called as they are."""

AMERICAN = {
    r"color(?:s|ed|ing|ful)?": "colour",
    r"(?:favor|behavior|neighbor|honor)\w*": "-our",
    r"gray(?:s|scale)?": "grey",
    r"center(?:s|ed|ing)?": "centre",
    # codespell knows no stems.
    r"(?:normal|optim|initial|organ|recogn|summar|general|visual|minim|maxim|quant|serial"  # codespell:ignore
    r"|synchron|equal|binar|regular|penal|standard|raster|random|discret|local|vector"  # codespell:ignore
    r"|parameter|emphas|categor|memor|stabil|real|util|final|custom|special|character)"  # codespell:ignore
    r"iz(?:e|ed|es|er|ers|ing|ation|ations)": "-ise",
    r"analyz(?:e|ed|es|er|ing)": "analyse",
    r"(?:label|model|cancel|travel|signal|level|channel)(?:ed|ing)": "two l",
    r"artifacts?": "artefact",
    r"judgments?": "judgement",
    r"toward": "towards",
    r"defense": "defence",
    r"catalogs?": "catalogue",
}
ONE_WORD = {
    r"gaze points?": "gaze target of a person in the picture, gaze sample of a tracker",
    r"heat maps?": "heatmap",
    r"attention maps?|saliency masks?": "saliency, where viewers look",
    r"fixation points?": "fixation",
    r"bounding box(?:es)?": "box",
    r"movies?": "video",
    r"time stamps?": "timestamp",
    r"(?<![/~])datasets?(?![/:])": "data set",
    r"eyetrackers?": "eye tracker",
    r"hot spots?": "hotspot",
    r"director(?:y|ies)": "folder",
}
"""What is not said, and what is said in its place (the vocabulary is that of CONTRIBUTING.md)."""
TRACKERS = ROOT / "src/sightline/gaze/formats"
"""Their readers name the trackers' own columns."""


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of all that people read: a page; comments, docstrings and messages of a module."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield 1, content
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.COMMENT and "noqa" not in token.string and "type:" not in token.string:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 2:
            yield node.lineno, node.value


def offenders(path: Path, words: dict[str, str]) -> Iterator[str]:
    for line, text in prose(path):
        if "{color:" in text:
            continue  # a style sheet
        plain = TITLES.sub("", CODE.sub("", text))
        for pattern, better in words.items():
            for match in re.finditer(rf"(?<![\w.-])(?:{pattern})(?![\w=(])", plain, re.IGNORECASE):
                yield f"line {line}: {match[0]} ({better})"


@pytest.mark.parametrize("words", [AMERICAN, ONE_WORD], ids=["spelling", "terms"])
def test_words_are_those_of_the_house(words: dict[str, str]) -> None:
    looked_at = [path for path in (*PAGES, *MODULES) if words is AMERICAN or not path.is_relative_to(TRACKERS)]
    found = [f"{path.relative_to(ROOT)}, {one}" for path in looked_at for one in offenders(path, words)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the color of a mask", 1), ("its colour", 0), ("`color`", 0), ("a labeled frame", 1), ("labelled", 0),
        ("a normalized map", 1), ("sizes and prizes", 0), ("Behavior Research Methods 44", 0), ("the center", 1),
    ],
)  # fmt: skip
def test_the_list_finds_what_it_names(tmp_path: Path, text: str, words: int) -> None:
    (tmp_path / "page.md").write_text(text)
    assert len(list(offenders(tmp_path / "page.md", AMERICAN))) == words
