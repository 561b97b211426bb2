"""The two kinds of PNG that results are made of."""

from __future__ import annotations

import struct
import sys
from functools import cache
from pathlib import Path

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray


def write_map(path: Path, values: NDArray[np.float32]) -> None:
    """Write a map (H, W), float in [0, 1], as 16-bit grey PNG: 0..65535 = 0..1."""
    levels = np.zeros(values.shape, np.uint16)
    top, bottom, left, right = _filled(values)
    if top < bottom:
        part = np.clip(values[top:bottom, left:right], 0, 1)
        part *= 65535
        part += 0.5
        levels[top:bottom, left:right] = part
    _write_grey(path, levels)


def _filled(values: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is not 0 in a map: much of a tracker's are empty."""
    rows = np.flatnonzero(values.any(axis=1))
    if not len(rows):
        return 0, 0, 0, 0
    columns = np.flatnonzero(values[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def write_labels(path: Path, labels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write numbers of objects (H, W), 0 = background.

    uint8 becomes a palette PNG in the colours of DAVIS, uint16 a 16-bit grey one.
    """
    if labels.dtype == np.uint8:
        _write(path, labels.view(np.uint8), labels.shape[1], bits=8, palette=davis_palette().tobytes())
    else:
        _write_grey(path, labels.astype(np.uint16))


def _write_grey(path: Path, values: NDArray[np.uint16]) -> None:
    """values: (H, W), which is written over."""
    height, width = values.shape
    if sys.byteorder == "little":  # a picture's samples have their high byte first
        values.byteswap(inplace=True)
    _write(path, values.view(np.uint8).reshape(height, 2 * width), width, bits=16)


def _write(path: Path, pixels: NDArray[np.uint8], width: int, bits: int, palette: bytes = b"") -> None:
    """pixels: the rows' bytes, (H, B).

    Pillow tries five filters on every row and knows zlib alone. Maps and masks need only the filter "up", and ISA-L
    packs them no larger in a fraction of the time (PNG specification, sections 9.2 and 10).
    """
    rows = np.empty((len(pixels), pixels.shape[1] + 1), np.uint8)
    rows[:, 0] = 2  # filter "up": each byte less the one above
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, len(pixels), bits, 3 if palette else 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", isal_zlib.compress(rows, 1)), (b"IEND", b"")]
    if palette:
        chunks.insert(1, (b"PLTE", palette))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", isal_zlib.crc32(kind + body))


@cache
def davis_palette() -> NDArray[np.uint8]:
    """The 256 colours of PASCAL VOC and DAVIS, (256, 3) uint8: a label's bits go in turn to R, G and B."""
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= ((labels >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return palette
