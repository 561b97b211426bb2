"""Videos that differ from the plain case in one way each."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hostile.corpus import BROKEN, number_of, picture, write_sound_only, write_video
from sightline.errors import SourceError
from sightline.video import open_source, prefetch


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


def test_a_damaged_stretch_is_an_error_that_names_the_frame_before_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", frames=40, codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    middle, stretch = len(data) // 2, len(data) // 10
    data[middle : middle + stretch] = bytes(stretch)
    path.write_bytes(data)
    with open_source(path) as source, pytest.raises(SourceError, match=r"clip.avi: .* after frame \d+ \(\d\.\d+ s\)"):
        list(source)


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
    with pytest.raises(SourceError, match=r"cover.mp4: no video stream in it"):
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
