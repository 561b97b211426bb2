"""One cache of features: what a frozen network makes of pictures is computed once, and kept on disk.

An entry is a folder of two files, `rows.bin` (records of one structured type, one after the other) and `index.json`
(that type, and what there is to say about the rows). Its name is a digest of everything that the features depend on:
the weights, the source files and the package's code. So nothing stale is ever read, and nothing has to be cleared by
hand but for the space that it takes (`sightline doctor --clean`).

Files count by their path, size and time of change: to read gigabytes of pictures at every start would take longer than
what a copy with an old time could spoil. Weights and code count by their content.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor, nn

import sightline
from sightline.errors import DataError
from sightline.files import WholeFolder, output_errors
from sightline.nn.engine import engine_cache

INDEX = "index.json"
_PACKAGE = Path(sightline.__file__).parent
_WITHOUT_NUMBERS = {
    "sightline",
    "sightline.errors",
    "sightline.files",
    "sightline.progress",
    "sightline.training.cache",
}
"""Modules that make no features: what changes in them leaves all entries as they are."""


@dataclasses.dataclass(frozen=True)
class Features:
    """An entry: N rows as arrays (N, ...) on disk by name, and what was said about them.

    key: the digest of what it depends on, for entries that are made of it.
    """

    key: str
    rows: NDArray[Any]
    info: dict[str, Any]

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: str) -> bool:
        return name in (self.rows.dtype.names or ())

    def __getitem__(self, name: str) -> NDArray[Any]:
        return np.asarray(self.rows[name])


class Writer:
    """Takes the rows of an entry, one by one. info: what there is to say about them, as JSON holds it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.info: dict[str, Any] = {}
        self.dtype: np.dtype[Any] | None = None
        self._stream = stream

    def add(self, **fields: Tensor | NDArray[Any]) -> None:
        """Append a row. All rows have the same fields, of the same shapes and types."""
        arrays = {name: np.asarray(value) for name, value in fields.items()}
        # Aligned, so that torch can look at a field without a copy.
        dtype = np.dtype([(name, array.dtype, array.shape) for name, array in arrays.items()], align=True)
        if self.dtype is None:
            self.dtype = dtype
        if dtype != self.dtype:
            raise ValueError(f"a row of {dtype} among rows of {self.dtype}")
        record = np.zeros((), dtype)
        for name, array in arrays.items():
            record[name] = array
        self._stream.write(record.tobytes())


def features_folder() -> Path:
    """Where the features are: `features` in $SIGHTLINE_CACHE, by default in ~/.cache/sightline."""
    return engine_cache() / "features"


def cached(kind: str, parts: Sequence[object], make: Callable[[Writer], None]) -> Features:
    """The entry that depends on `parts`; `make` writes it where there is none yet.

    kind: the folder that it is in, for people. parts: all that the features depend on, see `digest`. An entry appears
    whole or not at all; where several processes want the same one, one makes it and the others wait.
    Raises OutputError where it cannot be kept, DataError where it is damaged, and what `make` raises.
    """
    key = digest(*parts)
    folder = features_folder() / kind / key
    if not (folder / INDEX).is_file():
        with _locked(folder):
            if not (folder / INDEX).is_file():
                with WholeFolder(folder, INDEX) as partial:
                    _write(partial, make)
    return _read(folder)


def _write(partial: Path, make: Callable[[Writer], None]) -> None:
    with (partial / "rows.bin").open("wb") as stream:
        writer = Writer(stream)
        make(writer)
    fields = [] if writer.dtype is None else _description(writer.dtype)
    (partial / INDEX).write_text(json.dumps({"fields": fields, "info": writer.info}), encoding="utf-8")


def _description(dtype: np.dtype[Any]) -> list[tuple[str, str, list[int]]]:
    """Name, type and shape of every field."""
    assert dtype.fields is not None
    return [(name, dtype.fields[name][0].base.str, [*dtype.fields[name][0].shape]) for name in dtype.names or ()]


