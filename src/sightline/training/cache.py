"""One cache of features: what a frozen network makes of pictures is computed once, and kept on disk.

An entry is a folder of two files, `rows.bin` (records of one structured type, one after the other) and `index.json`
(that type, and what there is to say about the rows). Its name is a digest of everything that the features depend on:
the weights, the source files and the package's code. So nothing stale is ever read, and nothing has to be cleared by
hand: what was used longest ago goes where there is too much (`sightline.kept`).
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from sightline.errors import DataError
from sightline.files import WholeFolder, output_errors
from sightline.kept import kept_folder, make_room, size_of, used
from sightline.training.digest import digest
from sightline.untrusted import parse_json

INDEX = "index.json"


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
    return kept_folder() / "features"


def cached(kind: str, parts: Sequence[object], make: Callable[[Writer], None]) -> Features:
    """Give the entry that depends on `parts`; `make` writes it where there is none yet.

    An entry appears whole or not at all. Where several processes want the same one, one makes it and the others wait.

    Parameters
    ----------
    kind : str
        The folder that it is in, for people.
    parts : sequence
        All that the features depend on, as `digest` takes it.
    make : callable
        Adds the rows to a `Writer`.

    Returns
    -------
    Features

    Raises
    ------
    OutputError
        The entry cannot be kept.
    UsageError
        $SIGHTLINE_CACHE_GB holds no number.
    DataError
        The entry is damaged, or what `make` raises.
    """
    key = digest(*parts)
    folder = features_folder() / kind / key
    if not used(folder / INDEX):
        with _locked(folder):
            if not used(folder / INDEX):
                make_room()
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
        index = parse_json((folder / INDEX).read_text(encoding="utf-8"))
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
    """Remove all features.

    Returns
    -------
    freed : int
        Bytes.
    busy : list of Path
        What another process is making, and stays.
    """
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
