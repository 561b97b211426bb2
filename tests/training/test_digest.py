"""What the name of an entry in the cache depends on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import BaseModel
from torch import nn

from sightline.training import digest as digests
from sightline.training.digest import code_of, digest


class Settings(BaseModel):
    size: int = 1


@dataclass
class Sample:
    path: Path
    points: Any = None


def test_a_name_depends_on_every_part_and_its_order() -> None:
    torch.manual_seed(0)
    net, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with torch.no_grad():
        other.running_mean.fill_(0.5)  # type: ignore[union-attr]
    parts: list[Any] = [
        1, 2, 1.0, "1", None, True, [1, 2], [2, 1], [[1], 2], {"a": 1}, {"a": 2}, Settings(), Settings(size=2),
        np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), torch.ones(2), net, other,
        Sample(Path("a")), Sample(Path("a"), np.ones(1)),
    ]  # fmt: skip
    found = [digest(part) for part in parts]
    assert len(set(found)) == len(parts)
    assert found == [digest(part) for part in parts]
    assert digest(1, 2) != digest(2, 1)
    with pytest.raises(TypeError, match="cannot depend on a object"):
        digest(object())


def test_files_count_by_path_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "data/inner").mkdir(parents=True)
    file = tmp_path / "data/inner/a.txt"
    file.write_text("one")
    seen = {digest(file): "file", digest(tmp_path / "data"): "folder", digest(tmp_path / "missing"): "missing"}

    def changed(what: str) -> None:
        for path in (file, tmp_path / "data"):
            seen[digest(path)] = f"{what} {path.name}"

    os.utime(file, ns=(1, 1))
    changed("time")
    file.write_text("longer")
    os.utime(file, ns=(1, 1))
    changed("size")
    assert len(seen) == 7
    (tmp_path / "data/b.txt").touch()
    assert digest(tmp_path / "data") not in seen
    copy = tmp_path / "copy.txt"
    copy.write_text("longer")
    os.utime(copy, ns=(1, 1))
    assert digest(copy) != digest(file)


def test_code_counts_with_all_that_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "sightline"
    (package / "inner").mkdir(parents=True)
    files = {
        "one.py": "import numpy\nfrom sightline.inner import two\n",
        "inner/__init__.py": "raise RuntimeError\n",
        "inner/two.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sightline import types\n"
        "def f():\n    from sightline.three import g\n",
        "three.py": "from sightline import __version__\nimport sightline.one\n",
        "types.py": "x = 1\n",
        "__init__.py": "__version__ = '1'\n",
    }
    for name, content in files.items():
        (package / name).write_text(content)
    monkeypatch.setattr(digests, "_PACKAGE", package)

    def now() -> str:
        code_of.cache_clear()
        return code_of("sightline.one")

    before = now()
    for name in ("types.py", "__init__.py", "inner/__init__.py"):
        (package / name).write_text("changed = 1\n")
        assert now() == before, f"{name} has no part in it"
    for name in ("one.py", "inner/two.py", "three.py"):
        (package / name).write_text(files[name] + "# changed\n")
        assert now() != before, name
        before = now()
    code_of.cache_clear()


@pytest.mark.parametrize(
    ("module", "needs"),
    [
        ("sightline.training.egnet.data", {"sightline.nn.backbones", "sightline.training.egnet.views"}),
        ("sightline.training.wcsnet.views", {"sightline.models.wcsnet.geometry", "sightline.data.bsds"}),
        ("sightline.training.egcnet.scenes", {"sightline.nn.motion", "sightline.models.egcnet.network"}),
    ],
)
def test_the_code_of_features_is_what_makes_them(module: str, needs: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(digests, "_file_of", lambda name, inner=digests._file_of: read.append(name) or inner(name))  # type: ignore[func-returns-value]
    code_of.cache_clear()
    code_of(module)
    code_of.cache_clear()
    assert needs <= {*read}
    assert not {"sightline.training.recipe", "sightline.training.run"} & {*read}, "which make no features"
