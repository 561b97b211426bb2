"""Where sources come from and results go: folders, and the stores that pyarrow.fs knows (s3://, gs://, hdfs://, hf://)."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from sightline.errors import OutputError, SourceError, UsageError, first_line
from sightline.files import WholeFile, output_errors

CHUNK = 8 << 20  # bytes that are read or written at once
OBJECT_STORES = ("s3", "gcs", "py::fsspec+hf")
"""pyarrow's names of stores without folders, where a file appears whole when it is closed."""


class Place(ABC):
    """A folder or a prefix of a store. Names in it are relative, with / between."""

    address: str

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """What is in a file; None where there is none."""

    @abstractmethod
    def write(self, name: str, content: bytes | Path) -> None:
        """Make a file of bytes, or of a local file's. It appears whole or not at all."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens where there is none."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """The files in a folder of the place, sorted; empty where there is none."""

    @abstractmethod
    def open(self, name: str) -> Any:
        """A file for reading, binary and seekable."""


class Here(Place):
    """A folder of this machine, or one that all machines share."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, str(folder)

    def read(self, name: str) -> bytes | None:
        """See `Place.read`."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes | Path) -> None:
        """See `Place.write`."""
        with WholeFile(self.folder / name) as partial:
            if isinstance(content, bytes):
                partial.write_bytes(content)
            else:
                shutil.copyfile(content, partial)

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        with output_errors(self.folder / name):
            if (self.folder / name).is_dir():
                shutil.rmtree(self.folder / name)
            else:
                (self.folder / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """See `Place.names`."""
        place = self.folder / folder
        return sorted(file.name for file in place.iterdir() if file.is_file()) if place.is_dir() else []

    def open(self, name: str) -> IO[bytes]:
        """See `Place.open`."""
        return (self.folder / name).open("rb")


class There(Place):
    """A prefix of a store that pyarrow.fs knows."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._fs, self._root = resolve(address)
        self._whole = self._fs.type_name in OBJECT_STORES

    def read(self, name: str) -> bytes | None:
        """See `Place.read`."""
        with self._errors(name):
            try:
                with self._fs.open_input_file(f"{self._root}/{name}") as file:
                    content: bytes = file.read()
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, content: bytes | Path) -> None:
        """See `Place.write`."""
        target = f"{self._root}/{name}"
        partial = target if self._whole else f"{target}.partial"
        with self._errors(name):
            if not self._whole:
                self._fs.create_dir(target.rpartition("/")[0], recursive=True)
            with self._fs.open_output_stream(partial) as out:
                if isinstance(content, bytes):
                    out.write(content)
                else:
                    with content.open("rb") as file:
                        while chunk := file.read(CHUNK):
                            out.write(chunk)
            if partial != target:
                self._fs.move(partial, target)

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        target = f"{self._root}/{name}"
        with self._errors(name):
            kind = self._fs.get_file_info(target).type.name
            if kind == "File":
                self._fs.delete_file(target)
            elif kind == "Directory":
                self._fs.delete_dir(target)

    def names(self, folder: str) -> list[str]:
        """See `Place.names`."""
        with self._errors(folder):
            found = self._fs.get_file_info(_selector(f"{self._root}/{folder}", recursive=False))
        return sorted(info.base_name for info in found if info.is_file)

    def open(self, name: str) -> Any:
        """See `Place.open`."""
        return self._fs.open_input_file(f"{self._root}/{name}")

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of hf://, whatever the HTTP client raises
            raise OutputError(
                f"{join(self.address, name)}: {_said(error)}; check the address and the credentials"
            ) from None


def place_at(address: str | Path) -> Place:
    """The place of an address or a path. Raises UsageError of one that nothing here can open."""
    return There(str(address).rstrip("/")) if is_address(address) else Here(Path(address))


@dataclass(frozen=True)
class Fetched:
    """A source as a file or folder of this machine, and what tells its content."""

    path: Path
    sha256: str
    size: int


