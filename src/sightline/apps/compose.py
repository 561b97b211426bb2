"""Composed videos with sound whose objects have to be named first: the work behind `sightline data composites`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightline.data.sounds import PAIRS
from sightline.errors import UsageError

if TYPE_CHECKING:
    from sightline.nn.naming import SegmentNamer

SHIPPED = "wcsnet"
"""The shipped weights that have DeepLab in them, as its authors trained it."""
PREFIX = "backbone."


class LateNamer:
    """DeepLab that names segments of photographs, loaded when the first one is to be named.

    classifier: a `transformers` folder or Hub id of DeepLab-MobileNetV2; None for the one in the shipped weights.
    """

    def __init__(self, classifier: str | Path | None = None) -> None:
        self._classifier = classifier

    @cached_property
    def _namer(self) -> SegmentNamer:
        from sightline.models.weights import SHIPPED as ROOT
        from sightline.nn.checkpoint import read_tensors
        from sightline.nn.naming import SegmentNamer

        if self._classifier is not None:
            return SegmentNamer(self._classifier)
        tensors = read_tensors(ROOT / SHIPPED).items()
        return SegmentNamer({name.removeprefix(PREFIX): t for name, t in tensors if name.startswith(PREFIX)})

    def __call__(self, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> str | None:
        """What a mask (H, W) of a photograph (H, W, 3) covers; None where that is not known."""
        return self._namer(image, mask)

    def objects(self, image: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """The whole objects of a photograph (H, W, 3), with their masks (H, W)."""
        return self._namer.objects(image)

    def shows(self, image: NDArray[np.uint8]) -> set[str]:
        """The classes that a photograph (H, W, 3) shows."""
        return self._namer.shows(image)


def pairs(given: Sequence[str]) -> dict[str, str]:
    """The sound classes of tags, `PAIRS` and what is given as tag=class. Raises UsageError for another form."""
    found = dict(PAIRS)
    for each in given:
        tag, equals, name = (part.strip() for part in each.partition("="))
        if not (tag and equals and name):
            raise UsageError(f"`pair` {each!r}: TAG=CLASS is expected, as in bird=rooster")
        found[tag] = name
    return found
