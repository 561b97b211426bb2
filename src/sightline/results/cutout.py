"""The objects alone, on nothing: a film with alpha, or a picture."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from sightline.results.kinds import Kind, Lane, Sink
from sightline.types import Frame
from sightline.video import Source
from sightline.video.sound import SoundTrack
from sightline.video.writer import mp4_options, writing

BLEED = 8
"""Pixels around the object that keep their colour, of which nothing is seen: coded colours are coarser than alpha."""
_BT709 = 1


@dataclass(frozen=True, slots=True)
class Codec:
    """How a film with alpha is coded. suffix: of its file; sound: whether the source's sound fits into it."""

    suffix: str
    encoder: str
    pixels: str
    options: tuple[tuple[str, str], ...]
    sound: bool


PRORES = Codec(".mov", "prores_ks", "yuva444p10le", (("profile", "4444"), ("alpha_bits", "16")), sound=True)
VP9 = Codec(
    ".webm",
    "libvpx-vp9",
    "yuva420p",
    (("crf", "24"), ("b", "0"), ("auto-alt-ref", "0"), ("deadline", "realtime"), ("cpu-used", "6"), ("row-mt", "1")),
    sound=False,
)


class Cutout(Kind):
    """cutout.mov or cutout.webm of a video, cutout.png of a picture, a folder of pictures that are not one source."""

    lane: Lane = "film"
    on_request = True

    def __init__(self, name: str, about: str, codec: Codec) -> None:
        self.name, self.about, self.codec = name, about, codec
        self.entries = (f"{name}{codec.suffix}", f"{name}.png", name)

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of a model that gives masks."""
        return "masks" in gives

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        if source is None:
            (folder / self.name).mkdir()
            return _Pictures(folder / self.name)
        if source.kind == "image":
            return _Picture(folder / self.entries[1])
        return _CutoutFilm(folder / self.entries[0], source, self.codec)


def cut_out(frame: Frame) -> NDArray[np.uint8]:
    """A frame's objects as RGBA (H, W, 4), alpha not multiplied in. Transparent where the frame has no mask.

    Where there is a probability the edge of the mask is as soft as that is between 1/4 and 3/4.

    Examples
    --------
    >>> image, mask = np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4), np.uint8)
    >>> mask[:, 1] = 1
    >>> cut_out(Frame(0, 0.0, image, mask=mask))[0, :, 3].tolist()
    [0, 255, 0, 0]
    """
    height, width = frame.image.shape[:2]
    alpha = np.zeros((height, width), np.uint8)
    if frame.mask is not None:
        alpha = (frame.mask > 0).astype(np.uint8) * 255
        if frame.probability is not None:
            soft = (np.clip(2 * frame.probability - 0.5, 0, 1) * 255).round().astype(np.uint8)
            near = cv2.dilate(alpha, np.ones((5, 5), np.uint8))
            alpha = np.where(near > 0, soft, 0).astype(np.uint8)
    ring = cv2.dilate(alpha, np.ones((2 * BLEED + 1, 2 * BLEED + 1), np.uint8)) > 0
    return np.dstack([frame.image * ring[..., None], alpha])


class _Picture(Sink):
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, frame: Frame, name: str | None = None) -> None:
        Image.fromarray(cut_out(frame)).save(self._path)


class _Pictures(Sink):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, frame: Frame, name: str | None = None) -> None:
        Image.fromarray(cut_out(frame)).save(self._folder / f"{name or f'{frame.index:05d}'}.png")


class _CutoutFilm(Sink):
    """Keeps the source's times, and its sound where the container takes it."""

    def __init__(self, path: Path, source: Source, codec: Codec) -> None:
        self._path, self._source = path, source
        self._pad = (source.size[0] % 2, source.size[1] % 2)
        self._format, self._convert = codec.pixels, VideoReformatter()
        self._sound: SoundTrack | None = None
        self._last_s, self._step_s = 0.0, 1 / source.fps
        with writing(path):
            options = mp4_options(source.time_base) if codec.sound else {}
            self._output = av.open(f"file:{path}", "w", options=options)
            rate = Fraction(source.fps).limit_denominator(1001)
            self._stream = self._output.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
            self._stream.height, self._stream.width = (n + pad for n, pad in zip(source.size, self._pad, strict=True))
            self._stream.pix_fmt = codec.pixels
            context = self._stream.codec_context
            context.time_base = source.time_base
            context.sample_aspect_ratio = source.pixel_aspect
            context.color_primaries = context.color_trc = context.colorspace = context.color_range = _BT709
            if codec.sound and source.sound_track is not None:
                self._sound = SoundTrack(source.sound_track, self._output, source.zero_s, source.note)

    def write(self, frame: Frame, name: str | None = None) -> None:
        image = np.pad(cut_out(frame), ((0, self._pad[0]), (0, self._pad[1]), (0, 0)), mode="edge")
        rgba = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgba")
        coded = self._convert.reformat(
            rgba, format=self._format, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
        )
        base = self._source.time_base
        pts = self._source.pts_of(frame.time_s)
        coded.pts, coded.time_base = pts - round(self._source.zero_s / base), base
        with writing(self._path):
            self._output.mux(self._stream.encode(coded))
            if self._sound is not None:
                self._sound.advance(float(pts * base))
        self._step_s = (frame.time_s - self._last_s) or self._step_s
        self._last_s = frame.time_s

    def close(self, *, whole: bool = True) -> None:
        with writing(self._path):
            self._output.mux(self._stream.encode(None))
            if self._sound is not None:
                end = self._last_s + self._step_s + float(self._source.zero_s)
                self._sound.advance(None if whole else end)
                self._sound.close()
            self._output.close()

    def abort(self) -> None:
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(av.FFmpegError, OSError):
            self._output.close()
