"""Which room imports which: the rules of pyproject.toml hold, and a broken one is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter.cli")

ROOT = Path(__file__).parents[1]


def lint(config: Path, *paths: Path) -> tuple[int, str]:
    """0 where every rule holds, and what was said. In a process of its own: it keeps the stdout that it first sees."""
    code = f"import sys; sys.path[:0] = {[str(path) for path in paths]}; from importlinter import cli; "
    code += f"sys.exit(cli.lint_imports(config_filename={str(config)!r}, no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_rule_holds() -> None:
    code, said = lint(ROOT / "pyproject.toml")
    assert code == 0, said


def test_a_broken_rule_is_found(tmp_path: Path) -> None:
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
    code, said = lint(config, tmp_path)
    assert code == 1, said
    assert "Arrows BROKEN" in said
