from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sightline.cli import doctor
from sightline.cli.app import app
from sightline.models import list_models


def checks(*args: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code and the findings by name."""
    result = CliRunner().invoke(app, ["doctor", "--json", *args])
    findings = json.loads(result.stdout)["checks"]
    return result.exit_code, {check["name"]: check for check in findings}


@pytest.fixture
def whole_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights with its SHA256SUMS, which doctor looks at instead of the package's own."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/model.safetensors").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  tiny/model.safetensors\n")
    monkeypatch.setattr(doctor, "_weights", lambda: doctor._check_weights(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("whole_weights")
def test_a_whole_installation_is_healthy() -> None:
    code, found = checks()
    assert code == 0, [check for check in found.values() if check["state"] == "missing"]
    assert found["torch"]["detail"] == metadata.version("torch")
    assert found["libx264 encoder"]["state"] == "ok"
    assert "pysaliency" not in found
    assert found["tiny/model.safetensors"]["state"] == "ok"
    assert hashlib.sha256(b"weights").hexdigest() in found["tiny/model.safetensors"]["detail"]


def test_altered_or_lost_weights_are_found(whole_weights: Path) -> None:
    (whole_weights / "tiny/model.safetensors").write_bytes(b"Weights")
    code, found = checks()
    assert code == 1
    assert found["tiny/model.safetensors"]["detail"].startswith("damaged or altered")
    (whole_weights / "tiny/model.safetensors").unlink()
    assert checks()[1]["tiny/model.safetensors"]["detail"] == "not there"
    (whole_weights / "SHA256SUMS").unlink()
    assert checks()[1]["SHA256SUMS"]["state"] == "missing"


@pytest.mark.usefixtures("whole_weights")
def test_packages_absent_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "lightning":
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name == "numpy" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    code, found = checks()
    assert code == 1
    assert found["numpy"]["state"] == "missing"
    assert found["numpy"]["detail"] == "1.0, needs >=2.0"
    assert found["numpy"]["remedy"] == 'pip install "numpy>=2.0"'
    assert found["lightning"]["state"] == "optional"
    assert found["lightning"]["remedy"] == 'pip install "sightline[train]"'


@pytest.mark.usefixtures("whole_weights")
@pytest.mark.parametrize(("codec", "name", "code"), [("libx264", "libx264 encoder", 1), ("vp9", "vp9 decoder", 0)])
def test_codecs_that_are_not_built_in(monkeypatch: pytest.MonkeyPatch, codec: str, name: str, code: int) -> None:
    unknown = [(f"no-such-{c}" if c == codec else c, *rest) for c, *rest in doctor.CODECS]
    monkeypatch.setattr(doctor, "CODECS", unknown)
    exit_code, found = checks()
    assert exit_code == code
    assert found[f"no-such-{name}"]["state"] == ("missing" if code else "optional")


def test_the_table_says_how_to_get_what_is_missing(whole_weights: Path) -> None:
    (whole_weights / "SHA256SUMS").unlink()
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 1
    assert "packages for [train]" in shown.stdout
    assert "To get it: pip install" in shown.stdout


def test_the_shipped_weights_are_whole_and_all_listed() -> None:
    found = list(doctor._weights())
    assert [check for check in found if check.state != "ok"] == []
    folders = {folder.name for model in list_models() for folder in model.folders}
    assert {check.name for check in found} == {f"{name}/model.safetensors" for name in folders}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with features, a graph, what earlier versions left, and a file of somebody else."""
    root = tmp_path / "cache"
    monkeypatch.setenv("SIGHTLINE_CACHE", str(root))
    for name, size in (("features/views/a/rows.bin", 3000), ("g.onnx", 200), ("views/old.npy", 40), ("mine.txt", 5)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes(size))
    return root


@pytest.mark.usefixtures("whole_weights")
def test_the_size_of_the_cache_is_told(kept: Path) -> None:
    found = checks()[1]
    assert found["features"]["detail"] == f"0.0 MB in {kept}; --clean removes it"
    (kept / "features/views/a/rows.bin").write_bytes(bytes(3_400_000))
    found = checks()[1]
    assert found["features"]["detail"].startswith("3.4 MB in ")
    assert found["exported graphs"]["state"] == "ok"
    assert found["bound"]["detail"].startswith("20.0 GB together")


@pytest.mark.usefixtures("whole_weights")
def test_a_bound_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE_GB", "lots")
    found = checks()[1]
    assert (found["bound"]["state"], found["bound"]["remedy"]) == ("missing", "unset SIGHTLINE_CACHE_GB")


def test_cleaning_removes_what_is_kept_and_nothing_else(kept: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--clean", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"folder": str(kept), "freed_bytes": 3240, "in_use": []}
    assert sorted(path.name for path in kept.rglob("*") if path.is_file()) == ["mine.txt"]
    again = CliRunner().invoke(app, ["doctor", "--clean"])
    assert again.stdout == f"0.0 MB freed in {kept}\n"


def test_cleaning_leaves_what_another_process_is_making(kept: Path) -> None:
    from filelock import FileLock

    (kept / "features/views/.b.partial").mkdir()
    (kept / "features/views/.b.partial/rows.bin").write_bytes(bytes(7))
    with FileLock(kept / "features/views/b.lock"):
        result = CliRunner().invoke(app, ["doctor", "--clean"])
    assert result.exit_code == 0
    assert "views/b: is being made by another process and stays" in result.stderr
    assert (kept / "features/views/.b.partial/rows.bin").is_file()
    assert not (kept / "features/views/a").exists()


def test_without_a_cache_there_is_nothing_to_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "none"))
    assert CliRunner().invoke(app, ["doctor", "--clean"]).exit_code == 0
    assert not (tmp_path / "none").exists()
