"""A visitor's video or picture: what is let in, its frames as pictures of the page, and a film that browsers play."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.apps.web.limits import Limits
from sightline.errors import SourceError
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from sightline.video import Source, VideoWriter, open_source
from sightline.video.frames import is_image

FORMATS = "mov,mp4,matroska,webm,avi,asf,flv,mpegts,mpeg,mpegvideo,ogg,dv,mxf,yuv4mpegpipe,h264,hevc,nut,gif,ivf"
"""FFmpeg's containers that hold pictures themselves. Playlists, which name other files, are not among them."""
PAGE_SIDE = 960
"""The longer side of a frame on the page, pixels."""
PAGE_QUALITY = 84
"""Of its JPEG."""
_SLACK = 1.02  # of the longest video: headers round


class Media:
    """An open video or picture.

    Attributes
    ----------
    path, name, folder
        The file, what the visitor calls it, and where the pictures of its frames lie.
    size
        (height, width) of its frames.
    page_size
        (height, width) of its frames on the page.
    kind
        "video" or "image".
    times
        Seconds of the frames that are prepared.
    expected
        How many frames it has, as far as is known; None where only decoding can tell.
    ready
        Whether all frames are prepared.
    film
        What a browser plays or shows; None until it is prepared.
    """

    def __init__(self, path: Path, name: str, folder: Path, limits: Limits) -> None:
        self.path, self.name, self.folder = path, name, folder
        self._limits = limits
        require_container(path)
        with open_source(path) as source:
            self.size = source.size
            self.kind = "image" if source.kind == "image" else "video"
            self.fps, self.has_sound = source.fps, source.has_audio
            self.expected = source.frames_expected
            require_within(source, name, limits)
            scale = min(1.0, PAGE_SIDE / max(self.size))
            self.page_size = max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale))
            self.times: list[float] = []
            self._write(next(iter(source)).image, 0.0)
        self.ready = self.kind == "image"
        self.film: Path | None = self.frame(0) if self.kind == "image" else None

    def frame(self, index: int) -> Path:
        """The picture of a frame, a JPEG; of the nearest one that is prepared."""
        return self.folder / f"{min(max(0, index), len(self.times) - 1):05d}.jpg"

    def page_image(self, index: int) -> NDArray[np.uint8]:
        """The same as pixels, (H, W, 3)."""
        return np.asarray(Image.open(self.frame(index)).convert("RGB"))

    def prepare(self, step: Callable[[], None], stopped: Callable[[], bool]) -> None:
        """Make the pictures of all frames, and a film where browsers cannot play the file. Raises SourceError."""
        if self.ready:
            return
        playable = plays_in_browsers(self.path)
        with open_source(self.path) as source:
            film = None if playable else VideoWriter.like(self.folder / "source.mp4", source)
            try:
                for number, frame in enumerate(source):
                    if stopped():
                        break
                    if frame.time_s > self._limits.seconds * _SLACK:
                        raise SourceError(_too_long(self.name, frame.time_s, self._limits))
                    if number:
                        self._write(frame.image, frame.time_s)
                    if film is not None:
                        film.write(frame.image, frame.pts)
                    step()
            except BaseException:
                if film is not None:
                    film.abort()
                raise
            if film is not None:
                film.close()
        self.expected, self.ready = len(self.times), True
        self.film = self.path if playable else self.folder / "source.mp4"

    def _write(self, image: NDArray[np.uint8], time_s: float) -> None:
        height, width = self.page_size
        small = (
            image if self.page_size == self.size else cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        )
        (self.folder / f"{len(self.times):05d}.jpg").write_bytes(jpeg(small))
        self.times.append(time_s)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """An RGB picture (H, W, 3) as JPEG."""
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, PAGE_QUALITY])
    assert done
    return data.tobytes()


def require_kind(name: str) -> None:
    """Raise SourceError where a file's name is not that of a video or picture."""
    suffix = Path(name).suffix.lower()
    if suffix not in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
        raise SourceError(f"{name}: neither a video nor a picture by its name; give an mp4, mov, webm, jpg, png, ...")


def require_container(path: Path) -> None:
    """Raise SourceError where a video's file is a playlist or another text that would have FFmpeg open other files."""
    if is_image(path):
        return
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        av.open(f"file:{path}", options=options, metadata_errors="replace").close()
    except (av.FFmpegError, ValueError) as error:
        raise SourceError(f"{path}: not a video that can be read; export it again, as mp4") from error


def require_within(source: Source, name: str, limits: Limits) -> None:
    """Raise SourceError where a video is too long, or its frames are too large."""
    height, width = source.size
    if height * width > limits.megapixels * 1e6:
        raise SourceError(
            f"{name}: {width}x{height} pixels; this page takes up to {limits.megapixels:g} megapixels: make it smaller"
        )
    seconds = (source.frames_expected or 0) / source.fps
    if source.kind != "image" and seconds > limits.seconds * _SLACK:
        raise SourceError(_too_long(name, seconds, limits))


def _too_long(name: str, seconds: float, limits: Limits) -> str:
    lasts = math.ceil(seconds)
    return f"{name}: lasts {lasts} s; this page takes videos of up to {limits.seconds:g} s: cut it, and drop the part"


def plays_in_browsers(path: Path) -> bool:
    """Whether every current browser plays a video as it is.

    MP4 with H.264 in 8-bit 4:2:0, or WebM; sound none, AAC, MP3, Opus or Vorbis.
    """
    if is_image(path):  # of several pages
        return False
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        containers = set(container.format.name.split(","))
        picture = next(iter(container.streams.video), None)
        sounds = [stream.codec_context.name for stream in container.streams.audio if stream.codec_context is not None]
        if picture is None or picture.codec_context is None:
            return False
        codec, pixels = picture.codec_context.name, picture.codec_context.pix_fmt
    if "mp4" in containers:
        return codec == "h264" and pixels in ("yuv420p", "yuvj420p") and set(sounds) <= {"aac", "mp3", "mp3float"}
    webm = "webm" in containers and path.suffix.lower() == ".webm"
    return webm and pixels == "yuv420p" and set(sounds) <= {"opus", "vorbis", "libopus", "libvorbis"}
