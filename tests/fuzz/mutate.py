"""Damages files as disks, editors, other programs and bad intentions do. The same seed, the same damage."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import yaml

CELLS = (
    "", " ", "nan", "NaN", "-nan", "inf", "-inf", "1e308", "-1e308", "1e400", "0", "-0", "-1", "1", "2147483648",
    "-2147483649",    "99999999999999999999", "9" * 400,
    "1,5", "1.5", "1.2.3", "0x10", "1_000", "٣", "é", "\u2028", "\ufeff", "\x00", "\x1a",
    "'", '"', '""', "=1+1", "%s", "{}", "[]", "null", "true", "None",
    "../../a", "/", "\\", "C:\\a", "a" * 5000, "#", ":", "-", ".", "*",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 2**31, -(2**31) - 1, 2**63, 10**30, 0.0, 0.5, -0.5, 1e308, float("nan"),
    float("inf"), "", "a",
    "nan", "../../a", "\x00", "a" * 5000, [], [[]], {}, [0], [-1], {"a": 1}, [1, 2, 3, 4], ["a"], [None],
)  # fmt: skip
SEPARATORS = ((b"\t", b","), (b",", b";"), (b"\n", b"\r\n"), (b"\n", b"\r"), (b".", b","), (b"\t", b" "))
NOTHING = (b"", b"[" * 100_000, b"{" * 100_000, b"\n" * 9999, b"\xff\xfe", b"\x1f\x8b\x08")
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damage(path: Path, rng: Random) -> None:
    """Change a file in one to four ways, as its name tells what it holds."""
    content = path.read_bytes()
    if rng.random() < 0.02:
        path.write_bytes(rng.choice(NOTHING))
        return
    structured = path.suffix in {".json", ".yaml", ".yml"} and rng.random() < 0.75
    if structured:
        path.write_bytes(_of_tree(content, path.suffix == ".json", rng))
        return
    is_text = path.suffix in {".asc", ".csv", ".tsv", ".txt", ".json", ".yaml", ".yml"} and rng.random() < 0.9
    for _ in range(rng.choice((1, 1, 2, 4))):
        content = rng.choice(TEXT)(content, rng) if is_text else rng.choice(BYTES)(content, rng)
    path.write_bytes(content)


def value(rng: Random) -> Any:
    """Something that nobody would write there."""
    return copy.deepcopy(rng.choice(VALUES))


def _of_tree(content: bytes, as_json: bool, rng: Random) -> bytes:
    tree = [json.loads(content) if as_json else yaml.safe_load(content)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        holder, key = rng.choice(list(_places(tree)))
        how = rng.random()
        if how < 0.7 or holder is tree:
            holder[key] = value(rng)
        elif how < 0.85:
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(CELLS)] = holder[key]
        else:
            holder.insert(key, copy.deepcopy(holder[key]))
    return (json.dumps(tree[0]) if as_json else yaml.safe_dump(tree[0])).encode("utf-8", "surrogatepass")


def _places(tree: Any) -> Any:
    """Every (holder, key) in it."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def _lines(change: Callable[[list[bytes], Random], None]) -> Callable[[bytes, Random], bytes]:
    def changed(content: bytes, rng: Random) -> bytes:
        lines = content.splitlines(keepends=True) or [b""]
        change(lines, rng)
        return b"".join(lines)

    return changed


def _at(lines: list[Any], rng: Random) -> int:
    """A line; the first ones, where headers are, more often."""
    return rng.randrange(min(len(lines), 12) if rng.random() < 0.4 else len(lines))


def _drop(lines: list[bytes], rng: Random) -> None:
    at = _at(lines, rng)
    del lines[at : at + rng.choice((1, 1, 5, 200))]


def _repeat(lines: list[bytes], rng: Random) -> None:
    at = _at(lines, rng)
    lines[at:at] = lines[at : at + rng.choice((1, 3))] * rng.choice((1, 1, 50))


def _swap(lines: list[bytes], rng: Random) -> None:
    one, other = _at(lines, rng), _at(lines, rng)
    lines[one], lines[other] = lines[other], lines[one]


def _cell(lines: list[bytes], rng: Random) -> None:
    at = _at(lines, rng)
    for separator in (b"\t", b",", b";", b" "):
        if separator in lines[at]:
            cells = lines[at].split(separator)
            place, how = rng.randrange(len(cells)), rng.random()
            if how < 0.7:
                cells[place] = rng.choice(CELLS).encode()
            elif how < 0.85:
                del cells[place]
            else:
                cells.insert(place, cells[rng.randrange(len(cells))])
            lines[at] = separator.join(cells)
            return
    lines[at] = rng.choice(CELLS).encode() + b"\n"


def _column(lines: list[bytes], rng: Random) -> None:
    """The same cell in many lines."""
    separator = rng.choice((b"\t", b","))
    place, cell = rng.randrange(12), rng.choice(CELLS).encode()
    for at in range(1, len(lines)):
        cells = lines[at].split(separator)
        if place < len(cells):
            cells[place] = cell
            lines[at] = separator.join(cells)


def _separators(content: bytes, rng: Random) -> bytes:
    one, other = rng.choice(SEPARATORS)
    return content.replace(one, other)


def _encoding(content: bytes, rng: Random) -> bytes:
    kind = rng.choice(("utf-16", "utf-8-sig", "utf-16-le", "latin-1"))
    return content.decode("utf-8", "replace").encode(kind, "replace")


def _truncate(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _flip(content: bytes, rng: Random) -> bytes:
    data = bytearray(content or b"\x00")
    for _ in range(rng.choice((1, 4, 64))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(data)


def _number(content: bytes, rng: Random) -> bytes:
    """A length, a size or a count is another."""
    data, width = bytearray(content or b"\x00"), rng.choice((1, 2, 4, 8))
    at = _place(data, rng)
    order = rng.choice(("little", "big"))
    data[at : at + width] = (rng.choice(NUMBERS) % 256**width).to_bytes(width, order)  # type: ignore[arg-type]
    return bytes(data)


def _cut_out(content: bytes, rng: Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + content[at + rng.choice((1, 7, 500, 20000)) :]


def _double(content: bytes, rng: Random) -> bytes:
    at, length = _place(content, rng), rng.choice((1, 16, 3000))
    return content[: at + length] + content[at:]


def _zeros(content: bytes, rng: Random) -> bytes:
    at, length = _place(content, rng), rng.choice((4, 64, 4096))
    return content[:at] + bytes(min(length, len(content) - at)) + content[at + length :]


def _place(content: bytes | bytearray, rng: Random) -> int:
    """Where to damage; heads and tails, where indices are, more often."""
    length, where = max(len(content), 1), rng.random()
    near = min(length, 400)
    if where < 0.35:
        return rng.randrange(near)
    return length - 1 - rng.randrange(min(length, 2000)) if where < 0.6 else rng.randrange(length)


BYTES = (_truncate, _flip, _number, _number, _cut_out, _double, _zeros)
TEXT = (
    *map(_lines, (_drop, _repeat, _swap, _cell, _cell, _cell, _cell, _column, _column)),
    _separators, _encoding, _truncate, _flip, _cut_out, _double,
)  # fmt: skip
