"""Video files through PyAV (FFmpeg): frames in order of presentation, upright, with their own times."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from sightline.errors import SourceError
from sightline.video.container import open_media, sound_stream
from sightline.video.samples import SoundReader
from sightline.video.source import DEFAULT_FPS, Source, VideoFrame

_UNTAGGED = 2  # AVCOL_SPC_UNSPECIFIED


class VideoFile(Source):
    """A video file.

    The times of the frames come from the frames, as edit lists leave them; header counts and rates only feed progress
    bars. Missing or backward stamps continue at the mean rate. Rotation and mirror flags are applied, colours are
    converted by their tag (untagged: BT.709 from 720 lines, else BT.601, as players do), and if the resolution changes
    on the way, frames are scaled to the first one's.
    """

    path: Path

    def __init__(self, path: Path) -> None:
        self.path, self.stem, self.kind = path, path.stem, "video"
        # Closing the file under a thread that is decoding it would crash the interpreter.
        self._lock = threading.Lock()
        self._open()
        self._sound = SoundReader(path, self.start_pts * self.time_base)

    def _open(self) -> None:
        try:
            self._container = open_media(self.path)
        except av.FFmpegError as error:
            with self.path.open("rb") as file:
                is_mp4 = file.read(8)[4:] == b"ftyp"
            if is_mp4:
                raise SourceError(f"{self.path}: truncated or still being written (no index); copy it again") from error
            cause = error.strerror
            raise SourceError(f"{self.path}: not a video that can be read ({cause}); check that it plays") from error
        try:
            self._read_header()
        except BaseException:
            self._container.close()
            raise

    def _read_header(self) -> None:
        # Cover art of a sound file counts as a video stream in FFmpeg.
        videos = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not videos:
            kinds = ", ".join(sorted({s.type for s in self._container.streams}))
            if not kinds:
                raise SourceError(f"{self.path}: nothing can be found in it: it is truncated or damaged; copy it again")
            raise SourceError(f"{self.path}: no video stream in it (only {kinds}); give a file with a picture")
        self._stream = max(videos, key=lambda s: (s.width or 0) * (s.height or 0))
        self._stream.thread_type = "AUTO"
        self.has_audio = sound_stream(self._container) is not None
        self.time_base = self._stream.time_base
        self.fps = float(self._stream.average_rate or self._stream.guessed_rate or DEFAULT_FPS)
        if self._container.format.name in ("mpegts", "mpeg"):
            self.zero_s = Fraction(self._container.start_time or 0, av.time_base)
        self._refuse_truncated()
        self.frames_expected = self._stream.frames or self._estimate_frames()
        self._decoder = self._decode()
        self._closed = False
        first = self._next()
        if first is None:
            raise SourceError(
                f"{self.path}: no frame of its video can be decoded; check that it plays, or re-encode it"
            )
        self._first = first
        self.start_pts = _stamp(first) or 0
        height, width = first.height, first.width
        self._turn = _orientation(first)
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.size, self.pixel_aspect = (height, width), aspect
        if self._turn[0]:
            self.size, self.pixel_aspect = (width, height), 1 / aspect

    def _estimate_frames(self) -> int | None:
        seconds = (self._container.duration or 0) / av.time_base
        return round(seconds * self.fps) or None

    def _refuse_truncated(self) -> None:
        """An mp4's index says where each frame lies: a file that ends before is cut, and is refused before any work."""
        path = self.path
        if "mov" not in self._container.format.name or not path.is_file():
            return
        length = path.stat().st_size
        for number, entry in enumerate(self._stream.index_entries):
            if entry.pos + entry.size > length:
                frame = f"frame {number} of {len(self._stream.index_entries)}"
                time_s = max(0.0, float(entry.timestamp * self.time_base))
                raise SourceError(f"{path}: truncated: the file ends before {frame} ({time_s:.3f} s); copy it again")

    def _decode(self) -> Iterator[av.VideoFrame]:
        done, last = 0, None
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.InvalidDataError:
                    if done:
                        raise
                    continue  # recordings may start in the middle of a group of pictures
                for frame in frames:
                    last = frame
                    done += 1
                    yield frame
        except av.FFmpegError as error:
            where = "at its start"
            if last is not None:
                time_s = float(((_stamp(last) or 0) - self.start_pts) * self.time_base)
                where = f"after frame {done - 1} ({time_s:.3f} s)"
            raise SourceError(
                f"{self.path}: cannot be decoded {where} ({error.strerror}); copy it again, or trim or re-encode it"
            ) from error

    def __iter__(self) -> Iterator[VideoFrame]:
        if self._first is None:
            self._close_picture()
            self._open()
        frame, self._first = self._first, None
        convert = VideoReformatter()
        step = max(1, round(1 / (self.fps * self.time_base)))
        pts, index = self.start_pts - step, 0
        while frame is not None:
            stamp = _stamp(frame)
            pts = stamp if stamp is not None and (stamp > pts or index == 0) else pts + step
            yield VideoFrame(index, float((pts - self.start_pts) * self.time_base), pts, self._image(frame, convert))
            index += 1
            frame = self._next()
        self.frame_count = index

    def _next(self) -> av.VideoFrame | None:
        with self._lock:
            return None if self._closed else next(self._decoder, None)

    def _image(self, frame: av.VideoFrame, convert: VideoReformatter) -> NDArray[np.uint8]:
        transpose, flip_y, flip_x = self._turn
        height, width = self.size[::-1] if transpose else self.size
        space = Colorspace.ITU709 if frame.colorspace == _UNTAGGED and frame.height >= 720 else None
        rgb = convert.reformat(frame, width=width, height=height, format="rgb24", src_colorspace=space, threads=1)
        image = np.asarray(rgb.to_ndarray(), np.uint8)
        if transpose or flip_y or flip_x:
            image = image.transpose(1, 0, 2) if transpose else image
            image = np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
        return image

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        return self._sound.sound(start_s, end_s, rate) if self.has_audio else None

    def close(self) -> None:
        self._close_picture()
        self._sound.close()

    def _close_picture(self) -> None:
        with self._lock:
            self._closed = True
            self._container.close()


def _stamp(frame: av.VideoFrame) -> int | None:
    return frame.pts if frame.pts is not None else frame.dts


def _orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """(transpose, flip rows, flip columns) that turn the stored picture upright, from its display matrix.

    The matrix maps stored (x, y) to shown (a x + c y, b x + d y), y downwards; only right angles occur.
    """
    for side in frame.side_data:
        if side.type == SideData.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(side, np.int32)[:5].tolist()
            if abs(b) > abs(a):
                return True, b < 0, c < 0
            return False, d < 0, a < 0
    return False, False, False
