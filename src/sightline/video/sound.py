"""The sound of a source, carried into an output container in step with its picture."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from sightline.video.container import is_default, open_media, packets, read_only, sound_streams

_COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"})  # what common players know in an mp4
_JOINT_S = Fraction(1, 10)  # stamps that step back by more belong to another recording, joined to the one before
_EARLY_S = Fraction(1, 10)  # sound before the start that is kept, for the decoder's sake; players skip it
_FAR_S = 20  # a start that lies further in is sought
_USUAL_RATE = 48000  # Hz, of sound whose own rate AAC does not have


class SoundTrack:
    """Copies the sound packets of a file into `output`, or re-encodes them to AAC where mp4 refuses them.

    Stamps stay as they are, but for `zero_s`, which becomes 0, so that sound and picture keep their offset. Recordings
    that were joined, whose stamps step back, follow one another. Only the packets up to the picture's time are read at
    each step: memory does not grow with length, and the container comes out interleaved.

    What ends before the start is left out. Sound that can be carried in neither way, or only in part, is left out from
    there on: `note` is called with the reason. Only the place of the output can make it fail.
    """

    def __init__(
        self,
        source: Path | str,
        output: av.container.OutputContainer,
        zero_s: Fraction,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._output, self._zero_s, self._note = output, zero_s, note
        self._next: av.Packet | None = None
        self._written_s: Fraction | None = None
        self._packets: Iterator[av.Packet] = iter(())
        try:
            self._input = open_media(source)
        except av.FFmpegError as error:
            self._input = None
            note(f"its sound is left out: it cannot be opened a second time ({error.strerror})")
            return
        sounds = sound_streams(self._input)
        read_only(self._input, sounds[0])
        if len(sounds) > 1:
            why = "the one flagged as default" if is_default(sounds[0]) and not is_default(sounds[1]) else "the first"
            language = sounds[0].metadata.get("language")
            note(f"{len(sounds)} sounds in it; {why}{f' ({language})' if language else ''} is kept")
        if zero_s > _FAR_S:
            with contextlib.suppress(av.FFmpegError):
                self._input.seek(int((zero_s - 2) * av.time_base))
        self._choose(sounds[0])

    def _choose(self, source: av.AudioStream) -> None:
        """Take the first way that works: the packets as they are, AAC of the same channels, AAC in stereo."""
        name = source.codec_context.codec.canonical_name
        layouts = (source.codec_context.layout.name, "stereo")
        ways = [(partial(_copy_of, source), self._copied)] if name in _COPIED else []
        ways += [(partial(_aac, source.rate, layout), self._encoded) for layout in layouts]
        for make, found in ways:
            if _is_possible(make):
                self._stream = make(self._output)
                if "language" in source.metadata:
                    self._stream.metadata["language"] = source.metadata["language"]
                self._packets = found(source)
                return
        self._note(f"its sound ({name}) cannot be carried into an mp4 and is left out")

    def advance(self, until_s: float | None) -> None:
        """Write the packets that begin before `until_s` (seconds, by the source's stamps), or all that is left."""
        while True:
            packet = self._next = self._next or next(self._packets, None)
            if packet is None:
                return
            begins_s = packet.pts * packet.time_base
            if until_s is not None and begins_s + self._zero_s >= until_s:
                return
            if self._written_s is None or begins_s > self._written_s:
                try:
                    self._output.mux(packet)
                except (av.ArgumentError, av.InvalidDataError) as error:
                    self._break_off(begins_s, error)
                    return
                self._written_s = begins_s
            self._next = None

    def close(self) -> None:
        """Let go of the file that the sound comes from."""
        if self._input is not None:
            self._input.close()

    def _break_off(self, at_s: Fraction, error: Exception) -> None:
        self._note(f"its sound ends at {float(at_s):.3f} s: the rest cannot be carried ({error})")
        self._next, self._packets = None, iter(())

    def _copied(self, source: av.AudioStream) -> Iterator[av.Packet]:
        follows = round(-self._zero_s / source.time_base)
        shift = follows
        first = True
        for packet in self._demux(source):
            if not packet.size:
                continue
            stamp = packet.pts if packet.pts is not None else packet.dts
            begins = follows if stamp is None else stamp + shift
            if not first and begins < follows - _JOINT_S / source.time_base:
                shift, begins = shift + follows - begins, follows
            first, follows = False, begins + (packet.duration or 0)
            if follows * source.time_base < -_EARLY_S:
                continue
            packet.stream = self._stream
            packet.pts = packet.dts = begins  # sound is never reordered, and some files leave one out
            yield packet

    def _encoded(self, source: av.AudioStream) -> Iterator[av.Packet]:
        codec = self._stream.codec_context
        resample = av.AudioResampler(format=codec.format, layout=codec.layout, rate=codec.rate, frame_size=1024)
        begins_s, shift_s = Fraction(0), -self._zero_s
        first = True
        for packet in self._demux(source):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # one broken packet is a short click, no reason to lose the rest
            for frame in frames:
                if frame.pts is not None:
                    stamp_s = frame.pts * frame.time_base + shift_s
                    if not first and stamp_s < begins_s - _JOINT_S:
                        shift_s += begins_s - stamp_s
                    elif first or stamp_s > begins_s + _JOINT_S:
                        begins_s = stamp_s
                first = False
                frame.pts, frame.time_base = round(begins_s * frame.sample_rate), Fraction(1, frame.sample_rate)
                begins_s += Fraction(frame.samples, frame.sample_rate)
                if begins_s < 0:
                    continue
                for block in resample.resample(frame):
                    yield from self._stream.encode(block)
        for block in resample.resample(None):
            yield from self._stream.encode(block)
        yield from self._stream.encode(None)

    def _demux(self, source: av.AudioStream) -> Iterator[av.Packet]:
        try:
            yield from packets(self._input, source)
        except av.FFmpegError as error:
            self._note(f"its sound breaks off ({error.strerror})")


def _copy_of(source: av.AudioStream, output: av.container.OutputContainer) -> av.AudioStream:
    return output.add_stream_from_template(source)


def _aac(rate: int, layout: str, output: av.container.OutputContainer) -> av.AudioStream:
    rates = av.Codec("aac", "w").audio_rates
    return output.add_stream("aac", rate=rate if rate in rates else _USUAL_RATE, layout=layout)


def _is_possible(make: Callable[[av.container.OutputContainer], av.AudioStream]) -> bool:
    """Whether an mp4 with such a stream can be begun."""
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            make(trial)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
