"""Samples of sound against a decode of the whole file in one pass."""

from __future__ import annotations

import shutil
import subprocess
import threading
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from hostile.corpus import write_video
from sightline.errors import UsageError
from sightline.video import open_source
from sightline.video.samples import SoundReader

Samples = NDArray[np.float32]
CODECS = [
    *(("aac", container) for container in ("mp4", "ts", "mkv")),
    *(("libmp3lame", container) for container in ("mp4", "avi", "mkv")),
    *((codec, "mkv") for codec in ("vorbis", "libopus", "flac", "pcm_s24le")),
    ("pcm_s16le", "mov"),
]


def noise(seconds: float, rate: int, channels: int = 1) -> Samples:
    """Sound that no two moments of are alike: a rising tone with noise, other noise in each channel."""
    t = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (200 + 300 * t) * t)
    hiss = np.random.default_rng(channels).normal(0, 0.3, (channels, len(t)))
    return (0.3 * (tone + hiss)).astype(np.float32)


def write_sound(
    path: Path, codec: str, *, rate: int = 44100, layout: str = "stereo", seconds: float = 2.0, start_s: float = 0
) -> Path:
    """A file with sound alone, in a container that `path`'s suffix names."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.options = {"strict": "experimental"}  # FFmpeg's own Vorbis encoder
        stream.codec_context.open()
        samples = noise(seconds, rate, stream.codec_context.layout.nb_channels)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, round(start_s * rate), Fraction(1, rate)
        context = stream.codec_context
        resample = av.AudioResampler(
            format=context.format, layout=layout, rate=rate, frame_size=context.frame_size or 1024
        )
        for block in [*resample.resample(frame), *resample.resample(None), None]:
            out.mux(stream.encode(block))
    return path


def whole(path: Path, rate: int) -> tuple[float, Samples]:
    """(time of the first sample by its stamp, all samples) of a file, in one pass."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    resample = av.AudioResampler(format="fltp", layout="mono", rate=rate)
    blocks = [block.to_ndarray()[0] for frame in [*frames, None] for block in resample.resample(frame)]
    return float(frames[0].pts * frames[0].time_base), np.concatenate(blocks)


def placed(path: Path, rate: int, seconds: float) -> Samples:
    """What a reader with zero at stamp 0 should give of (0, seconds)."""
    begins_s, samples = whole(path, rate)
    row = np.zeros(round(seconds * rate), np.float32)
    at = round(begins_s * rate)
    samples = samples[max(0, -at) :][: len(row) - max(0, at)]
    row[max(0, at) : max(0, at) + len(samples)] = samples
    return row


@pytest.mark.parametrize(("codec", "container"), CODECS)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_samples_are_those_of_one_pass(tmp_path: Path, codec: str, container: str, rate: int) -> None:
    source_rate = 48000 if codec == "libopus" else 44100
    path = write_sound(tmp_path / f"in.{container}", codec, rate=source_rate)
    begins_s, expected = whole(path, rate)
    got = SoundReader(path).sound(-0.5, 3, rate)
    assert got.dtype == np.float32
    assert got.shape == (round(3.5 * rate),)
    at = round(begins_s * rate) + rate // 2
    np.testing.assert_array_equal(got[at : at + len(expected)], expected)
    assert not got[:at].any()
    assert not got[at + len(expected) :].any()


@pytest.mark.parametrize("layout", ["mono", "stereo", "2.1", "quad", "5.1"])
@pytest.mark.parametrize("source_rate", [44100, 48000])
def test_channels_are_mixed_as_libswresample_mixes_them(tmp_path: Path, layout: str, source_rate: int) -> None:
    path = write_sound(tmp_path / "in.mov", "pcm_s16le", rate=source_rate, layout=layout, seconds=0.5)
    np.testing.assert_array_equal(SoundReader(path).sound(0, 0.6, 16000), placed(path, 16000, 0.6))


