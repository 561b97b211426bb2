"""Which room imports which: the rules of pyproject.toml hold, and a broken one is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

importlinter = pytest.importorskip("importlinter.cli")

ROOT = Path(__file__).parents[1]


def lint(config: Path) -> int:
    """0 where every rule holds."""
    return int(importlinter.lint_imports(config_filename=str(config), no_cache=True))


def test_every_rule_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(ROOT / "pyproject.toml") == importlinter.EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_a_broken_rule_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A house of the same rooms, where a layer imports a model."""
    house = tmp_path / "sightline_house"
    for room in ("nn", "models"):
        (house / room).mkdir(parents=True)
        (house / room / "__init__.py").touch()
    (house / "__init__.py").touch()
    (house / "nn/layer.py").write_text("from sightline_house import models\n")
    config = tmp_path / "rules.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "sightline_house"\n\n'
        '[[tool.importlinter.contracts]]\nname = "Arrows"\ntype = "layers"\n'
        'layers = ["sightline_house.models", "sightline_house.nn"]\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert lint(config) != importlinter.EXIT_STATUS_SUCCESS
    finally:
        for name in [name for name in sys.modules if name.startswith("sightline_house")]:
            del sys.modules[name]
