"""Parts of sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hostile.corpus import number_of, sound_of, write_frames, write_video
from sightline.errors import SourceError, UsageError
from sightline.video import Selection, VideoWriter, open_source
from sightline.video import reader as reader_module


@pytest.mark.parametrize("far", [20.0, 0.1])
@pytest.mark.parametrize(
    ("start", "end", "every", "numbers"),
    [
        (0, None, 1, range(40)),
        (0, None, 7, range(0, 40, 7)),
        (0.4, None, 1, range(10, 40)),
        (0.41, 1.2, 1, range(11, 30)),
        (0.4, 0.8, 4, range(10, 20, 4)),
        (1.56, 9, 1, [39]),
    ],
)
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
def test_frames_keep_their_numbers_and_times(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    container: str,
    start: float,
    end: float | None,
    every: int,
    numbers: range,
    far: float,
) -> None:
    monkeypatch.setattr(reader_module, "_FAR_S", far)  # whether the start is sought or decoded to
    codec = "mjpeg" if container == "avi" else "libx264"
    pix_fmt = "yuvj420p" if container == "avi" else "yuv420p"
    path = write_video(tmp_path / f"clip.{container}", frames=40, gop=12, codec=codec, pix_fmt=pix_fmt)
    with Selection(open_source(path), start, end, every) as part:
        for _ in range(2):  # it can be read again
            frames = list(part)
            assert [frame.index for frame in frames] == list(numbers)
            assert [number_of(frame.image) for frame in frames] == list(numbers)
            assert [frame.time_s for frame in frames] == pytest.approx([number / 25 for number in numbers])
        assert part.frames_expected == pytest.approx(len(numbers), abs=1)
        assert [part.pts_of(frame.time_s) for frame in frames] == [frame.pts for frame in frames]


def test_variable_times_are_found_behind_a_sought_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_FAR_S", 0.1)
    pts = [0, 40, 45, 200, 210, 500, 510, 900]
    path = write_video(tmp_path / "vfr.mp4", frames=8, pts=pts, time_base=reader_module.Fraction(1, 1000), gop=3)
    with Selection(open_source(path), 0.205) as part:
        assert [(frame.index, frame.time_s) for frame in part] == [(4, 0.21), (5, 0.5), (6, 0.51), (7, 0.9)]


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_an_overlay_of_a_part_starts_at_zero_with_its_sound(tmp_path: Path, codec: str) -> None:
    path = write_video(tmp_path / "clip.mov", frames=50, gop=12, sound_s=2, sound_codec=codec)
    with Selection(open_source(path), 0.8, 1.6) as part:
        with VideoWriter.like(tmp_path / "out.mp4", part) as writer:
            for frame in part:
                writer.write(frame.image, frame.pts)
        heard = part.sound(0.8, 1.6, 48000)
    assert heard is not None
    with open_source(tmp_path / "out.mp4") as out:
        frames = list(out)
        assert out.start_pts == 0
        assert [number_of(frame.image) for frame in frames] == list(range(20, 40))
        kept = out.sound(0.05, 0.75, 48000)
    assert kept is not None
    assert sound_of(tmp_path / "out.mp4")[1] == pytest.approx(0, abs=0.03)
    match = [np.corrcoef(heard[2400 + s : 36000 + s], kept[: 36000 - 2400])[0, 1] for s in range(-60, 61)]
    assert abs(int(np.argmax(match)) - 60) <= 2
    assert max(match) > 0.99


def test_every_frame_of_a_folder(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run", range(1, 11))
    with Selection(open_source(folder, fps=10), 0.2, None, 3) as part:
        frames = list(part)
    assert [part.frame_name(frame.index) for frame in frames] == ["00003", "00006", "00009"]
    assert [frame.time_s for frame in frames] == pytest.approx([0.2, 0.5, 0.8])


@pytest.mark.parametrize(("start", "end", "every"), [(2, 1, 1), (-1, None, 1), (0, None, 0)])
def test_parts_that_are_none(tmp_path: Path, start: float, end: float | None, every: int) -> None:
    with open_source(write_frames(tmp_path / "run")) as source, pytest.raises(UsageError):
        Selection(source, start, end, every)


def test_a_start_behind_the_end_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=10)
    with pytest.raises(SourceError, match=r"clip.mp4: no frame from `start` 5 s on; it ends before$"):
        Selection(open_source(path), 5)
    with pytest.raises(SourceError, match=r"clip.mp4: no frame from `start` 5 s to `end` 6 s$"):
        Selection(open_source(path), 5, 6)
