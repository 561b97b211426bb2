"""Writing H.264 video that keeps a source's times and sound."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from sightline.errors import OutputError
from sightline.files import WholeFile, is_of_the_place, mend
from sightline.video.opening import is_stream
from sightline.video.sound import SoundTrack
from sightline.video.source import Source

_FRAGMENTS = {  # of a second, on the disk at once; the index comes late because it holds when the film begins
    "movflags": "frag_keyframe+delay_moov+default_base_moof",
    "frag_duration": "1000000",
    "flush_packets": "1",
}
_BT709 = 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709 and AVCOL_RANGE_MPEG are all 1


class VideoWriter:
    """Writes an mp4: H.264, yuv420p, BT.709, with the stamps it is given and the sound of another file.

    path: the file; it appears, complete, when the writer is closed. size: (height, width) of the images; where one is
    odd, which H.264's 4:2:0 cannot hold, the last row or column is repeated once. fps: the nominal rate. time_base:
    seconds of one pts tick, 1 / fps unless given. sound: a file, or an address, whose sound goes along: copied packet
    by packet if mp4 can hold its codec, else re-encoded to AAC, else left out. note: is told, in a sentence, what of
    the sound is left out. pixel_aspect: width / height of a pixel as shown. zero_s: the stamp, in
    seconds, of picture and sound that becomes 0 in the file. fragmented: the file has its name at once, and can be read
    up to its last second whatever happens; for `join_films`.

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
        fragmented: bool = False,
    ) -> None:
        self.path = Path(path)
        self._file = None if fragmented else WholeFile(self.path)
        self._frames, self._last_pts, self._last_step = 0, -1, 1
        self._pad = (size[0] % 2, size[1] % 2)
        rate = Fraction(fps).limit_denominator(1001)
        self._time_base = time_base or 1 / rate
        self._zero_s = zero_s
        self._convert = VideoReformatter()
        self._sound: SoundTrack | None = None
        place = self.path if self._file is None else self._file.partial
        with self._errors():
            place.touch()  # PyAV opens the file only with the first packet: fail now, not then
            options = mp4_options(self._time_base) if self._file is not None else _FRAGMENTS
            self._output = av.open(f"file:{place}", "w", format="mp4", options=options)
            try:
                self._stream = self._add_picture(size, rate, pixel_aspect)
                if sound is not None:
                    self._sound = SoundTrack(sound if is_stream(sound) else Path(sound), self._output, zero_s, note)
            except BaseException:
                self.abort()
                raise

    @classmethod
    def like(cls, path: str | Path, source: Source, *, fragmented: bool = False) -> Self:
        """A writer for pictures of the size and times of `source`, with its sound where it is not `fragmented`."""
        return cls(
            path,
            source.size,
            source.fps,
            time_base=source.time_base,
            sound=None if fragmented else source.sound_track,
            pixel_aspect=source.pixel_aspect,
            zero_s=source.zero_s,
            note=source.note,
            fragmented=fragmented,
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
            if self._file is not None:
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
        if self._file is not None:
            self._file.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _errors(self) -> contextlib.AbstractContextManager[None]:
        return writing(self.path)


def join_films(parts: Mapping[int, Path], target: Path, source: Source, *, whole_sound: bool) -> None:
    """Make one film, with the sound of `source`, of parts that VideoWriter wrote `fragmented`.

    parts: by the number of frames before each; what the next part has anew is left out of the one before. Without
    `whole_sound` the sound ends with the last picture.
    """
    starts = sorted(parts)
    lengths = [*(b - a for a, b in pairwise(starts)), None]
    with writing(target), WholeFile(target) as partial:
        options = mp4_options(source.time_base)
        with av.open(f"file:{partial}", "w", format="mp4", options=options) as output:
            stream: av.VideoStream | None = None
            sound: SoundTrack | None = None
            last_s = step_s = Fraction(0)
            try:
                for start, length in zip(starts, lengths, strict=True):
                    with av.open(f"file:{parts[start]}") as part:
                        if stream is None:
                            stream = output.add_stream_from_template(part.streams.video[0])
                            if source.sound_track is not None:
                                sound = SoundTrack(source.sound_track, output, source.zero_s, source.note)
                        packets = (packet for packet in part.demux(video=0) if packet.size)
                        for packet in islice(packets, length):
                            begins_s = packet.pts * packet.time_base
                            last_s, step_s = begins_s, begins_s - last_s or step_s
                            packet.stream = stream
                            output.mux(packet)
                            if sound is not None:
                                sound.advance(float(begins_s + source.zero_s))
                if sound is not None:
                    sound.advance(None if whole_sound else float(last_s + step_s + source.zero_s))
            finally:
                if sound is not None:
                    sound.close()


def mp4_options(time_base: Fraction) -> dict[str, str]:
    """How an mp4 with pictures of a time base is written."""
    # A late start is stored in ticks of the file's own clock: the default of 1000 a second would round it.
    ticks = time_base.denominator
    clock = min(ticks * math.ceil(10_000 / ticks), 1_000_000)
    return {"movflags": "+faststart", "movie_timescale": str(clock)}


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of writing a film, as OutputError that names it and the mend."""
    try:
        yield
    except OutputError:
        raise
    except (OSError, av.FFmpegError) as error:
        if isinstance(error, av.FFmpegError) and not is_of_the_place(error):
            raise OutputError(
                f"{path}: the film cannot be made ({error.strerror}); leave it out (`save`), and please report it"
            ) from error
        raise OutputError(f"{path}: cannot be written ({error.strerror}); {mend(error)}") from error
