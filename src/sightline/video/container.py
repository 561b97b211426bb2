"""Opening what FFmpeg reads, and choosing a stream in it."""

from __future__ import annotations

from pathlib import Path

import av
from av.stream import Discard, Disposition


def open_media(path: str | Path) -> av.container.InputContainer:
    """Open a file, or a URL given as a string, for reading. Raises av.FFmpegError."""
    # Without the protocol's name, FFmpeg takes what stands before a colon in a file's name for one.
    name = f"file:{path}" if isinstance(path, Path) else path
    return av.open(name, metadata_errors="replace")


def sound_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """The sound that players choose: the one flagged as default, else the first; None where none can be decoded.

    Channels that the file does not name get the usual layout of so many: 6 are 5.1.
    """
    known = [stream for stream in container.streams.audio if stream.codec_context is not None and stream.channels]
    chosen = max(known, key=lambda stream: bool(stream.disposition & Disposition.default), default=None)
    if chosen is not None and chosen.codec_context.layout.name.endswith(" channels"):
        chosen.codec_context.layout = f"{chosen.channels}c"
    return chosen


def read_only(container: av.container.InputContainer, stream: av.stream.Stream) -> None:
    """Let the demuxer skip the bytes of all other streams where it can."""
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
