"""Which sources a batch has, and what the results of each are called."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sightline.apps.batch.store import fetch, find, is_address
from sightline.errors import SourceError, UsageError
from sightline.video.opening import expand_sources, stem_of

Item = tuple[str, str]
"""(path or address of a source, name of its results)."""


def list_items(sources: Sequence[str], lists: Sequence[str] = (), scratch: Path | None = None) -> list[Item]:
    """The sources with the names of their results, each once.

    sources: paths, patterns, folders of videos, addresses of stores. lists: text files with one of these a line; empty
    lines and lines that begin with # count nothing.

    Raises
    ------
    UsageError
        There is none.
    SourceError
        A list, or a store, cannot be read.
    """
    given = [*sources, *(line for file in lists for line in _lines(file, scratch))]
    found: dict[str, None] = {}
    for source in given:
        if is_address(source):
            found.update(dict.fromkeys(find(source)))
        else:
            found.update((str(Path(path).absolute()), None) for path in expand_sources([source]))
    if not found:
        raise UsageError("`sources`: nothing to do; give paths, patterns or a list of them")
    return list(zip(found, _names(list(found)), strict=True))


def _names(sources: Sequence[str]) -> list[str]:
    """The stems of the sources; where two share one, with eight digits that tell their places apart.

    So a name does not depend on the order of the sources.

    >>> _names(["/a/one.mp4", "/a/two.mp4", "/b/two.mp4"])
    ['one', 'two-913d6ab1', 'two-da8bb993']
    """

    def digits(source: str) -> str:
        return hashlib.sha256(source.encode(errors="surrogateescape")).hexdigest()[:8]

    stems = [stem_of(source if is_address(source) else Path(source)) for source in sources]
    counts = Counter(stems)
    return [
        stem if counts[stem] == 1 else f"{stem}-{digits(source)}" for stem, source in zip(stems, sources, strict=True)
    ]


def _lines(file: str, scratch: Path | None) -> list[str]:
    if is_address(file):
        if scratch is None:
            raise UsageError(f"`lists` {file}: `scratch` is needed for a list that lies in a store")
        path = fetch(file, scratch).path
    else:
        path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError("a NUL")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SourceError(f"{file}: cannot be read ({why}); a text file with one source a line is expected") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