def _read(folder: Path) -> Features:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        dtype = np.dtype([(name, kind, tuple(shape)) for name, kind, shape in index["fields"]], align=True)
        size = (folder / "rows.bin").stat().st_size
        if size % max(dtype.itemsize, 1):
            raise ValueError("its end is missing")
        # Copy on write: torch wants arrays that could be written to.
        rows = np.memmap(folder / "rows.bin", dtype, "c") if size else np.empty(0, dtype)
        return Features(folder.name, rows, index["info"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder}: damaged features ({error}); remove them with sightline doctor --clean, and train again"
        ) from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from making the same entry. A lost race would cost time only: entries are moved in whole."""
    path = folder.with_suffix(".lock")
    with output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        path.unlink(missing_ok=True)


def clean() -> tuple[int, list[Path]]:
    """Remove all features. Returns the bytes that this freed, and what another process is making and stays."""
    folder, busy = features_folder(), []
    before = size_of(folder)
    for path in sorted(folder.glob("*/*.lock")):
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except Timeout:
            busy.append(path.with_suffix(""))
    stays = {name for path in busy for name in (f"{path.name}.lock", f".{path.name}.partial")}
    for path in [*folder.glob("*/*")]:
        if path.name not in stays:
            shutil.rmtree(path, ignore_errors=True)
    for kind in [*folder.glob("*")]:
        with suppress(OSError):  # not empty
            kind.rmdir()
    return before - size_of(folder), busy


def size_of(path: Path) -> int:
    """Bytes of the files below a folder; 0 where it is not there."""
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())


def digest(*parts: object) -> str:
    """32 hexadecimal digits of what features depend on.

    Networks count by their parameters and buffers, arrays by their values, files by path, size and time of change,
    folders by all files below them, settings and records by their fields, all in the order given.
    """
    found = hashlib.sha256()
    for part in parts:
        for text in _told(part):
            found.update(text)
            found.update(b"\0")
    return found.hexdigest()[:32]


def _told(part: object) -> Iterator[bytes]:
    """What a part is made of."""
    yield type(part).__name__.encode()
    if isinstance(part, nn.Module):
        for name, value in part.state_dict().items():
            yield name.encode()
            yield from _told(value)
    elif isinstance(part, Tensor):
        yield from _told(part.detach().cpu().numpy())
    elif isinstance(part, np.ndarray):
        yield f"{part.dtype} {part.shape}".encode()
        yield np.ascontiguousarray(part).tobytes()
    elif isinstance(part, Path):
        yield str(part.is_dir()).encode()
        for file in sorted(path for path in part.rglob("*") if path.is_file()) if part.is_dir() else [part]:
            with suppress(FileNotFoundError):  # what is missing is for the reader to say
                stat = file.stat()
                yield f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()
    elif isinstance(part, BaseModel):
        yield part.model_dump_json().encode()
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield field.name.encode()
            yield from _told(getattr(part, field.name))
    elif isinstance(part, Mapping):
        yield from _told([*part.items()])
    elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
        yield str(len(part)).encode()
        for each in part:
            yield from _told(each)
    elif isinstance(part, str | int | float | None):
        yield repr(part).encode()
    else:
        raise TypeError(f"features cannot depend on a {type(part).__name__}")


@cache
def code_of(module: str) -> str:
    """A digest of a module's source and of every module of the package that it imports, directly or not."""
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is not None and name not in sources:
            sources[name] = path.read_bytes()
            waiting += [found for found in _imports(ast.parse(sources[name])) if found not in _WITHOUT_NUMBERS]
    return digest(sorted(sources), [hashlib.sha256(sources[name]).hexdigest() for name in sorted(sources)])


def _file_of(module: str) -> Path | None:
    """The source of a module of the package; None for what is no module of it."""
    first, *rest = module.split(".")
    path = _PACKAGE.joinpath(*rest)
    candidates = (path.with_suffix(".py"), path / "__init__.py") if rest else ()
    return next((file for file in candidates if first == _PACKAGE.name and file.is_file()), None)


def _imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a source imports; what it imports for type checkers alone is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _file_of(inner) else node.module
        yield from _imports(node)
