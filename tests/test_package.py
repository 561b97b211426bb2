"""What a user meets first: the import, the command's help, and errors on one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "PIL",
    "matplotlib",
    "av",
    "torchmetrics",
    "lightning",
    "pymovements",
)


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    "statement",
    ["import sightline", "import sightline.cli.app", "import sightline.errors"],
)
def test_import_leaves_heavy_packages_alone(statement: str) -> None:
    loaded = run("-c", f"{statement}; import sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == []


def test_help_leaves_heavy_packages_alone_and_names_the_verbs() -> None:
    script = (
        "import sys; from sightline.cli.app import app\n"
        "try: app(args=['--help'], prog_name='sightline')\n"
        "except SystemExit: pass\n"
        f"print('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    )
    shown = run("-c", script)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[-1] == "LOADED"
    assert "doctor" in shown.stdout


def test_public_names_resolve() -> None:
    import sightline

    for name in sightline.__all__:
        assert getattr(sightline, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sightline.nonsense  # noqa: B018


def test_module_and_version() -> None:
    import sightline

    assert run("-m", "sightline", "--version").stdout.strip() == f"sightline {sightline.__version__}"


def test_wrong_usage_is_exit_code_2_without_traceback() -> None:
    wrong = run("-m", "sightline", "no-such-verb")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
