"""Videos that differ from the plain case in one way each."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.reformatter import ColorTrc
from PIL import Image

from hostile.corpus import BROKEN, number_of, picture, write_sound_only, write_video, zero_packet
from sightline.errors import SourceError
from sightline.video import VideoWriter, open_source, prefetch


def read(path: Path) -> tuple[list[int], list[float]]:
    """(picture numbers, times) of all frames."""
    with open_source(path) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    return [number_of(frame.image) for frame in frames], [frame.time_s for frame in frames]


def test_frames_come_in_order_of_presentation_with_their_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=20, fps=25, sound_s=1)
    with open_source(path) as source:
        assert (source.kind, source.stem, source.size, source.fps) == ("video", "clip", (48, 64), 25)
        assert source.has_audio
        assert source.frame_count is None
        frames = list(source)
        assert source.frame_count == 20
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(20)])
    assert [source.pts_of(frame.time_s) for frame in frames] == [frame.pts for frame in frames]


def test_a_source_can_be_read_again_and_left_in_the_middle(tmp_path: Path) -> None:
    with open_source(write_video(tmp_path / "clip.mp4", frames=5)) as source:
        assert next(iter(source)).index == 0
        assert [number_of(frame.image) for frame in source] == [0, 1, 2, 3, 4]


def test_variable_frame_rate_keeps_each_frames_own_time(tmp_path: Path) -> None:
    pts = [0, 40, 45, 200, 210, 500]
    path = write_video(tmp_path / "vfr.mp4", frames=6, pts=pts, time_base=Fraction(1, 1000))
    numbers, times = read(path)
    assert numbers == list(range(6))
    assert times == pytest.approx([t / 1000 for t in pts])


def test_times_start_at_the_first_frame_where_the_picture_starts_late(tmp_path: Path) -> None:
    path = write_video(tmp_path / "late.mp4", frames=5, pts=range(50, 55), sound_s=1)
    with open_source(path) as source:
        assert source.start_pts * source.time_base == 2
    assert read(path)[1] == pytest.approx([i / 25 for i in range(5)])


def test_frames_before_the_edit_lists_start_are_not_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "edit.mp4", frames=10, pts=range(-4, 6))
    assert read(path)[0] == [4, 5, 6, 7, 8, 9]


def test_negative_stamps_of_a_container_without_edit_lists(tmp_path: Path) -> None:
    path = write_video(tmp_path / "negative.nut", frames=8, pts=range(-4, 4))
    numbers, times = read(path)
    assert numbers == list(range(8))
    assert times == pytest.approx([i / 25 for i in range(8)])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)])
def test_rotation_and_mirror_flags_are_applied(tmp_path: Path, degrees: int, flips: tuple[bool, bool]) -> None:
    upright = picture(3)
    # What a player shows: the stored picture turned counter-clockwise, after it is mirrored.
    stored = np.rot90(upright, degrees // 90)
    stored = stored[:, ::-1] if flips[0] else stored
    stored = stored[::-1] if flips[1] else stored
    path = write_video(tmp_path / "turned.mp4", frames=4, turn=(degrees, *flips))
    with open_source(path) as source:
        frame = list(source)[3]
    assert source.size == stored.shape[:2] == frame.image.shape[:2]
    assert np.abs(frame.image.astype(int) - stored).mean() < 6


@pytest.mark.parametrize("size", [(16, 16), (47, 63), (45, 64)])
def test_small_and_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_video(tmp_path / "odd.mkv", frames=3, size=size, codec="ffv1", pix_fmt="yuv444p")
    with open_source(path) as source:
        assert source.size == size
        assert [frame.image.shape for frame in source] == [(*size, 3)] * 3


def test_an_8k_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "8k.mp4", frames=1, size=(4320, 7680), options={"preset": "ultrafast"})
    with open_source(path) as source:
        (frame,) = source
    assert frame.image.shape == (4320, 7680, 3)
    assert number_of(frame.image) == 0


def test_ten_bits_become_eight(tmp_path: Path) -> None:
    path = write_video(tmp_path / "deep.mp4", frames=6, pix_fmt="yuv420p10le")
    assert read(path)[0] == list(range(6))


def test_a_stream_without_stamps_gets_them_from_its_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "raw.h264", frames=10, fps=25)
    numbers, times = read(path)
    assert numbers == list(range(10))
    assert times == pytest.approx([i / 25 for i in range(10)])


def test_times_never_go_backwards(tmp_path: Path) -> None:
    # Two recordings joined byte by byte: the stamps start again in the middle.
    one = write_video(tmp_path / "one.ts", frames=6, codec="mpeg2video").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one + one)
    numbers, times = read(joined)
    assert len(numbers) >= 11  # the demuxer may drop a frame at the joint
    assert (np.diff(times) > 0).all()


def test_the_headers_frame_count_is_not_trusted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", frames=10, codec="mpeg4")
    data = bytearray(path.read_bytes())
    total = data.index(b"avih") + 8 + 16
    length = data.index(b"strh") + 8 + 32
    data[total : total + 4] = data[length : length + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    with open_source(path) as source:
        assert source.frames_expected == 1000
        assert source.frame_count is None
        assert len(list(source)) == 10
        assert source.frame_count == 10


@pytest.mark.parametrize(("space", "name"), [(1, "bt709"), (6, "bt601")])
def test_colours_follow_the_files_tag(tmp_path: Path, space: int, name: str) -> None:
    colour = (220, 60, 30)
    path = tmp_path / f"{name}.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = space, 1
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), colour, np.uint8), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=1 if space == 1 else 5, dst_color_range=1)
        frame.pts = 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with open_source(path) as source:
        (shown,) = source
    assert np.abs(shown.image.astype(int) - colour).max() <= 4


@pytest.mark.parametrize(
    ("codec", "container", "pix_fmt"),
    [
        ("mjpeg", "avi", "yuvj420p"),
        ("libx264", "mp4", "yuv420p"),
        ("libx264", "mkv", "yuv420p"),
        ("libx265", "mp4", "yuv420p"),
        ("png", "mov", "rgb24"),
        ("prores_ks", "mov", "yuv422p10le"),
        ("libvpx-vp9", "webm", "yuv420p"),
    ],
)
@pytest.mark.parametrize("broken", [12, 22, 23])
def test_one_broken_frame_is_left_out_with_a_note(
    tmp_path: Path, codec: str, container: str, pix_fmt: str, broken: int
) -> None:
    path = write_video(tmp_path / f"clip.{container}", frames=24, codec=codec, pix_fmt=pix_fmt, size=(64, 96))
    zero_packet(path, broken)
    with open_source(path) as source:
        times = [frame.time_s for frame in source]
        assert source.notes
    assert all("clip." in note and "frame" in note for note in source.notes)
    assert len(times) == 23  # as the ffmpeg command gives
    assert set(times) < {round(i / 25, 3) for i in range(24)}
    assert len(set(times)) == 23


def test_a_damaged_stretch_costs_only_its_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", frames=40, codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    middle, stretch = len(data) // 2, len(data) // 10
    data[middle : middle + stretch] = bytes(stretch)
    path.write_bytes(data)
    with open_source(path) as source:
        numbers = [number_of(frame.image) for frame in source]
    assert len(numbers) >= 28  # as the ffmpeg command gives: the demuxer has to find its way again
    assert numbers[0] == 0
    assert numbers[-1] == 39
    assert any("cannot be decoded" in note for note in source.notes)


def test_a_video_whose_start_is_lost_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=20, gop=10)
    zero_packet(path, 0)
    with open_source(path) as source:
        numbers = [number_of(frame.image) for frame in source]
    assert numbers == list(range(10, 20))
    assert any("its first 0.400 s cannot be decoded" in note for note in source.notes)


def test_side_data_that_pyav_does_not_know(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(picture(9)).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    with av.open(str(tmp_path / "phone.jpg")) as file, av.open(str(tmp_path / "phone.mov"), "w") as out:
        stream = out.add_stream_from_template(file.streams.video[0])
        for packet in file.demux():
            if packet.size:
                packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
                out.mux(packet)
    with av.open(str(tmp_path / "phone.mov")) as file, pytest.raises(ValueError, match="not a valid Type"):
        _ = next(file.decode(video=0)).side_data  # what this test is about
    with open_source(tmp_path / "phone.mov") as source:
        (frame,) = source
    assert source.size == frame.image.shape[:2] == (64, 48)
    assert np.abs(frame.image.astype(int) - np.rot90(picture(9), -1)).mean() < 3


def test_the_video_and_the_sound_flagged_as_default_are_read(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as out:
        videos = []
        for size in ((48, 64), (96, 128)):
            stream = out.add_stream("mpeg4", rate=25)
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
            videos.append(stream)
        sounds = [out.add_stream("pcm_s16le", rate=rate, layout="mono") for rate in (48000, 16000)]
        videos[0].disposition = sounds[1].disposition = Disposition.default
        videos[1].disposition = sounds[0].disposition = Disposition(0)
        for stream in videos:
            frame = av.VideoFrame.from_ndarray(picture(3, (stream.height, stream.width)), format="rgb24")
            frame.pts = 0
            out.mux([*stream.encode(frame.reformat(format="yuv420p")), *stream.encode(None)])
        for stream, level in zip(sounds, (1000, 8000), strict=True):
            block = av.AudioFrame.from_ndarray(np.full((1, stream.rate), level, np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts = stream.rate, 0
            out.mux(stream.encode(block))
    with open_source(path) as source:
        assert source.size == (48, 64)
        heard = source.sound(0.4, 0.5, 16000)
    assert heard is not None
    assert heard.mean() == pytest.approx(8000 / 32768, abs=1e-4)
    assert "2 videos in it; the one flagged as default (64x48) is read" in source.notes[0]


# ITU-R BT.2100: the code values of HDR's reference white, 203 cd/m2 (BT.2408), and of something dark.
@pytest.mark.parametrize(
    ("trc", "white", "dark"), [(ColorTrc.SMPTE2084, 0.5807, 0.3664), (ColorTrc.ARIB_STD_B67, 0.75, 0.375)]
)
def test_white_in_hdr_is_white_and_said(tmp_path: Path, trc: ColorTrc, white: float, dark: float) -> None:
    path = write_flat(tmp_path / "hdr.mkv", [white, dark], trc=trc.value)
    with open_source(path) as source:
        seen = [float(frame.image.mean()) for frame in source]
    assert seen[0] >= 250
    assert 80 < seen[1] < 170
    assert any("tone-mapped" in note for note in source.notes)


def write_flat(path: Path, levels: list[float], *, trc: int) -> Path:
    """Grey frames of 10-bit code values, in [0, 1], tagged BT.2020 with the transfer function `trc`."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = trc, 9, 9, 1
        for index, level in enumerate(levels):
            frame = av.VideoFrame(64, 64, "yuv420p10le")
            for plane, value in zip(frame.planes, (round(64 + 876 * level), 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_interlaced_frames_have_no_combs_and_are_as_many(tmp_path: Path) -> None:
    path = tmp_path / "fields.mp4"
    with av.open(str(path), "w") as out:
        options = {"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "5"}
        stream = out.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 96, 160, "yuv420p"
        for index in range(12):
            image = np.zeros((96, 160, 3), np.uint8)
            for field in (0, 1):
                left = 8 * (2 * index + field) % 120
                image[20 + field : 80 : 2, left : left + 30] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with open_source(path) as source:
        frames = list(source)
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(12)])
    rows = frames[6].image[24:76].astype(float).mean(axis=2)
    assert np.abs(np.diff(rows, axis=0)).mean() < 4  # woven fields give above 20
    assert any("deinterlaced" in note for note in source.notes)


@pytest.mark.parametrize(("size", "matrix"), [((480, 640), 5), ((536, 1280), 1), ((720, 960), 1), ((576, 720), 5)])
def test_untagged_colours_by_the_size(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    colour = (220, 60, 30)
    with av.open(str(tmp_path / "plain.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv444p"
        frame = av.VideoFrame.from_ndarray(np.full((*size, 3), colour, np.uint8), format="rgb24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=1)
        frame.colorspace, frame.pts = 2, 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with open_source(tmp_path / "plain.mkv") as source:
        (shown,) = source
    assert np.abs(shown.image[0, 0].astype(int) - colour).max() <= 4


def test_transparent_parts_of_a_video_are_grey(tmp_path: Path) -> None:
    image = np.full((48, 64, 4), (255, 0, 255, 0), np.uint8)
    image[10:20, 10:20] = (60, 140, 60, 255)
    with av.open(str(tmp_path / "cut.mov"), "w") as out:
        stream = out.add_stream("png", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "rgba"
        frame = av.VideoFrame.from_ndarray(image, format="rgba")
        frame.pts = 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with open_source(tmp_path / "cut.mov") as source:
        (shown,) = source
    assert shown.image[0, 0].tolist() == [128, 128, 128]
    assert shown.image[15, 15].tolist() == [60, 140, 60]
    assert any("grey" in note for note in source.notes)


def test_a_name_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mp4", frames=3, sound_s=0.1).rename("12:30:05.mp4")
    with open_source("12:30:05.mp4") as source, VideoWriter.like("out:1.mp4", source) as writer:
        for frame in source:
            writer.write(frame.image, frame.pts)
    assert read(tmp_path / "out:1.mp4")[0] == [0, 1, 2]


def test_sound_with_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    song_path = write_sound_only(tmp_path / "song.mp4")
    with av.open(str(song_path)) as song, av.open(str(tmp_path / "cover.mp4"), "w") as out:
        sound = out.add_stream_from_template(song.streams.audio[0])
        cover = out.add_stream("png", rate=1)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(picture(1), format="rgb24")
        frame.pts = 0
        out.mux([*cover.encode(frame), *cover.encode(None)])
        for packet in song.demux():
            if packet.dts is not None:
                packet.stream = sound
                out.mux(packet)
    with pytest.raises(SourceError, match=r"cover.mp4: no video in it, only sound and a cover picture"):
        open_source(tmp_path / "cover.mp4")


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_end_in_one_line_that_names_them(tmp_path: Path, kind: str) -> None:
    make, message = BROKEN[kind]
    path = make(tmp_path / "broken.mp4")
    with pytest.raises(SourceError, match=message) as caught:
        open_source(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "secret.mp4", frames=1)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(SourceError, match="permission"):
        open_source(path)


def test_closing_while_another_thread_reads_ends_its_iteration(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "clip.mp4", frames=40))
    ahead = prefetch(source, 2)
    next(ahead)
    source.close()
    assert len(list(ahead)) <= 3
