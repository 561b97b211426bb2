"""Video files and streams through PyAV (FFmpeg): frames in order of presentation, upright, with their own times."""

from __future__ import annotations

import bisect
import contextlib
import math
import stat
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from numpy.typing import NDArray

from sightline.errors import SourceError
from sightline.types import VideoFrame
from sightline.video.colour import ToRGB
from sightline.video.container import is_default, open_media, packets, picture_streams, read_only, sound_streams
from sightline.video.decoding import EndLost, Troubles, decode, deinterlace, stamp_of, stamped
from sightline.video.opening import stem_of
from sightline.video.samples import SoundReader
from sightline.video.source import DEFAULT_FPS, Source

_FAR_S = 20.0  # a start that lies further in is sought: before that, decoding is as quick
_JOINT_S = 1.0  # stamps that step back by more are of another recording
_EARLY_S = Fraction(1, 10)  # sound that begins so little before the picture does not set the start


class VideoFile(Source):
    """A video file, or a video at an address that FFmpeg opens; `-` is the standard input.

    The times of the frames come from the frames, as edit lists leave them; header counts and rates only feed progress
    bars. Rotation and mirror flags are applied, colours become BT.709 (see colour.ToRGB), interlaced frames whole ones,
    and if the resolution changes on the way, frames are scaled to the first one's. Frames that cannot be decoded are
    left out; `notes` tells all of it.
    """

    def __init__(self, source: Path | str) -> None:
        super().__init__()
        self._place = source
        self.path = source if isinstance(source, Path) else None
        self.name, self.stem, self.kind = str(source), stem_of(source), "video"
        self.once = _is_once(source)
        # Closing the file under a thread that is decoding it would crash the interpreter.
        self._lock = threading.Lock()
        self._to_rgb = ToRGB(self.note)
        self._open()
        self._sound = SoundReader(source, self.start_pts * self.time_base, lambda text: self.note(text, "samples"))

    def _open(self) -> None:
        try:
            self._container = open_media(self._place)
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{self.name}: {self._why_not(error)}") from error
        try:
            self._read_header()
        except BaseException:
            self._container.close()
            raise

    def _why_not(self, error: av.FFmpegError | OSError) -> str:
        cause = error.strerror or str(error)
        if self.path is None:
            advice = "pipe a video that plays" if self._place == "-" else "check the address"
            return f"cannot be opened ({cause}); {advice}"
        if self.path.is_file():
            with self.path.open("rb") as file:
                if file.read(8)[4:] == b"ftyp":
                    return "truncated or still being written (no index); copy it again"
        return f"not a video that can be read ({cause}); check that it plays"

    def _read_header(self) -> None:
        videos = picture_streams(self._container)
        if not videos:
            raise SourceError(f"{self.name}: {self._what_instead()}")
        self._stream = videos[0]
        self._stream.thread_type = "AUTO"
        if len(videos) > 1:
            shown, why = f"{self._stream.width}x{self._stream.height}", "the largest"
            if is_default(self._stream) and not is_default(videos[1]):
                why = "the one flagged as default"
            self.note(f"{len(videos)} videos in it; {why} ({shown}) is read", "videos")
        sounds = sound_streams(self._container)
        self.has_audio = bool(sounds) and not self.once
        self.sound_track = self._place if self.has_audio else None
        if sounds and self.once:
            self.note("its sound is left out: it can be read only once; give a file for an overlay with sound", "once")
        self.time_base = self._stream.time_base
        self.fps = float(self._stream.average_rate or self._stream.guessed_rate or DEFAULT_FPS)
        self._refuse_truncated()
        self.frames_expected = self._stream.frames or self._estimate_frames()
        self._troubles = Troubles(self.note, self.time_base)
        self._decoder = self._decode()
        self._closed = False
        first = next(self._decoder, None)
        if first is None:
            raise SourceError(
                f"{self.name}: no frame of its video can be decoded; check that it plays, or re-encode it"
            )
        self._first: tuple[int, av.VideoFrame] | None = first
        self.start_pts, frame = first
        self.zero_s = self._find_zero(sounds[0] if sounds else None)
        height, width = frame.height, frame.width
        self._turn = _orientation(frame)
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.size, self.pixel_aspect = (height, width), aspect
        if self._turn[0]:
            self.size, self.pixel_aspect = (width, height), 1 / aspect

    def _what_instead(self) -> str:
        streams = self._container.streams
        if not len(streams):
            return "nothing can be found in it: it is truncated or damaged; copy it again"
        if any(stream.codec_context is None for stream in streams.video):
            return "its video is in a format that cannot be decoded, or its header is damaged; convert it to H.264"
        if streams.video:
            return "no video in it, only sound and a cover picture; give a file with a video"
        return (
            f"no video stream in it (only {', '.join(sorted({s.type for s in streams}))}); give a file with a picture"
        )

    def _find_zero(self, sound: av.AudioStream | None) -> Fraction:
        """Where a player's clock starts: at the picture, or at sound that comes clearly before it."""
        begins_s = self.start_pts * self.time_base
        if sound is None or sound.start_time is None or sound.time_base is None:
            return begins_s
        heard_s = sound.start_time * sound.time_base
        if heard_s >= begins_s - _EARLY_S:
            return begins_s
        return heard_s if abs(heard_s) > _EARLY_S else Fraction(0)

    def _estimate_frames(self) -> int | None:
        seconds = (self._container.duration or 0) / av.time_base
        return round(seconds * self.fps) or None

    def _refuse_truncated(self) -> None:
        """An mp4's index says where each frame lies: a file that ends before is cut, and is refused before any work."""
        if "mov" not in self._container.format.name or self.path is None or not self.path.is_file():
            return
        length = self.path.stat().st_size
        for number, entry in enumerate(self._stream.index_entries):
            if entry.pos + entry.size > length:
                frame = f"frame {number} of {len(self._stream.index_entries)}"
                time_s = max(0.0, float(entry.timestamp * self.time_base))
                raise SourceError(
                    f"{self.name}: truncated: the file ends before {frame} ({time_s:.3f} s); copy it again"
                )

    def _decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        step = max(1, round(1 / (self.fps * self.time_base)))
        whole = deinterlace(
            self._decoded_frames(step),
            self.time_base,
            lambda: self.note("interlaced frames are deinterlaced", "fields"),
        )
        return stamped(whole, self.time_base, step)

    def _decoded_frames(self, step: int) -> Iterator[av.VideoFrame]:
        last = None
        try:
            for frame in decode(self._container, self._stream, step, self._troubles):
                last = stamp_of(frame)
                yield frame
            return
        except EndLost:
            if self.once:
                return
        number = self._stream.index
        self._container.close()
        self._container = open_media(self._place)
        self._stream = self._container.streams[number]
        self._stream.thread_type = "NONE"
        if last is not None:
            with contextlib.suppress(av.FFmpegError):
                self._container.seek(last, stream=self._stream)
        for frame in decode(self._container, self._stream, step, self._troubles):
            stamp = stamp_of(frame)
            if stamp is not None and (last is None or stamp > last):
                yield frame

    def __iter__(self) -> Iterator[VideoFrame]:
        return self.since(0.0)

    def since(self, start_s: float) -> Iterator[VideoFrame]:
        """The pictures from `start_s` on. Far into a file, what comes before is not decoded, only counted."""
        if self._first is None:
            if self.once:
                raise SourceError(f"{self.name}: can be read only once; give a file")
            self._close_picture()
            self._open()
        item, self._first = self._first, None
        stamps = self._stamps() if start_s > _FAR_S and self._can_seek() else None
        if stamps:
            item = self._seek(self.start_pts + math.floor(start_s / self.time_base))
        index = 0
        while item is not None:
            pts, frame = item
            index = bisect.bisect_left(stamps, pts) if stamps else index
            time_s = float((pts - self.start_pts) * self.time_base)
            if time_s >= start_s:
                yield VideoFrame(index, time_s, pts, self._image(frame))
            index += 1
            item = self._next()
        self.frame_count = index

    def _next(self) -> tuple[int, av.VideoFrame] | None:
        with self._lock:
            return None if self._closed else next(self._decoder, None)

    def _seek(self, pts: int) -> tuple[int, av.VideoFrame] | None:
        with self._lock:
            if self._closed:
                return None
            self._container.seek(pts, stream=self._stream)
            self._decoder = self._decode()
        return self._next()

    def _can_seek(self) -> bool:
        """Whether the container has an index of exact times; elsewhere a seek may land anywhere."""
        return not self.once and bool({"mp4", "matroska"} & set(self._container.format.name.split(",")))

    def _stamps(self) -> list[int] | None:
        """The pts of all frames in order, by the packets; None where those do not tell."""
        stamps: list[int] = []
        with open_media(self._place) as container:
            stream = container.streams[self._stream.index]
            read_only(container, stream)
            with contextlib.suppress(av.FFmpegError):
                for packet in packets(container, stream):
                    if packet.size and not packet.is_discard:
                        if packet.pts is None or (stamps and packet.pts < stamps[-1] - _JOINT_S / self.time_base):
                            return None  # no stamps, or joined recordings: only decoding gives their times
                        stamps.append(packet.pts)
        return sorted(stamps)

    def _image(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        transpose, flip_y, flip_x = self._turn
        image = self._to_rgb(frame, self.size[::-1] if transpose else self.size)
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


def _is_once(source: Path | str) -> bool:
    if isinstance(source, Path):
        return not stat.S_ISREG(source.stat().st_mode)
    return source == "-" or urlsplit(source).scheme not in ("http", "https", "ftp", "sftp", "file")


def _orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """(transpose, flip rows, flip columns) that turn the stored picture upright, from its display matrix.

    The matrix maps stored (x, y) to shown (a x + c y, b x + d y), y downwards; only right angles occur.
    """
    try:
        sides = list(frame.side_data)
    except ValueError:  # PyAV lists no side data at all where it does not know a kind, but still tells the angle
        a, b, c, d = {90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1), -90: (0, 1, -1, 0)}.get(
            round(frame.rotation / 90) * 90, (1, 0, 0, 1)
        )
        return (True, b < 0, c < 0) if b else (False, d < 0, a < 0)
    for side in sides:
        if side.type == SideData.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(side, np.int32)[:5].tolist()
            if abs(b) > abs(a):
                return True, b < 0, c < 0
            return False, d < 0, a < 0
    return False, False, False
