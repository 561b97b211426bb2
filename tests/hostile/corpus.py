"""Makes the files that readers trip over: odd but valid ones, and broken ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48000


def picture(index: int, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """A frame that tells its number, up to 44, by its grey (see `number_of`); its top left quarter is red."""
    image = np.full((*size, 3), 16 + 5 * (index % 45), np.uint8)
    image[: size[0] // 4, : size[1] // 4] = (200, 30, 30)
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """The index that `picture` was called with, read from the bottom right of a decoded frame."""
    height, width = image.shape[:2]
    return round((float(image[height // 2 :, width // 2 :].mean()) - 16) / 5)


def write_video(
    path: Path,
    *,
    frames: int = 20,
    size: tuple[int, int] = (48, 64),
    fps: int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    sound_s: float | None = None,
    sound_start_s: int = 0,
    sound_codec: str = "aac",
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    turn: tuple[int, bool, bool] = (0, False, False),
    container: str | None = None,
    gop: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of `picture`s.

    pts: their stamps in ticks of `time_base` (default 1 / fps). sound_s: seconds of a 440 Hz tone, from
    `sound_start_s` on. gop: frames from one key frame to the next. turn: degrees counter-clockwise and the flips of the
    display matrix.
    """
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        # "zerolatency" is off: B-frames make the coded order differ from the order of presentation.
        coding = {"preset": "fast", "crf": "5"} if codec == "libx264" else {}
        stream = out.add_stream(codec, rate=fps, options=coding)
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        if gop is not None:
            stream.codec_context.gop_size = gop
        stream.codec_context.time_base = time_base or Fraction(1, fps)
        if turn != (0, False, False):
            stream.set_display_rotation(*turn)
        sound = None if sound_s is None else out.add_stream(sound_codec, rate=RATE, layout="mono")
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, size), format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = (index if pts is None else pts[index]), stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            write_tone(out, sound, sound_s, sound_start_s)
    return path


def write_tone(
    out: av.container.OutputContainer,
    stream: av.AudioStream,
    seconds: float,
    start_s: int = 0,
    *,
    rate: int = RATE,
    layout: str = "mono",
) -> None:
    """Encode `seconds` of a 440 Hz tone, in all channels."""
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype(np.int16)
    resample = av.AudioResampler(
        format=stream.codec_context.format, layout=layout, rate=rate, frame_size=stream.codec_context.frame_size or 1024
    )
    channels = len(av.AudioLayout(layout).channels)
    frame = av.AudioFrame.from_ndarray(np.repeat(tone, channels)[None], format="s16", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, rate * start_s, Fraction(1, rate)
    for block in [*resample.resample(frame), *resample.resample(None)]:
        out.mux(stream.encode(block))
    out.mux(stream.encode(None))


def write_sound_only(path: Path) -> Path:
    """A file with sound and nothing else, whatever its name says."""
    with av.open(str(path), "w", format="mp4") as out:
        write_tone(out, out.add_stream("aac", rate=RATE, layout="mono"), 0.5)
    return path


def write_subtitles_only(path: Path) -> Path:
    """A container that holds subtitles and neither picture nor sound."""
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n\n2\n00:00:01,000 --> 00:00:02,000\nagain\n")
    return path


def write_frames(folder: Path, numbers: Sequence[int] = range(5), size: tuple[int, int] = (48, 64)) -> Path:
    """A folder of numbered PNG frames."""
    from PIL import Image

    folder.mkdir(parents=True)
    for number in numbers:
        Image.fromarray(picture(number, size)).save(folder / f"{number:05d}.png")
    return folder


def zero_packet(path: Path, number: int) -> Path:
    """Put zeros in place of the `number`-th picture in a file's order, but for its first bytes."""
    with av.open(str(path)) as file:
        packet = [packet for packet in file.demux(video=0) if packet.size][number]
    data = bytearray(path.read_bytes())
    data[packet.pos + 8 : packet.pos + packet.size] = bytes(packet.size - 8)
    path.write_bytes(data)
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut the end off a file, keeping `share` of it."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def _cut(path: Path, share: float = 0.6, **options: str) -> Path:
    return truncate(write_video(path, frames=40, options=options), share)


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _text(path: Path) -> Path:
    path.write_text("This is no video at all.\n" * 50)
    return path


# By kind: (what makes such a file at a path that ends in .mp4, what its error must say).
BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zero bytes": (_empty, "the file is empty"),
    "text": (_text, "not a video that can be read"),
    "sound only": (write_sound_only, r"no video stream in it \(only audio\)"),
    "subtitles only": (write_subtitles_only, "no video stream"),
    "cut, its index lost": (partial(_cut, share=0.3), "truncated or still being written"),
    "cut within its index": (partial(_cut, share=0.6), "truncated or damaged"),
    "cut behind its index": (
        partial(_cut, movflags="faststart"),
        r"truncated: the file ends before frame \d+ of 40 \(\d\.\d+ s\)",
    ),
    "absent": (lambda path: path, "no such file"),
}


def sound_of(path: Path) -> tuple[str, float, NDArray[np.float32]]:
    """(codec, time of the first sample in seconds, samples (C, N)) of a file's first sound stream."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        blocks = list(file.decode(stream))
        start = float(blocks[0].pts * blocks[0].time_base)
        # PyAV reads one plane too many of eight: interleaved samples have one plane.
        packed = av.AudioResampler(format="flt")
        samples = [part.to_ndarray()[0] for block in [*blocks, None] for part in packed.resample(block) if part]
        return stream.codec_context.name, start, np.concatenate(samples).reshape(-1, stream.channels).T
