"""What features depend on, as a few digits: weights and code by their content, files by path, size and time of change.

To read gigabytes of pictures at every start would take longer than what a copy with an old time could spoil.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel
from torch import Tensor, nn

import sightline

_PACKAGE = Path(sightline.__file__).parent
_WITHOUT_NUMBERS = {
    "sightline",
    "sightline.errors",
    "sightline.files",
    "sightline.kept",
    "sightline.progress",
    "sightline.training.cache",
    "sightline.training.digest",
}
"""Modules that make no features: what changes in them leaves all entries as they are."""


def digest(*parts: object) -> str:
    """Give 32 hexadecimal digits of what features depend on.

    Parameters
    ----------
    *parts
        Networks count by their parameters and buffers, arrays and tensors by their values, files by path, size and time
        of change, folders by all files below them, settings and records by their fields. The order counts, too.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> digest("a", [1, 2]) == digest("a", [1, 2]) != digest("a", [2, 1])
    True
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