def fetch(source: str, scratch: Path) -> Fetched:
    """A source, copied to `scratch` where it lies in a store. Raises SourceError where it cannot be read."""
    if not is_address(source):
        from sightline.video.opening import require_readable

        path = Path(source)
        require_readable(path)
        return Fetched(path, *_digest(path))
    fs, place = resolve(source)
    path = scratch / re.sub(r"[^\w.-]+", "-", place.rpartition("/")[2])
    digest, size = hashlib.sha256(), 0
    try:
        with fs.open_input_stream(place) as file, path.open("wb") as copy:
            while chunk := file.read(CHUNK):
                copy.write(chunk)
                digest.update(chunk)
                size += len(chunk)
    except Exception as error:  # of hf://, whatever the HTTP client raises
        raise SourceError(f"{source}: cannot be fetched ({_said(error)}); check the address, {scratch}") from None
    if not size:
        raise SourceError(f"{source}: the file is empty (0 bytes); copy or export it again")
    return Fetched(path, digest.hexdigest(), size)


def _digest(path: Path) -> tuple[str, int]:
    """(sha256, bytes) of a file; of a folder, of its files with their names."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest, size = hashlib.sha256(), 0
    for file in files:
        if path.is_dir():
            digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode(errors="surrogateescape"))
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    return digest.hexdigest(), size


def is_address(text: str | Path) -> bool:
    """Whether it is an address rather than a path.

    >>> is_address("s3://bucket/videos"), is_address("videos")
    (True, False)
    """
    return isinstance(text, str) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text) is not None


def find(pattern: str) -> list[str]:
    """The addresses that a pattern (`*`, `?`, `[ab]`, `**`) of a store stands for, or the files in a folder of one.

    Raises SourceError where the store cannot be listed, or nothing is there.
    """
    fs, place = resolve(pattern)
    base, query = _split(pattern)
    prefix = base[: len(base) - len(place)] if base.endswith(place) else base[: base.index("://") + 3]
    fixed = re.split(r"[*?[]", place, maxsplit=1)[0].rpartition("/")[0] if _magic(place) else place
    fits = re.compile(_regex(place)) if _magic(place) else None
    try:
        info = fs.get_file_info(place) if fits is None else None
        if info is not None and info.is_file:
            return [pattern]
        entries = fs.get_file_info(_selector(fixed, recursive=fits is not None))
    except Exception as error:  # of hf://, whatever the HTTP client raises
        raise SourceError(
            f"{pattern}: cannot be listed ({_said(error)}); check the address and the credentials"
        ) from None
    files = sorted(entry.path for entry in entries if entry.is_file and (fits is None or fits.fullmatch(entry.path)))
    if not files:
        raise SourceError(f"{pattern}: nothing is there; check the address")
    return [f"{prefix}{path}{query}" for path in files]


@lru_cache(maxsize=16)
def _store(scheme: str, host: str, query: str) -> tuple[Any, str]:
    try:
        import pyarrow.fs
    except ImportError:
        raise UsageError(f"{scheme}://: needs pyarrow; pip install 'sightline[ray]'") from None
    if scheme == "hf":
        from huggingface_hub import HfFileSystem

        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(HfFileSystem())), host
    try:
        fs, root = pyarrow.fs.FileSystem.from_uri(f"{scheme}://{host}/{query}")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{scheme}://{host}: cannot be opened ({_said(error)}); pyarrow.fs knows s3://, gs://, hdfs://, "
            "abfss:// and file://, and hf:// works too"
        ) from None
    return fs, root


def resolve(address: str) -> tuple[Any, str]:
    """(file system, path in it) of an address. Raises UsageError of one that nothing here can open."""
    base, query = _split(address)
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    fs, root = _store(scheme.lower(), host, query)
    return fs, f"{root.rstrip('/')}/{path}" if path else root


def _split(address: str) -> tuple[str, str]:
    """(address, "?options of the store") such as ?endpoint_override=localhost:9000&scheme=http."""
    found = re.search(r"\?\w+=[^/*]*$|\?\w+=.*$", address)
    return (address, "") if found is None else (address[: found.start()], found[0])


def join(place: str, name: str) -> str:
    """The address of a name in a place, whose options stay at the end."""
    base, query = _split(place) if is_address(place) else (place, "")
    return f"{base.rstrip('/')}/{name}{query}" if is_address(place) else os.path.join(place, name)


def _selector(folder: str, *, recursive: bool) -> Any:
    from pyarrow.fs import FileSelector

    return FileSelector(folder, allow_not_found=True, recursive=recursive)


def _magic(text: str) -> bool:
    return re.search(r"[*?[]", text) is not None


def _regex(pattern: str) -> str:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|.", pattern)
    return "".join(parts.get(token) or (token if len(token) > 1 else re.escape(token)) for token in tokens)


def _said(error: Exception) -> str:
    return first_line(error).rstrip(".")