def test_two_equal_channels_are_mixed_by_one_over_root_two_each(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mov"), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=48000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.full((1, 2 * 4800), 0.5, np.float32), format="flt", layout="stereo")
        frame.sample_rate, frame.pts = 48000, 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    np.testing.assert_allclose(SoundReader(tmp_path / "in.mov").sound(0, 0.1, 48000), np.sqrt(0.5), rtol=1e-6)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg command is not there")
@pytest.mark.parametrize(("codec", "container"), [("aac", "mp4"), ("libmp3lame", "mp4"), ("flac", "mkv")])
def test_samples_are_those_of_the_ffmpeg_command(tmp_path: Path, codec: str, container: str) -> None:
    path = write_sound(tmp_path / f"in.{container}", codec)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", "16000", "-f", "f32le", "-"]
    expected = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)
    begins = round(whole(path, 16000)[0] * 16000)
    got = SoundReader(path).sound(0, 2, 16000)[begins:]
    np.testing.assert_allclose(got[: len(expected)], expected[: len(got)], atol=2e-5)  # another version's decoder


def test_encoder_delay_is_not_heard(tmp_path: Path) -> None:
    # 1024 samples of an AAC encoder's delay would shift the sound by 21 ms.
    got = SoundReader(write_sound(tmp_path / "in.mp4", "aac", rate=48000, layout="mono")).sound(0, 2, 48000)
    expected = noise(2, 48000)[0]
    shifts = range(-1100, 1101, 4)
    match = [float(np.dot(got[2000:60000], np.roll(expected, s)[2000:60000])) for s in shifts]
    assert shifts[int(np.argmax(match))] == 0


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_windows_join_without_a_seam(tmp_path: Path, rate: int) -> None:
    path = write_sound(tmp_path / "in.mp4", "aac")
    expected = SoundReader(path).sound(0, 2, rate)
    reader = SoundReader(path)
    np.testing.assert_array_equal(np.concatenate([reader.sound(0, 1, rate), reader.sound(1, 2, rate)]), expected)
    for frame in range(0, 50, 7):  # windows of 0.96 s around frames, which overlap
        middle_s = frame / 25
        window, first = reader.sound(middle_s - 0.48, middle_s + 0.48, rate), round((middle_s - 0.48) * rate)
        assert len(window) == round(0.96 * rate)
        inside = slice(max(0, -first), min(len(window), len(expected) - first))
        np.testing.assert_array_equal(window[inside], expected[first + inside.start : first + inside.stop])


def test_windows_of_one_length_have_one_count(tmp_path: Path) -> None:
    reader = SoundReader(write_sound(tmp_path / "in.mp4", "aac"))
    assert {len(reader.sound(n * 1001 / 30000, n * 1001 / 30000 + 0.5, 22050)) for n in range(30)} == {11025}
    assert len(reader.sound(1, 1, 16000)) == 0


def test_the_pictures_first_frame_is_the_zero(tmp_path: Path) -> None:
    late = write_video(tmp_path / "late.mp4", frames=25, pts=range(50, 75), sound_s=3)
    with open_source(late) as source:
        got = source.sound(-2, 1, 16000)
    assert got is not None
    np.testing.assert_array_equal(got, placed(late, 16000, 3))


