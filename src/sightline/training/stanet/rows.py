"""Frames of tagged videos after the frozen encoders, kept on disk video by video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.data.tagged import TaggedVideo, tagged
from sightline.errors import DataError
from sightline.files import VIDEO_SUFFIXES
from sightline.models.stanet.config import NetConfig
from sightline.models.stanet.network import Encoders, ScamNets
from sightline.models.stanet.scam import Box, Stage, StageMaps, crop_box, stage_maps, switched
from sightline.models.stanet.windows import Heard, fitted, listen, squares, with_neighbours
from sightline.nn.cam import paste
from sightline.nn.tagger import AudioTagger, load_tagger, read_tags
from sightline.progress import track
from sightline.training.cache import Features, Writer, cached
from sightline.training.digest import code_of, digest
from sightline.training.stanet.recipe import TaggedRecipe, TaggedSource
from sightline.types import VideoFrame
from sightline.video import Source, open_source


class Rows(NamedTuple):
    """N frames. level3: (N, C3, h, w) of the frame; level4, level5: (N, 3, C, h, w), with its neighbours; audio:
    (N, A); sound, switch: (N,) of 0 and 1, whether anything is heard and whether it belongs to the tag; tags: (N, K)
    of 0 and 1."""

    level3: Tensor
    level4: Tensor
    level5: Tensor
    audio: Tensor
    sound: Tensor
    switch: Tensor
    tags: Tensor


@dataclass(frozen=True)
class Clip:
    """A video's frames on disk. tags: (1, K). size: (height, width) of its pictures.

    sounds: (N, A), what is heard instead of its own sound, and belongs to its tags; zeros and no tag for silence.
    """

    video: TaggedVideo
    tags: Tensor
    features: Features
    size: tuple[int, int]
    sounds: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, chosen: Sequence[int] | NDArray[np.integer] | None = None) -> Rows:
        """Its frames, or some of them."""
        which = np.arange(len(self)) if chosen is None else np.asarray(chosen)
        held = {name: torch.from_numpy(self.features[name][which]).float() for name in Rows._fields[:-1]}
        if self.sounds is not None:
            held["audio"] = self.sounds[which]
            held["sound"] = held["switch"] = (held["audio"] != 0).any(dim=1).float()
        return Rows(**held, tags=self.tags.expand(len(which), -1))


def tagged_videos(sources: Sequence[TaggedSource]) -> list[TaggedVideo]:
    """The videos of all sources. Raises DataError for a folder without videos, or a table that names none."""
    found = []
    for source in sources:
        if not source.videos.is_dir():
            raise DataError(f"{source.videos}: no such folder of videos; mend `videos`")
        files = [path for path in sorted(source.videos.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]
        if not files:
            raise DataError(f"{source.videos}: no videos in it; those of {source.tags} are expected")
        found += tagged(files, source.tags)
    return found


def all_tags(videos: Sequence[TaggedVideo]) -> tuple[str, ...]:
    """Every tag of the videos, in alphabetic order."""
    return tuple(sorted({tag for video in videos for tag in video.tags}))


class RowStore:
    """Computes what the frozen encoders make of videos, once.

    size: side of a square of the input's area. config: says tags and windows.
    """

    def __init__(self, encoders: Encoders, config: NetConfig, recipe: TaggedRecipe, size: int) -> None:
        self.encoders, self.config, self.recipe, self.size = encoders.eval(), config, recipe, size
        self._tagger: AudioTagger | None = None
        self._made_of = digest(
            code_of(__name__), encoders, config.window, config.tags, recipe.every_s, recipe.switch, size
        )

    def clips(self, videos: Sequence[TaggedVideo]) -> list[Clip]:
        """The frames of each video; those without a frame are left out."""
        return self._all(videos, [None] * len(videos), "Features of videos")

    def crops(self, clips: Sequence[Clip], boxes: Sequence[Sequence[Box | None]]) -> list[Clip]:
        """The same frames, cut to a box each; the whole frame where there is none."""
        return self._all([clip.video for clip in clips], boxes, "Features of crops")

    def _all(
        self, videos: Sequence[TaggedVideo], boxes: Sequence[Sequence[Box | None] | None], title: str
    ) -> list[Clip]:
        found = []
        for video, inside in zip(track(videos, title, len(videos)), boxes, strict=True):
            said = [list(box or ()) for box in inside or ()]
            parts = (self._made_of, video.path, list(video.tags), said)
            features = cached("stanet", parts, partial(self._write, video, inside))
            if len(features):
                height, width = features.info["size"]
                tags = torch.tensor([[float(tag in video.tags) for tag in self.config.tags]])
                found.append(Clip(video, tags, features, (height, width)))
        return found

    def _write(self, video: TaggedVideo, boxes: Sequence[Box | None] | None, writer: Writer) -> None:
        window, hearing = self.config.window, self.encoders.audio
        with open_source(video.path) as source, torch.inference_mode():
            writer.info["size"] = list(source.size)
            frames = writer.info["frames"] = []
            for number, clip in enumerate(_spaced(source.frames(), window.step_s, self.recipe.every_s)):
                time_s = clip[1].time_s
                frames.append(clip[1].index)
                images = [frame.image for frame in clip]
                pixels = fitted(images, self.size) if boxes is None else squares(images, self.size, boxes[number])
                with torch.autocast(pixels.device.type, torch.bfloat16):  # twice as fast, and kept as float16 anyway
                    level3, level4, level5 = self.encoders.see(pixels)
                heard = listen(source, time_s, window.sound_s, hearing)
                audio, belongs = torch.zeros(hearing.size), False
                if heard is not None:
                    audio = self.encoders.hear(torch.from_numpy(heard.spectrogram)[None].float())[0]
                    belongs = self._belongs(source, heard, video.tags)
                writer.add(
                    level3=level3[1].half(),
                    level4=level4.half(),
                    level5=level5.half(),
                    audio=audio,
                    sound=np.array(heard is not None, np.float32),
                    switch=np.array(belongs, np.float32),
                )

    def _belongs(self, source: Source, heard: Heard, tags: tuple[str, ...]) -> bool:
        """Whether the tagger hears the video's tag, and no other of the data more surely."""
        settings = self.recipe.switch
        if self._tagger is None:
            self._tagger = load_tagger(settings.tagger)
        samples = source.sound(heard.start_s, heard.end_s, self._tagger.rate)
        if samples is None:
            return False
        known = read_tags(settings.labels)
        scores = self._tagger.scores(np.nan_to_num(samples)[None], self.config.tags, known)[0]
        own = max((float(scores[self.config.tags.index(tag)]) for tag in tags if tag in self.config.tags), default=0.0)
        return own >= settings.floor and own >= float(scores.max())  # tags may share a label: speech is of a person


