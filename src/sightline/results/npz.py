"""Masks of a whole source in one file for NumPy."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError, OutputError
from sightline.results.kinds import Kind, Lane, Sink
from sightline.types import Frame
from sightline.video import Source


class Stack(Kind):
    """masks.npz: `masks` (T, H, W) uint8 or uint16, 0 = background and n = object n; `frames` (T,) names; `times_s`
    (T,) seconds. Of pictures of different sizes, `masks` are padded at the right and the bottom with background, and
    `sizes` (T, 2) are their heights and widths."""

    name = "npz"
    about = "the objects' masks as one NumPy file"
    entries = ("masks.npz",)
    lane: Lane = "rows"
    on_request = True

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of a model that gives masks."""
        return "masks" in gives

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        return _StackSink(folder / self.entries[0])

    def read(self, path: Path) -> dict[str, NDArray[np.integer]]:
        """Numbers of objects, (H, W), by the name of the frame. Raises DataError where the file cannot be read."""
        try:
            with np.load(path, allow_pickle=False) as found:
                named = zip(found["frames"].tolist(), found["masks"], found["sizes"].tolist(), strict=True)
                return {str(name): mask[:height, :width] for name, mask, (height, width) in named}
        except Exception as error:  # NumPy raises whatever the archive trips over
            raise DataError(f"{path}: not masks that can be read ({error!r}); write them again") from None


class _StackSink(Sink):
    """Masks wait in a packed file beside the result, so that memory does not grow with the video."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - `abort` closes it
        self._packed = gzip.GzipFile(fileobj=self._waiting, mode="wb", compresslevel=1)
        self._names: list[str] = []
        self._times: list[float] = []
        self._sizes: list[tuple[int, int]] = []
        self._largest = 0

    def write(self, frame: Frame, name: str | None = None) -> None:
        if frame.mask is None:
            return
        self._packed.write(np.ascontiguousarray(frame.mask, dtype="<u2").tobytes())
        self._names.append(name or f"{frame.index:05d}")
        self._times.append(frame.time_s)
        self._sizes.append((frame.mask.shape[0], frame.mask.shape[1]))
        self._largest = max(self._largest, int(frame.mask.max(initial=0)))

    def close(self, *, whole: bool = True) -> None:
        self._packed.close()
        self._waiting.seek(0)
        sizes = np.array(self._sizes, np.int64).reshape(-1, 2)
        kind = np.uint8 if self._largest < 256 else np.uint16
        shape = (len(sizes), *(sizes.max(axis=0).tolist() if len(sizes) else (0, 0)))
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open("masks.npy", "w", force_zip64=True) as entry, gzip.open(self._waiting) as waiting:
                header = {"descr": np.dtype(kind).newbyteorder("<").str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(entry, header)
                for height, width in self._sizes:
                    data = waiting.read(2 * height * width)
                    if len(data) < 2 * height * width:
                        raise OutputError(f"{self._path}: what was to be put together is not whole; run it again")
                    page = np.zeros(shape[1:], kind)
                    page[:height, :width] = np.frombuffer(data, "<u2").reshape(height, width)
                    entry.write(page.tobytes())
            for name, values in (
                ("frames", np.array(self._names, dtype=np.str_)),
                ("times_s", np.array(self._times, np.float64)),
                ("sizes", sizes),
            ):
                with archive.open(f"{name}.npy", "w") as entry:
                    np.lib.format.write_array(entry, values, allow_pickle=False)
        self.abort()

    def abort(self) -> None:
        self._packed.close()
        self._waiting.close()
