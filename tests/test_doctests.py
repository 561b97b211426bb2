"""The examples of all modules run, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import sightline

FACES = ("sightline.data", "sightline.fixations", "sightline.gaze", "sightline.metrics")
SOURCE = Path(sightline.__file__).parent


def _with_examples() -> list[str]:
    """Every module of the library with an example in it."""
    found = (path for path in sorted(SOURCE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8"))
    names = (".".join(("sightline", *path.relative_to(SOURCE).with_suffix("").parts)) for path in found)
    return [name.removesuffix(".__init__") for name in names]


def _public(face: str) -> list[object]:
    module = importlib.import_module(face)
    found = [getattr(module, name) for name in module.__all__]
    return [each for each in found if inspect.isclass(each) or inspect.isfunction(each)]


CASES = [
    pytest.param(each, id=f"{face}.{each.__qualname__}")  # type: ignore[attr-defined]
    for face in FACES
    for each in _public(face)
]


@pytest.mark.parametrize("public", CASES)
def test_a_public_name_has_an_example(public: type) -> None:
    assert ">>> " in (inspect.getdoc(public) or ""), f"{public.__qualname__} has no example"


@pytest.mark.parametrize("public", CASES)
def test_a_public_name_is_described_in_numpydoc_form(public: type) -> None:
    text = inspect.getdoc(public) or ""
    sections = {
        line for line, rule in zip(text.splitlines(), text.splitlines()[1:], strict=False) if set(rule) == {"-"}
    }
    assert "Examples" in sections
    if inspect.isclass(public):
        assert sections & {"Attributes", "Parameters"}
        return
    if inspect.signature(public).parameters:
        assert "Parameters" in sections or "for parameters" in text
    if inspect.signature(public).return_annotation not in (None, "None"):
        assert sections & {"Returns", "Yields"} or "for parameters" in text


@pytest.mark.parametrize("name", _with_examples())
def test_the_examples_of_a_module_run(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert attempted
    assert not failed
