"""The examples of the public faces run, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

FACES = ("sightline.data", "sightline.fixations", "sightline.gaze", "sightline.metrics")
MODULES = (
    "sightline.apps.reframe",
    "sightline.apps.reframe.crop",
    "sightline.apps.reframe.interest",
    "sightline.apps.reframe.kept",
    "sightline.apps.reframe.path",
    "sightline.apps.reframe.tables",
    "sightline.files",
    "sightline.training.digest",
    "sightline.training.labels.observers",
    "sightline.training.labels.scribbles",
    "sightline.training.recipe",
)
"""Others that have examples."""


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
def test_the_example_of_a_public_name_runs(public: type) -> None:
    module = importlib.import_module(public.__module__)
    found = doctest.DocTestFinder(recurse=False).find(public, module=module, globs=dict(vars(module)))
    examples = [test for test in found if test.examples]
    assert examples, f"{public.__qualname__} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in examples:
        runner.run(test)
    assert runner.failures == 0


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


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted
    assert not failed
