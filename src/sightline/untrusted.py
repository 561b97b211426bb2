"""JSON, YAML and pictures from outside: the worst that they do is an error that is expected."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL.Image import DecompressionBombError

from sightline.errors import DataError

PICTURE_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
    DecompressionBombError,
)
"""What Pillow raises of a damaged picture."""
MOST_VALUES = 100_000
"""In a YAML document, counted as often as aliases repeat them: no recipe has a thousand."""


def parse_json(text: str | bytes) -> Any:
    """A JSON document.

    Raises
    ------
    ValueError
        It is none, or nested too deeply.

    Examples
    --------
    >>> parse_json('{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json(path: Path, mend: str) -> Any:
    """The JSON document of a file in UTF-8.

    Raises
    ------
    DataError
        It cannot be read, or is none. mend: what is to be done then, the end of the message.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {mend}") from None


def parse_yaml(text: str) -> Any:
    """A YAML document of plain values: no object is made that it names.

    Raises
    ------
    ValueError
        It is none, nested too deeply, or small only as long as its aliases are not followed. On one line.

    Examples
    --------
    >>> parse_yaml("steps: 9")
    {'steps': 9}
    """
    import yaml

    try:
        found = yaml.safe_load(text)
        _count(found, [0])
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (TypeError, AttributeError, KeyError, IndexError) as error:  # of PyYAML, for some keys and tags
        raise ValueError(f"no plain values ({error})") from None
    return found


def _count(value: Any, seen: list[int]) -> None:
    seen[0] += 1
    if seen[0] > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} values, counting those that aliases repeat")
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            _count(one, seen)
