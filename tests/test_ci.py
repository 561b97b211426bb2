"""The workflow, pre-commit and the Makefile say the same; what the workflow calls is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
JOBS: dict[str, Any] = WORKFLOW["jobs"]
TOOLS = ("ruff check", "ruff format", "codespell")
"""What is fast enough to run before each commit."""


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_what_the_workflow_calls_is_there() -> None:
    called = [command for job in JOBS for command in commands(job)]
    targets = re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE)
    for target in re.findall(r"make ([\w-]+)", "\n".join(called)):
        assert target in targets, target
    for script in re.findall(r"(?:^|\s)(\.ci/[\w-]+)", "\n".join(called)):
        assert (ROOT / script).is_file(), script


def test_every_part_of_the_matrix_is_a_version_that_the_package_names() -> None:
    matrix = JOBS["matrix"]["strategy"]["matrix"]
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert matrix["python"] == named
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}


def test_jobs_end_by_themselves_and_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for name, job in JOBS.items():
        assert 0 < job["timeout-minutes"] <= 60, name


def test_pre_commit_checks_what_lint_checks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    entries = [hook["entry"].removeprefix(".venv/bin/") for hook in hooks]
    lint = MAKEFILE.split("\nlint:")[1].split("\n\n")[0]
    for tool in TOOLS:
        assert any(entry.startswith(tool) for entry in entries), tool
        assert f"$(BIN)/{tool}" in lint, tool