def _spaced(frames: Iterator[VideoFrame], step_s: float, every_s: float) -> Iterator[tuple[VideoFrame, ...]]:
    """The first frame and one every `every_s` seconds, each with its temporal neighbours."""
    next_s = 0.0
    for clip in with_neighbours(frames, lambda frame: frame.time_s, step_s):
        if clip[1].time_s >= next_s:
            yield clip
            next_s += every_s


class Inside(NamedTuple):
    """What the last stage of SCAM looks at: a clip's frames, or their crops in boxes.

    boxes: in pixels of the frame; None for the whole frame, where the coarse stage finds nothing."""

    whole: Clip
    inside: Clip
    boxes: list[Box | None]

    def placed(self, maps: Tensor, side: int) -> Tensor:
        """Maps (N, s, s) of the inside on whole frames, (N, side, side); zeros where a crop has no box."""
        if self.inside is self.whole:
            return maps
        placed = torch.zeros(len(maps), side, side)
        for row, box in enumerate(self.boxes):
            if box is not None:
                placed[row] = paste(maps[row], scaled_box(box, self.whole.size, side), (side, side))
        return placed


def insides(nets: ScamNets, store: RowStore, clips: Sequence[Clip]) -> list[Inside]:
    """What the last stage of SCAM looks at of each clip. store: of the size of that stage."""
    if nets.config.stage == "coarse":
        return [Inside(clip, clip, [None] * len(clip)) for clip in clips]
    boxes = [[crop_box(fused, clip.size, nets.config) for fused in coarse_maps(nets, clip).fused] for clip in clips]
    return [Inside(*found) for found in zip(clips, store.crops(clips, boxes), boxes, strict=True)]


def pseudo_fixations(nets: ScamNets, store: RowStore, clips: Sequence[Clip]) -> tuple[list[Clip], list[Tensor]]:
    """SCAM of every frame that is trained on: the crops, and maps (N, size, size) over the whole frames.

    A frame that no net takes for its tag has a map of zeros, and so does one on whose crop none does.
    """
    found = insides(nets, store, clips)
    side, stage = nets.config.coarse_size, nets.config.stage
    maps = [one.placed(maps_of(nets, stage, one.whole, one.inside).fused, side) for one in found]
    return [one.inside for one in found], maps


def scaled_box(box: Box, size: tuple[int, int], side: int) -> Box:
    """A box in pixels of a frame, on a square map: at least one cell."""
    (height, width), (x1, y1, x2, y2) = size, box
    left, top = min(side - 1, round(x1 * side / width)), min(side - 1, round(y1 * side / height))
    return left, top, max(left + 1, round(x2 * side / width)), max(top + 1, round(y2 * side / height))


def coarse_maps(nets: ScamNets, clip: Clip) -> StageMaps:
    """The coarse stage of a clip's frames."""
    return maps_of(nets, "coarse", clip, clip)


@torch.inference_mode()
def maps_of(nets: ScamNets, stage: Stage, whole: Clip, inside: Clip) -> StageMaps:
    """A stage of a clip's frames. The audio switch looks at whole frames, the nets at `inside`: the same, or crops."""
    seen, cut = whole.rows(), inside.rows()
    match, *_ = nets.switch(seen.level4[:, 1], seen.level5[:, 1], seen.audio)
    switch = switched(match, seen.sound, nets.config)
    return stage_maps(nets, stage, cut.level4, cut.level5, seen.audio, switch, whole.tags.expand(len(whole), -1))
