"""Regions of interest: the blocks of the mask, a graph that FFmpeg takes, and better pictures where they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.results.roi import Regions, blocks_of, graph, rectangles
from sightline.types import Frame
from sightline.video import VideoWriter, open_source


def test_rectangles_cover_the_blocks_once() -> None:
    mask = np.random.default_rng(0).random((50, 70)) < 0.01
    blocks, drawn = blocks_of(mask), np.zeros((50, 70), int)
    for x, y, width, height in rectangles(blocks, (50, 70)):
        drawn[y : y + height, x : x + width] += 1
    assert drawn.max() == 1
    np.testing.assert_array_equal(drawn, np.kron(blocks, np.ones((16, 16), int))[:50, :70])
    assert drawn[mask].all()


def test_the_graph_has_a_branch_a_stretch() -> None:
    lines = graph([(0.0, [(0, 0, 16, 16)]), (0.5, [])], 0.02).splitlines()
    assert lines == [
        "[0:v]split=2[s0][s1];",
        "[s0]trim=end=0.480000,setpts=PTS-STARTPTS,addroi=x=0:y=0:w=16:h=16:qoffset=-0.12[r0];",
        "[s1]trim=start=0.480000,setpts=PTS-STARTPTS,null[r1];",
        "[r0][r1]concat=n=2:v=1:a=0[roi]",
    ]


def test_unrelated_images_have_no_regions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`save` roi: of a video"):
        Regions().begin(tmp_path, None)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="FFmpeg's program is not installed")
def test_an_encoder_gives_the_region_more(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 96, 3), np.uint8)
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, (64, 96), 25.0) as writer:
        for image in noise:
            writer.write(image)
    mask = np.zeros((64, 96), np.uint8)
    mask[16:48, 32:64] = 1
    with open_source(clip) as source:
        sink = Regions().begin(tmp_path, source)
        frames = list(source.frames())
        for frame in frames:
            sink.write(Frame(frame.index, frame.time_s, frame.image, mask=mask))
        sink.close()
    assert (tmp_path / "roi.txt").read_text().startswith("[0:v]split=2")
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-filter_complex_script", str(tmp_path / "roi.txt")]
    end = ["-map", "[roi]", "-c:v", "libx264", "-crf", "35", "-preset", "veryfast", str(tmp_path / "out.mp4")]
    subprocess.run([*command, *end], check=True)
    with av.open(str(tmp_path / "out.mp4")) as film:
        found = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(found) == len(frames)
    off = np.mean([(got.astype(float) - said.image) ** 2 for got, said in zip(found, frames, strict=True)], axis=(0, 3))
    assert off[mask > 0].mean() < 0.6 * off[mask == 0].mean()
