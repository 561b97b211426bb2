"""Opening what FFmpeg reads, and choosing streams in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from av.stream import Discard, Disposition

_OPEN_S, _READ_S = 15.0, 30.0  # how long a network may take until it counts as broken


def open_media(source: str | Path) -> av.container.InputContainer:
    """Open a file, or an address given as a string (`-` is the standard input). Raises av.FFmpegError."""
    if isinstance(source, Path):
        # Without the protocol's name, FFmpeg takes what stands before a colon in a file's name for one.
        return av.open(f"file:{source}", metadata_errors="replace")
    if source == "-":
        return av.open("pipe:0", metadata_errors="replace")
    return av.open(source, metadata_errors="replace", timeout=(_OPEN_S, _READ_S))


def picture_streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The videos that can be decoded, the one that players choose first: flagged as default, else the largest.

    No cover pictures.
    """
    known = [stream for stream in container.streams.video if stream.codec_context is not None]
    videos = [stream for stream in known if not stream.disposition & Disposition.attached_pic]
    return sorted(videos, key=lambda s: (is_default(s), (s.width or 0) * (s.height or 0)), reverse=True)


def sound_streams(container: av.container.InputContainer) -> list[av.AudioStream]:
    """The sounds that can be decoded, the one that players choose first: flagged as default, else the first.

    Channels that the file does not name get the usual layout of so many: 6 are 5.1.
    """
    known = [stream for stream in container.streams.audio if stream.codec_context is not None and stream.channels]
    for stream in known:
        if stream.codec_context.layout.name.endswith(" channels"):
            stream.codec_context.layout = f"{stream.channels}c"
    return sorted(known, key=is_default, reverse=True)


def is_default(stream: av.stream.Stream) -> bool:
    """Whether the file flags it as the one to play."""
    return bool(stream.disposition & Disposition.default)


def read_only(container: av.container.InputContainer, stream: av.stream.Stream) -> None:
    """Let the demuxer skip the bytes of all other streams where it can."""
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all


def packets(container: av.container.InputContainer, stream: av.stream.Stream) -> Iterator[av.Packet]:
    """The packets of a stream up to the end, and the empty one there. Raises av.FFmpegError.

    A file may begin another stream in its middle, which PyAV has no place for: its packets are none of ours.
    """
    while True:
        try:
            yield from container.demux(stream)
        except IndexError:  # of the list of streams; the packet is behind us
            continue
        return
