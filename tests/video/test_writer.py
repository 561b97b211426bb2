"""Written videos, read back."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hostile.corpus import number_of, picture, sound_of, write_tone, write_video
from sightline.errors import OutputError
from sightline.video import VideoWriter, open_source


def rewrite(source_path: Path, target: Path) -> None:
    with open_source(source_path) as source, VideoWriter.like(target, source) as writer:
        for frame in source:
            writer.write(frame.image, frame.pts)


def stamps(path: Path) -> list[Fraction]:
    with open_source(path) as source:
        return [frame.pts * source.time_base for frame in source]


@pytest.mark.parametrize(
    ("pts", "time_base"),
    [
        (range(12), Fraction(1, 25)),
        (range(30, 42), Fraction(1, 25)),
        ([0, 40, 45, 200, 210, 500, 900, 910, 1000, 1001, 1100, 1300], Fraction(1, 1000)),
        ([1001 * i for i in range(12)], Fraction(1, 30000)),
        ([1001 * i for i in range(7, 19)], Fraction(1, 30000)),
    ],
    ids=["even", "late start", "variable", "ntsc", "late ntsc"],
)
def test_stamps_and_sound_are_those_of_the_source(tmp_path: Path, pts: list[int], time_base: Fraction) -> None:
    source = write_video(tmp_path / "in.mp4", frames=12, pts=pts, time_base=time_base, sound_s=0.5)
    rewrite(source, tmp_path / "out.mp4")
    assert stamps(tmp_path / "out.mp4") == stamps(source)
    before, after = sound_of(source), sound_of(tmp_path / "out.mp4")
    assert before[:2] == after[:2]
    np.testing.assert_array_equal(before[2], after[2])


@pytest.mark.parametrize("sound_s", [0.2, 3.0])
def test_sound_shorter_or_longer_than_the_picture_is_kept_whole(tmp_path: Path, sound_s: float) -> None:
    source = write_video(tmp_path / "in.mp4", frames=25, sound_s=sound_s)
    rewrite(source, tmp_path / "out.mp4")
    np.testing.assert_array_equal(sound_of(source)[2], sound_of(tmp_path / "out.mp4")[2])
    assert len(stamps(tmp_path / "out.mp4")) == 25


@pytest.mark.parametrize(
    ("name", "codec", "copied"),
    [
        ("in.avi", "mp3", "mp3float"),
        ("in.mkv", "flac", "flac"),
        ("in.ts", "aac", "aac"),
        ("in.avi", "adpcm_ms", "aac"),
        ("in.mov", "pcm_s16le", "aac"),
    ],
)
def test_sound_is_copied_where_mp4_can_hold_it(tmp_path: Path, name: str, codec: str, copied: str) -> None:
    source = write_video(tmp_path / name, frames=25, codec="mpeg4", sound_s=1, sound_codec=codec)
    rewrite(source, tmp_path / "out.mp4")
    used, _, tone = sound_of(tmp_path / "out.mp4")
    assert used == copied
    assert tone.shape[1] == pytest.approx(48000, abs=3000)
    spectrum = np.abs(np.fft.rfft(tone[0].astype(float)))
    assert np.argmax(spectrum) * 48000 / tone.shape[1] == pytest.approx(440, abs=3)


def test_no_sound_in_no_sound_out(tmp_path: Path) -> None:
    rewrite(write_video(tmp_path / "in.mp4", frames=3), tmp_path / "out.mp4")
    assert not open_source(tmp_path / "out.mp4").has_audio


@pytest.mark.parametrize("size", [(48, 64), (49, 64), (48, 65), (16, 16), (17, 17)])
def test_odd_sizes_grow_by_one_and_even_ones_stay(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "out.mp4", size, 25) as writer:
        for index in range(6):
            writer.write(picture(index, size))
    with open_source(tmp_path / "out.mp4") as source:
        assert source.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        assert [number_of(frame.image) for frame in source] == list(range(6))


def test_colours_come_back(tmp_path: Path) -> None:
    colours = [(220, 40, 40), (40, 200, 60), (30, 60, 220), (250, 250, 250), (5, 5, 5)]
    with VideoWriter(tmp_path / "out.mp4", (64, 64), 25) as writer:
        for colour in colours:
            writer.write(np.full((64, 64, 3), colour, np.uint8))
    with open_source(tmp_path / "out.mp4") as source:
        for frame, colour in zip(source, colours, strict=True):
            assert np.abs(frame.image.astype(int) - colour).max() <= 8


def test_the_shape_of_pixels_is_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", (48, 64), 25, pixel_aspect=Fraction(4, 3)) as writer:
        writer.write(picture(0))
    assert open_source(tmp_path / "out.mp4").pixel_aspect == Fraction(4, 3)


def test_a_sound_that_is_cut_ends_with_the_picture(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", frames=50, sound_s=2)
    with open_source(source) as opened:
        writer = VideoWriter.like(tmp_path / "out.mp4", opened)
        for frame in opened:
            if frame.index < 10:
                writer.write(frame.image, frame.pts)
        writer.close(whole_sound=False)
    assert sound_of(tmp_path / "out.mp4")[2].shape[1] / 48000 == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), VideoWriter(tmp_path / "out.mp4", (48, 64), 25) as writer:  # noqa: PT012
        writer.write(picture(0))
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("old")
    writer = VideoWriter(tmp_path / "out.mp4", (48, 64), 25)
    writer.write(picture(0))
    assert (tmp_path / "out.mp4").read_text() == "old"
    writer.close()
    assert len(stamps(tmp_path / "out.mp4")) == 1


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out.mp4: cannot be written .*; .*"):
        VideoWriter(tmp_path / "absent" / "out.mp4", (48, 64), 25)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", (48, 64), 25)

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "_stream", type("Full", (), {"encode": staticmethod(full)}))
    with pytest.raises(OutputError, match=r"out.mp4: cannot be written \(No space left on device\); free some space"):
        writer.write(picture(0))
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_broadcasts_clock_starts_at_zero_again(tmp_path: Path) -> None:
    start = 25 * 3600
    source = write_video(
        tmp_path / "in.ts", frames=25, codec="mpeg2video", pts=range(start, start + 25), sound_s=1, sound_start_s=3600
    )
    with open_source(source) as opened:
        assert opened.zero_s > 0
    rewrite(source, tmp_path / "out.mp4")
    assert stamps(tmp_path / "out.mp4")[0] == pytest.approx(stamps(source)[0] - opened.zero_s, abs=1e-5)
    # What the encoder's delay puts before the picture is cut.
    (_, before_s, tone), (_, after_s, kept) = sound_of(source), sound_of(tmp_path / "out.mp4")
    cut = round((float(stamps(source)[0]) - before_s) * 48000)
    assert after_s == float(stamps(tmp_path / "out.mp4")[0]) == 0
    np.testing.assert_array_equal(kept[:, :40000], tone[:, cut : cut + 40000])


@pytest.mark.parametrize("container", ["mkv", "mp4", "nut"])
def test_the_picture_starts_at_zero_whatever_the_clock_says(tmp_path: Path, container: str) -> None:
    source = write_video(
        tmp_path / f"in.{container}",
        frames=25,
        pts=range(250, 275),
        sound_s=1,
        sound_start_s=10,
        sound_codec="pcm_s16le" if container != "mp4" else "aac",
    )
    rewrite(source, tmp_path / "out.mp4")
    assert stamps(tmp_path / "out.mp4")[0] == 0
    assert sound_of(tmp_path / "out.mp4")[1] == pytest.approx(0, abs=0.03)


def test_joined_recordings_keep_all_of_their_sound(tmp_path: Path) -> None:
    one = write_video(tmp_path / "one.ts", frames=50, codec="mpeg2video", sound_s=2).read_bytes()
    (tmp_path / "in.ts").write_bytes(one + one)
    rewrite(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert sound_of(tmp_path / "out.mp4")[2].shape[1] / 48000 == pytest.approx(4, abs=0.15)
    pictures = stamps(tmp_path / "out.mp4")
    assert float(pictures[-1]) == pytest.approx(4, abs=0.15)
    assert min(np.diff([float(stamp) for stamp in pictures])) > 0


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [
        ("in.wmv", "wmav2", 48000, "stereo"),  # its last packet has no stamp
        ("in.mkv", "wavpack", 48000, "stereo"),
        ("in.mkv", "pcm_s16le", 48000, "5.1"),  # Matroska names no layout for it
        ("in.mkv", "pcm_s16le", 48000, "7.1"),
        ("in.avi", "libmp3lame", 8000, "mono"),  # MPEG-2.5 is not allowed in mp4
        ("in.avi", "adpcm_ima_wav", 11025, "mono"),
        ("in.mkv", "vorbis", 44100, "stereo"),
    ],
)
def test_sound_that_mp4_cannot_hold_is_encoded_anew(
    tmp_path: Path, name: str, codec: str, rate: int, layout: str
) -> None:
    source = tmp_path / name
    with av.open(str(source), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        sound = out.add_stream(codec, rate=rate, layout=layout)
        sound.codec_context.options, sound.bit_rate = {"strict": "experimental"}, 128_000
        sound.codec_context.open()
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format="yuv420p")
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        write_tone(out, sound, 2, rate=rate, layout=layout)
    rewrite(source, tmp_path / "out.mp4")
    used, start_s, tone = sound_of(tmp_path / "out.mp4")
    assert used == "aac"
    with av.open(str(tmp_path / "out.mp4")) as file:
        played = file.streams.audio[0].rate
        assert file.streams.audio[0].channels == len(av.AudioLayout(layout).channels)
    assert start_s == pytest.approx(0, abs=0.06)
    assert tone.shape[1] / played == pytest.approx(2, abs=0.2)
    spectrum = np.abs(np.fft.rfft(tone[0].astype(float)))
    assert np.argmax(spectrum) * played / tone.shape[1] == pytest.approx(440, abs=3)


def test_sound_that_cannot_be_carried_is_a_note_and_the_picture_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_video(tmp_path / "in.mp4", frames=5, sound_s=0.2)
    monkeypatch.setattr("sightline.video.sound._is_possible", lambda make: False)
    with open_source(source) as opened:
        with VideoWriter.like(tmp_path / "out.mp4", opened) as writer:
            for frame in opened:
                writer.write(frame.image, frame.pts)
        assert opened.notes == [f"{source}: its sound (aac) cannot be carried into an mp4 and is left out"]
    assert len(stamps(tmp_path / "out.mp4")) == 5
    assert not open_source(tmp_path / "out.mp4").has_audio


def test_the_language_of_the_sound_is_kept(tmp_path: Path) -> None:
    for codec in ("aac", "pcm_s16le"):
        with av.open(str(tmp_path / "in.mkv"), "w") as out:
            stream = out.add_stream("mpeg4", rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
            sound = out.add_stream(codec, rate=48000, layout="mono")
            sound.metadata["language"] = "deu"
            frame = av.VideoFrame.from_ndarray(picture(0), format="rgb24").reformat(format="yuv420p")
            frame.pts = 0
            out.mux([*stream.encode(frame), *stream.encode(None)])
            write_tone(out, sound, 0.2)
        rewrite(tmp_path / "in.mkv", tmp_path / "out.mp4")
        with av.open(str(tmp_path / "out.mp4")) as file:
            assert file.streams.audio[0].metadata["language"] == "deu"
