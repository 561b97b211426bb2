"""Writing H.264 video that keeps a source's times and sound."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from sightline.errors import OutputError
from sightline.files import WholeFile, mend
from sightline.video.opening import is_stream
from sightline.video.sound import SoundTrack
from sightline.video.source import Source

_BT709 = 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709 and AVCOL_RANGE_MPEG are all 1


class VideoWriter:
    """Writes an mp4: H.264, yuv420p, BT.709, with the stamps it is given and the sound of another file.

    path: the file; it appears, complete, when the writer is closed. size: (height, width) of the images; where one is
    odd, which H.264's 4:2:0 cannot hold, the last row or column is repeated once. fps: the nominal rate. time_base:
    seconds of one pts tick, 1 / fps unless given. sound: a file, or an address, whose sound goes along: copied packet
    by packet if mp4 can hold its codec, else re-encoded to AAC, else left out. note: is told, in a sentence, what of
    the sound is left out. pixel_aspect: width / height of a pixel as shown. zero_s: the stamp, in
    seconds, of picture and sound that becomes 0 in the file.

    As a context manager it closes at the end and leaves no file behind after an exception. Raises OutputError.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float,
        *,
        time_base: Fraction | None = None,
        sound: Path | str | None = None,
        pixel_aspect: Fraction = Fraction(1),
        zero_s: Fraction = Fraction(0),
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.path = Path(path)
        self._file = WholeFile(self.path)
        self._frames, self._last_pts, self._last_step = 0, -1, 1
        self._pad = (size[0] % 2, size[1] % 2)
        rate = Fraction(fps).limit_denominator(1001)
        self._time_base = time_base or 1 / rate
        self._zero_s = zero_s
        self._convert = VideoReformatter()
        self._sound: SoundTrack | None = None
        with self._errors():
            self._file.partial.touch()  # PyAV opens the file only with the first packet: fail now, not then
            # A late start is stored in ticks of the movie's own clock: the default of 1000 a second would round it.
            ticks = self._time_base.denominator
            clock = min(ticks * math.ceil(10_000 / ticks), 1_000_000)
            options = {"movflags": "+faststart", "movie_timescale": str(clock)}
            self._output = av.open(f"file:{self._file.partial}", "w", format="mp4", options=options)
            try:
                self._stream = self._add_picture(size, rate, pixel_aspect)
                if sound is not None:
                    self._sound = SoundTrack(sound if is_stream(sound) else Path(sound), self._output, zero_s, note)
            except BaseException:
                self.abort()
                raise

    @classmethod
    def like(cls, path: str | Path, source: Source) -> Self:
        """A writer for pictures of the size and times of `source`, with its sound."""
        return cls(
            path,
            source.size,
            source.fps,
            time_base=source.time_base,
            sound=source.sound_track,
            pixel_aspect=source.pixel_aspect,
            zero_s=source.zero_s,
            note=source.note,
        )

    def _add_picture(self, size: tuple[int, int], rate: Fraction, pixel_aspect: Fraction) -> av.VideoStream:
        # On 480p footage this has the quality for its size of preset superfast in half of its time.
        options = {"preset": "ultrafast", "crf": "21", "x264-params": "subme=1"}
        stream = self._output.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = size[0] + self._pad[0], size[1] + self._pad[1]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.sample_aspect_ratio = pixel_aspect
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = _BT709
        return stream

    def write(self, image: NDArray[np.uint8], pts: int | None = None) -> None:
        """Add one picture: (H, W, 3) uint8 RGB of the writer's size, shown from `pts` (default: the next tick) on."""
        pts = self._last_pts + self._last_step if pts is None else pts
        if any(self._pad):
            image = np.pad(image, ((0, self._pad[0]), (0, self._pad[1]), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = self._convert.reformat(
            rgb, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
        )
        frame.pts, frame.time_base = pts - round(self._zero_s / self._time_base), self._time_base
        with self._errors():
            self._output.mux(self._stream.encode(frame))
            if self._sound is not None:
                self._sound.advance(float(pts * self._time_base))
        if self._frames:
            self._last_step = pts - self._last_pts
        self._frames, self._last_pts = self._frames + 1, pts

    def close(self, *, whole_sound: bool = True) -> None:
        """Finish the file and give it its name. Without `whole_sound` the sound ends with the last picture."""
        try:
            with self._errors():
                self._output.mux(self._stream.encode(None))
                if self._sound is not None:
                    end = float((self._last_pts + self._last_step) * self._time_base)
                    self._sound.advance(None if whole_sound else end)
                    self._sound.close()
                self._output.close()
            self._file.commit()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Drop the file. Does nothing after `close`."""
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(av.FFmpegError, OSError):
            self._output.close()
        self._file.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}); {mend(error)}") from error
