"""Pickles of annotations, read without running any code in them: numbers, text, containers and NumPy arrays alone."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from sightline.errors import DataError


def read_pickle(path: Path) -> list[dict[str, Any]]:
    """The entries of a pickle of GOO: a list of dictionaries with `ann`.

    Raises DataError where the file is missing, damaged, asks for anything but plain values and arrays, or holds
    something else.
    """
    try:
        with path.open("rb") as file:
            entries = _PlainUnpickler(file, encoding="latin1").load()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except _Refused as error:
        raise DataError(f"{path}: not a pickle of GOO that can be read safely: {error}") from None
    except Exception as error:  # damaged bytes make the machine of pickle raise anything
        raise DataError(f"{path}: a damaged pickle ({type(error).__name__} {error}); download it again") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "ann" in entry for entry in entries):
        raise DataError(f"{path}: a list of GOO annotations is expected in it")
    return entries


class _Refused(pickle.UnpicklingError):
    """The pickle asks for something that is not plain."""


def _as_bytes(text: str, encoding: str) -> bytes:
    """What pickles of protocol 2 call to hold the bytes of arrays, in the one encoding that they use."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused(f"it asks for text in {encoding!r}")
    return text.encode("latin1")


class _PlainUnpickler(pickle.Unpickler):
    """Knows the names that NumPy needs to build arrays and numbers, and no other."""

    ARRAYS = frozenset({"ndarray", "dtype", "scalar", "_reconstruct", "_frombuffer"})

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in self.ARRAYS:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return _as_bytes
        raise _Refused(f"it asks for {module}.{name}, which annotations have no need of")

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("it refers to something outside of the file")
