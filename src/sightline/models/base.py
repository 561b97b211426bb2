"""What every model offers: a clip and a prompt in, results out, one frame at a time."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.models.exports import ExportPart
from sightline.types import Box, Clip, Cue, Frame, Point, Prompt
from sightline.video import Ahead, Source, open_source

Input = str | Path | NDArray[np.uint8] | Iterable[NDArray[np.uint8]] | Source
"""A path of a video, image or frame folder; uint8 RGB (H, W, 3) or (T, H, W, 3); or an iterable of (H, W, 3)."""


class Predictor(ABC):
    """A model with its weights, made by `cls(folder, device)` from a folder of weights.

    Attributes
    ----------
    name
        The model's name.
    weights_sha256
        Checksum of its weights.
    takes
        The kinds of prompt that it takes: "point", "not_point", "box", "mask", "at_s", "objects", "fixations", "heads".
    gives
        What its frames hold, by the names of `sightline.results.outputs`: "saliency", "probability", "masks",
        "hotspots", "objects", "people", "heatmaps", "sound".
    folder
        Where its weights are; None of a model that was not loaded from a folder.
    looks_ahead
        Whether it can make use of a first pass over a clip.
    """

    name: str
    weights_sha256: str
    folder: Path | None = None
    takes: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]]
    looks_ahead: ClassVar[bool] = False

    @abstractmethod
    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """Results of a clip's frames, in their order. Holds no more than a few frames at a time."""

    def look_ahead(self, clip: Clip) -> None:
        """A first pass over a clip, for the next `stream` of the same one. UsageError without `looks_ahead`."""
        self.require_first_pass()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how the last clip of `stream` went; of no model but those that say so."""
        return ()

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """The networks that can be exported, in the order in which they run on the first frame of a size (height,
        width); none of a model that does not say. Its networks are to be on the CPU."""
        return ()

    def save_pretrained(self, out: str | Path) -> None:
        """Copy its weights, those of its parts and their cards to a folder that `load` takes. See `hub.copy_whole`."""
        from sightline.models.hub import copy_whole

        copy_whole(self._own_folder(), Path(out))

    def push_to_hub(self, repository: str, *, private: bool = False) -> str:
        """Upload the same to the Hub, "user/model", where `load` finds it. Returns the commit's address."""
        from sightline.models.hub import push

        return push(self._own_folder(), repository, private=private)

    def _own_folder(self) -> Path:
        if self.folder is None:
            raise UsageError(f"{self.name}: was not loaded from a folder of weights; make it with sightline.load")
        return self.folder

    def require(self, *kinds: str) -> None:
        """Check that the model takes such prompts.

        Raises
        ------
        UsageError
            It does not; the message says which listed models do.
        """
        for kind in kinds:
            if kind not in self.takes:
                raise UsageError(f"`{kind}`: {self.name} takes none; `sightline models` says which model does")

    def predict(
        self,
        source: Input,
        *,
        fps: float = 25.0,
        point: Point | Sequence[Point] | None = None,
        not_point: Point | Sequence[Point] | None = None,
        box: Box | None = None,
        mask: NDArray[np.bool_] | None = None,
        at_s: float = 0.0,
        objects: Sequence[Cue | Mapping[str, object]] = (),
        fixations: Mapping[int, NDArray[np.floating]] | Sequence[NDArray[np.floating]] | None = None,
        heads: NDArray[np.floating] | Sequence[Box] | Mapping[int, NDArray[np.floating]] | None = None,
        two_pass: bool = False,
    ) -> Iterator[Frame]:
        """Results of a source, frame by frame. Everything is checked at once; the work is done as frames are asked for.

        Parameters
        ----------
        source
            A path of a video, image or folder of numbered frames; uint8 RGB (H, W, 3) or (T, H, W, 3); or an iterable
            of (H, W, 3). It is closed at the end.
        fps
            Frames per second of a source without times of its own.
        point, not_point, box, mask, at_s, objects, fixations, heads
            What to attend to; see `Prompt`.
        two_pass
            Read the source once before, of a model that can make use of it (`looks_ahead`).

        Returns
        -------
        A generator of `Frame`: memory does not grow with the video. Decoding runs ahead in a thread of its own.

        Raises
        ------
        UsageError
            A prompt that the model does not take, or that does not fit the frames; a first pass that it cannot use, or
            over a source that can be read only once.
        SourceError
            The source cannot be read. Of arrays it is a FrameError, which is a ValueError too.
        """
        prompt = Prompt(
            point=point,
            not_point=not_point,
            box=box,
            mask=mask,
            at_s=at_s,
            objects=objects,
            fixations=fixations,  # type: ignore[arg-type]  # it makes a mapping of a list
            heads=heads,
        )
        self.require(*prompt.kinds)
        opened = open_source(source, fps=fps)
        try:
            prompt.require_inside(opened.size, opened.end_s)
            if two_pass:
                self.require_first_pass(opened)
        except UsageError:
            opened.close()
            raise
        return self._frames(opened, prompt, two_pass)

    def require_first_pass(self, source: Source | None = None) -> None:
        """Check that a first pass is of use and, over a source, can be made.

        Raises
        ------
        UsageError
            It is not, or cannot.
        """
        if not self.looks_ahead:
            raise UsageError(f"`two_pass`: {self.name} makes one pass; leave it out")
        if source is not None and source.once:
            raise UsageError(f"`two_pass`: {source.name} can be read only once; leave it out, or save it to a file")

    def _frames(self, source: Source, prompt: Prompt, two_pass: bool) -> Iterator[Frame]:
        with source:
            if two_pass:
                with Ahead(source) as clip:
                    self.look_ahead(clip)
            with Ahead(source) as clip:
                yield from self.stream(clip, prompt)
        for note in source.notes:
            warnings.warn(note, stacklevel=2)