def test_sound_that_begins_late_and_ends_early(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mkv", frames=100, sound_s=1, sound_start_s=2, sound_codec="pcm_s16le")
    with open_source(path) as source:
        got = source.sound(0, 4, 16000)
    assert got is not None
    assert not got[: 2 * 16000].any()
    assert not got[3 * 16000 :].any()
    assert np.abs(got[2 * 16000 :][:16000]).max() == pytest.approx(8000 / 32768, rel=0.01)


def test_a_source_without_sound(tmp_path: Path) -> None:
    with open_source(write_video(tmp_path / "in.mp4", frames=3)) as source:
        assert not source.has_audio
        assert source.sound(0, 1, 16000) is None
    assert open_source(np.zeros((2, 16, 16, 3), np.uint8)).sound(0, 1, 16000) is None


def test_a_lost_stretch_is_silent_and_what_follows_is_in_step(tmp_path: Path) -> None:
    whole_path = write_sound(tmp_path / "whole.mkv", "pcm_s16le", rate=16000, layout="mono")
    with av.open(str(whole_path)) as file, av.open(str(tmp_path / "in.mkv"), "w") as out:
        stream = out.add_stream_from_template(file.streams.audio[0])
        for packet in file.demux():
            if packet.dts is not None and not 0.5 < packet.pts * packet.time_base < 1:
                packet.stream = stream
                out.mux(packet)
    full, got = (SoundReader(tmp_path / name).sound(0, 2, 16000) for name in ("whole.mkv", "in.mkv"))
    lost = np.flatnonzero(got != full)
    assert lost[0] / 16000 == pytest.approx(0.5, abs=0.07)
    assert lost[-1] / 16000 == pytest.approx(1, abs=0.07)
    assert not got[lost].any()


def test_joined_recordings_follow_one_another(tmp_path: Path) -> None:
    one = write_sound(tmp_path / "one.ts", "mp2", rate=48000, layout="mono", seconds=1)
    (tmp_path / "two.ts").write_bytes(one.read_bytes() * 2)
    got = SoundReader(tmp_path / "two.ts").sound(0, 2.2, 16000)
    alone = SoundReader(one).sound(0, 1.1, 16000)
    spoken = np.flatnonzero(alone)[-1]
    second = got[spoken + 1 :]
    assert np.flatnonzero(got)[-1] == pytest.approx(2 * spoken, abs=100)
    shifts = range(-100, 101)
    match = [np.corrcoef(second[200 + s : 12200 + s], alone[200:12200])[0, 1] for s in shifts]
    assert max(match) > 0.99


def test_steps_back_are_served_and_far_ones_decode_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sound(tmp_path / "in.mov", "pcm_s16le", rate=8000, layout="mono", seconds=50)
    expected = whole(path, 8000)[1]
    opened: list[Path] = []
    monkeypatch.setattr("sightline.video.samples.open_media", lambda p: opened.append(p) or av.open(str(p)))  # type: ignore[func-returns-value]
    reader = SoundReader(path)
    for start_s, times in [(1, 1), (45, 1), (16, 1), (44, 1), (2, 2), (3, 2), (49, 2)]:
        np.testing.assert_array_equal(reader.sound(start_s, start_s + 1, 8000), expected[start_s * 8000 :][:8000])
        assert len(opened) == times


def test_memory_is_bounded(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "long.mov"), "w") as out:  # three minutes of silence: 35 MB as float32 samples
        stream = out.add_stream("pcm_u8", rate=48000, layout="mono")
        for second in range(180):
            frame = av.AudioFrame.from_ndarray(np.full((1, 48000), 128, np.uint8), format="u8", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, second * 48000, Fraction(1, 48000)
            out.mux(stream.encode(frame))
    reader = SoundReader(tmp_path / "long.mov")
    tracemalloc.start()
    for second in range(0, 180, 30):
        reader.sound(second, second + 1, 48000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_it_is_read_while_another_thread_decodes_the_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4", frames=50, sound_s=2)
    expected = placed(path, 16000, 2)
    with open_source(path) as source:
        thread = threading.Thread(target=lambda: list(source))
        thread.start()
        pieces = [source.sound(n / 10, (n + 1) / 10, 16000) for n in range(20)]
        thread.join()
    np.testing.assert_array_equal(np.concatenate([piece for piece in pieces if piece is not None]), expected)


@pytest.mark.parametrize("window", [(1, 0, 16000), (0, float("inf"), 16000), (0, 1, 0), (0, 1, 0.5)])
def test_windows_that_are_none(tmp_path: Path, window: tuple[float, float, int]) -> None:
    reader = SoundReader(tmp_path / "absent.mp4")
    with pytest.raises(UsageError):
        reader.sound(*window)
