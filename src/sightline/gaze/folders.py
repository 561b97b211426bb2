"""Folders of results that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightline.errors import OutputError


@contextmanager
def staging(target: Path, marker: str, stale: tuple[str, ...] = ()) -> Iterator[Path]:
    """A hidden folder beside `target` whose files move there when all is done, and that vanishes if it is not.

    marker: the file that tells an earlier result, which may be replaced, from anything else, which is refused.
    stale: what was made from an earlier result and goes with it; what others put into `target` stays.
    Raises OutputError where `target` cannot be written.
    """
    if target.exists() and not (target / marker).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: there is something else already; give a new folder with --out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); give another --out") from None
    try:
        yield hidden
        target.mkdir(exist_ok=True)
        for name in stale:
            _remove(target / name)
        for made in hidden.iterdir():
            if made.is_dir():
                _remove(target / made.name)
            os.replace(made, target / made.name)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); give another --out") from None
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
