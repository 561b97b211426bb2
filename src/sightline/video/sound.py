"""The sound of a source, carried into an output container in step with its picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from sightline.errors import SourceError


class SoundTrack:
    """Copies the sound packets of `path` into `output`, or re-encodes them to AAC where mp4 refuses their codec.

    Stamps stay as they are, but for `zero_s`, which becomes 0, so that sound and picture keep their offset. Only the
    packets up to the picture's time are read at each step: memory does not grow with length, and the container comes
    out interleaved.
    """

    def __init__(self, path: Path, output: av.container.OutputContainer, zero_s: Fraction) -> None:
        self._path, self._output, self._zero_s = path, output, zero_s
        self._input = av.open(str(path), metadata_errors="replace")
        source = next(s for s in self._input.streams.audio if s.codec_context is not None)
        codec = source.codec_context.codec.canonical_name
        if codec in output.supported_codecs and not codec.startswith(
            ("pcm", "vorbis")
        ):  # few players know those in mp4
            self._stream = output.add_stream_from_template(source)
            self._packets = self._copied(source)
        else:
            rates = av.Codec("aac", "w").audio_rates
            rate = source.rate if source.rate in rates else 48000
            layout = {1: "mono", 2: "stereo"}.get(source.channels, source.layout)  # old containers do not name it
            self._stream = output.add_stream("aac", rate=rate, layout=layout)
            self._packets = self._encoded(source)
        self._next: av.Packet | None = None
        self._written_s = Fraction(-1 << 31)

    def advance(self, until_s: float | None) -> None:
        """Write the packets that begin before `until_s` (seconds, by the source's stamps), or all that is left."""
        while True:
            packet = self._next = self._next or next(self._packets, None)
            if packet is None:
                return
            begins_s = packet.pts * packet.time_base
            if until_s is not None and begins_s + self._zero_s >= until_s:
                return
            if begins_s > self._written_s:  # joined recordings step back in time, which mp4 cannot
                self._output.mux(packet)
                self._written_s = begins_s
            self._next = None

    def close(self) -> None:
        self._input.close()

    def _copied(self, source: av.AudioStream) -> Iterator[av.Packet]:
        zero = round(self._zero_s / source.time_base)
        for packet in self._demux(source):
            if packet.pts is not None and packet.size:
                packet.stream = self._stream
                packet.pts -= zero
                packet.dts = packet.pts  # sound is never reordered, and some files leave it out
                yield packet

    def _encoded(self, source: av.AudioStream) -> Iterator[av.Packet]:
        codec = self._stream.codec_context
        resample = av.AudioResampler(format=codec.format, layout=codec.layout, rate=codec.rate, frame_size=1024)
        for packet in self._demux(source):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue  # one broken packet is a short click, no reason to lose the rest
            for frame in frames:
                frame.pts = frame.pts and frame.pts - round(self._zero_s / frame.time_base)
                for block in resample.resample(frame):
                    yield from self._stream.encode(block)
        for block in resample.resample(None):
            yield from self._stream.encode(block)
        yield from self._stream.encode(None)

    def _demux(self, source: av.AudioStream) -> Iterator[av.Packet]:
        try:
            yield from self._input.demux(source)
        except av.FFmpegError as error:
            raise SourceError(
                f"{self._path}: its sound cannot be read ({error.strerror}); copy the file again"
            ) from error
