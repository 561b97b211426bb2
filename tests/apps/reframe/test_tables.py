"""The files of a path: rows come back, commands make FFmpeg crop the same, timecodes are right."""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.apps.reframe.interest import Interest
from sightline.apps.reframe.plan import Planned, Segment
from sightline.apps.reframe.tables import PathWriter, Row, ffmpeg_command, read_path, timecode, write_edl
from sightline.errors import DataError
from sightline.video import VideoWriter

GRID = np.ones((1, 1), np.float32)


def planned(regions: np.ndarray, first: int = 0, cut: bool = False, motion: str = "still") -> Planned:
    interests = [Interest(first + i, (first + i) / 25, GRID, None, cut and i == 0) for i in range(len(regions))]
    segment = Segment(first, first + len(regions) - 1, motion, 0.25)  # type: ignore[arg-type]
    return Planned(interests, regions, [segment])


def write(folder: Path, *stretches: Planned) -> PathWriter:
    writer = PathWriter(folder)
    for stretch in stretches:
        writer.add(stretch)
    writer.close()
    return writer


def test_rows_come_back(tmp_path: Path) -> None:
    regions = np.array([[1.25, 0, 50, 90], [2.5, 0.75, 50, 90]])
    write(tmp_path, planned(regions))
    assert (tmp_path / "path.csv").read_text().splitlines()[:2] == [
        "frame,time_s,x_px,y_px,width_px,height_px",
        "0,0.000000,1.25,0.00,50.00,90.00",
    ]
    assert list(read_path(tmp_path / "path.csv")) == [
        Row(0, 0.0, 1.25, 0.0, 50.0, 90.0),
        Row(1, 0.04, 2.5, 0.75, 50.0, 90.0),
    ]


@pytest.mark.parametrize("text", ["frame,x\n1,2\n", "frame,time_s,x_px,y_px,width_px,height_px\n1,2,3\n"])
def test_what_is_no_path_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "path.csv").write_text(text)
    with pytest.raises(DataError, match=r"path\.csv"):
        list(read_path(tmp_path / "path.csv"))


def test_commands_tell_what_changes_alone(tmp_path: Path) -> None:
    write(tmp_path, planned(np.array([[10, 0, 50, 90.0], [10, 0, 50, 90], [13.6, 0, 50, 90]])))
    assert (tmp_path / "sendcmd.txt").read_text().splitlines() == [
        "0.000000 crop w 50, crop h 90, crop x 10, crop y 0;",
        "0.078000 crop x 14;",
    ]


def test_windows_of_one_shot_are_one_segment_and_shots_are_two(tmp_path: Path) -> None:
    still = np.tile([10.0, 0, 50, 90], (5, 1))
    writer = write(tmp_path, planned(still), planned(still, 5, motion="follow"), planned(still, 10, cut=True))
    assert [(s.first, s.last, s.motion) for s in writer.segments] == [(0, 9, "follow"), (10, 14, "still")]


def test_an_edit_list_has_an_event_a_segment(tmp_path: Path) -> None:
    segments = [Segment(0, 49, "still", 0.1), Segment(50, 99, "pan", 0.1)]
    write_edl(tmp_path / "path.edl", "clip 9x16", "clip.mp4", 25.0, segments)
    text = (tmp_path / "path.edl").read_text()
    assert re.findall(r"^(\d{3})  AX +V +C +(\S+) (\S+) (\S+) (\S+)$", text, re.M) == [
        ("001", "00:00:00:00", "00:00:02:00", "00:00:00:00", "00:00:02:00"),
        ("002", "00:00:02:00", "00:00:04:00", "00:00:02:00", "00:00:04:00"),
    ]
    assert text.startswith("TITLE: clip 9x16\nFCM: NON-DROP FRAME\n")


def test_timecodes_carry() -> None:
    assert [timecode(n, 30) for n in (29, 30, 30 * 3600)] == ["00:00:00:29", "00:00:01:00", "01:00:00:00"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg's command line is not there")
def test_ffmpeg_crops_the_same(tmp_path: Path) -> None:
    ramp = np.zeros((90, 160, 3), np.uint8)
    ramp[:] = np.arange(160, dtype=np.uint8)[None, :, None]
    with VideoWriter(tmp_path / "clip.mp4", (90, 160), 25.0) as film:
        for _ in range(20):
            film.write(ramp)
    x = np.where(np.arange(20) < 10, 20.0, 20 + 4.0 * (np.arange(20) - 9))
    writer = write(tmp_path, planned(np.stack([x, 0 * x, 50 + 0 * x, 90 + 0 * x], axis=1)))
    assert writer.first is not None
    command = ffmpeg_command("clip.mp4", (90, 50), writer.first, "crop", Fraction(1))
    subprocess.run(["sh", "-c", f"{command} -loglevel error"], cwd=tmp_path, check=True, timeout=60)
    with av.open(str(tmp_path / "reframed.mp4")) as made:
        frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in made.decode(video=0)]
    assert frames[0].shape == (90, 50, 3)
    means = np.array([frame.mean() for frame in frames])
    np.testing.assert_allclose(means - means[0], x - x[0], atol=2.5)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg's command line is not there")
def test_ffmpeg_keeps_the_times_of_a_rate_that_varies(tmp_path: Path) -> None:
    times = [0, 1, 2, 6, 7, 12]  # of 1/25 s
    with VideoWriter(tmp_path / "clip.mp4", (90, 160), 25.0, time_base=Fraction(1, 25)) as film:
        for time in times:
            film.write(np.full((90, 160, 3), 10 * time, np.uint8), time)
    writer = write(tmp_path, planned(np.array([[20.0, 0, 50, 90]])))
    assert writer.first is not None
    command = ffmpeg_command("clip.mp4", (90, 50), writer.first, "crop", Fraction(1))
    subprocess.run(["sh", "-c", f"{command} -loglevel error"], cwd=tmp_path, check=True, timeout=60)
    with av.open(str(tmp_path / "reframed.mp4")) as made:
        found = [frame.time for frame in made.decode(video=0)]
    assert [round(25 * (time or 0)) for time in found] == times
