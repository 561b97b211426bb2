"""Cut-outs: alpha that is the mask, colours that are the picture's, the source's times and sound."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hostile.corpus import write_video
from sightline.results.cutout import PRORES, VP9, Codec, Cutout, cut_out
from sightline.types import Frame
from sightline.video import open_source


def disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return ((y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 4) ** 2).astype(np.uint8)


def decoded(path: Path, decoder: str | None = None) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        if decoder is None:
            return [frame.to_ndarray(format="rgba") for frame in film.decode(stream)]
        context = av.CodecContext.create(decoder, "r")
        frames = [frame for packet in film.demux(stream) if packet.size for frame in context.decode(packet)]
        return [frame.to_ndarray(format="rgba") for frame in [*frames, *context.decode(None)]]


@pytest.mark.parametrize(("codec", "decoder"), [(PRORES, None), (VP9, "libvpx-vp9")], ids=["prores", "vp9"])
def test_a_film_has_the_mask_as_alpha_and_the_colours_of_the_picture(
    tmp_path: Path, codec: Codec, decoder: str | None
) -> None:
    source = open_source(write_video(tmp_path / "clip.mp4", frames=6, size=(64, 96)))
    with source:
        sink = Cutout("cutout", "", codec).begin(tmp_path, source)
        said = []
        for frame in source.frames():
            mask = disc(*frame.image.shape[:2])
            sink.write(Frame(frame.index, frame.time_s, frame.image, mask=mask))
            said.append((frame.image, mask, frame.time_s))
        sink.close()
    film = tmp_path / f"cutout{codec.suffix}"
    found = decoded(film, decoder)
    assert len(found) == len(said)
    for rgba, (image, mask, _) in zip(found, said, strict=True):
        alpha = rgba[..., 3].astype(float) / 255
        assert np.abs(alpha - mask).mean() < 0.02
        assert np.abs(rgba[..., :3].astype(float) - image)[mask > 0].mean() < 8
    with av.open(str(film)) as opened:
        times = [float(packet.pts * packet.time_base) for packet in opened.demux(video=0) if packet.size]
    assert sorted(times) == pytest.approx([time for *_, time in said], abs=0.002)


def test_the_edge_is_as_soft_as_the_probability() -> None:
    image = np.full((1, 5, 3), 100, np.uint8)
    probability = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]], np.float32)
    frame = Frame(0, 0.0, image, mask=(probability >= 0.5).astype(np.uint8), probability=probability)
    assert cut_out(frame)[0, :, 3].tolist() == [0, 0, 128, 255, 255]


def test_far_from_the_object_nothing_of_the_picture_is_left() -> None:
    image, mask = np.full((60, 80, 3), 100, np.uint8), np.zeros((60, 80), np.uint8)
    mask[10:20, 10:20] = 1
    found = cut_out(Frame(0, 0.0, image, mask=mask))
    assert found[40:, 40:].sum() == 0
    assert (found[10:20, 10:20, :3] == 100).all()


def test_a_picture_is_a_png(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "picture.png")
    with open_source(tmp_path / "picture.png") as source:
        sink = Cutout("cutout", "", PRORES).begin(tmp_path, source)
        sink.write(Frame(0, 0.0, image, mask=disc(32, 48)))
        sink.close()
    found = np.asarray(Image.open(tmp_path / "cutout.png"))
    assert (found[..., 3] == 255 * disc(32, 48)).all()
    assert (found[..., :3][disc(32, 48) > 0] == image[disc(32, 48) > 0]).all()
