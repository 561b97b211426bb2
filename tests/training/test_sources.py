"""From the sources of a recipe to samples and scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError, UsageError
from sightline.nn.backbones import build_backbone
from sightline.training import sources
from sightline.training.recipe import DataSource
from sightline.training.sources import fixation_images, scenes, videos


def source(family: str, root: Path, **fields: Any) -> DataSource:
    return DataSource(family=family, root=str(root), **fields)  # type: ignore[arg-type]


BACKBONE = build_backbone("deeplab-mobilenet-v2")


def test_videos_can_be_chosen_by_name(data: Path) -> None:
    root = data / "videos"
    assert [video.name for video in videos(source("davis2016", root))] == ["boat", "kite"]
    assert [video.name for video in videos(source("davis2016", root, keep=["kite"]))] == ["kite"]
    assert [video.name for video in videos(source("davis2016", root, skip=["kite"]))] == ["boat"]
    with pytest.raises(UsageError, match=r"has no sequence yacht; mend keep or skip"):
        videos(source("davis2016", root, skip=["yacht"]))


@pytest.mark.parametrize("family", ["davsod", "fbms", "s-davis", "s-davsod", "visal", "vos"])
def test_salient_object_sets_are_videos(family: str, tmp_path: Path) -> None:
    strokes = np.zeros((48, 64), np.uint8)
    strokes[5, 6] = 255
    for name in ("bear", "cow"):
        for place in ("Imgs", "ground-truth", "Fixation_maps", "gt", "mask"):
            (tmp_path / name / place).mkdir(parents=True)
            Image.fromarray(strokes).save(tmp_path / name / place / "00000.png")
    (video,) = videos(source(family, tmp_path, skip=["cow"]))
    assert video.name == "bear"
    assert [scene.mask.sum() for scene in scenes([source(family, tmp_path)], BACKBONE)] == [1, 1]
    with pytest.raises(DataError, match="nowhere"):
        videos(source(family, tmp_path / "nowhere"))


def test_every_frame_of_a_video_is_a_scene(data: Path) -> None:
    found = list(scenes([source("davis2016", data / "videos")], BACKBONE))
    assert [scene.group for scene in found] == ["boat"] * 4 + ["kite"] * 4
    for number, scene in enumerate(found[:4]):
        assert scene.kind == "video"
        assert scene.path.name == f"{number:05}.jpg"
        assert scene.mask.sum() == 400
        assert scene.mask[15, 12 + 4 * number]


def test_segments_are_those_in_the_middle(data: Path) -> None:
    found = list(scenes([source("bsds500", data / "segments")], BACKBONE))
    assert [scene.group for scene in found] == ["0#0", "1#0", "2#0"]
    for scene in found:
        assert scene.kind == "photo"
        # The surrounding region touches all four borders: it is no object.
        assert scene.mask.sum() == 20 * 24


def test_pseudo_instances_carry_the_density_of_fixations(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:30, 20:40] = True

    class Labeller:
        def __init__(self, backbone: object) -> None: ...

        def __call__(self, image: np.ndarray) -> list[np.ndarray]:
            return [mask if image.shape[0] == 48 else mask.T] * 3

    monkeypatch.setattr(sources, "PseudoLabeller", Labeller)
    found = list(scenes([source("pseudo", data / "fixations")], BACKBONE))
    assert [scene.group for scene in found[:4]] == ["0#0", "0#1", "1#0", "1#1"], "at most two targets a photograph"
    images = fixation_images([source("fixations", data / "fixations")])
    for scene, image in zip(found[::2], images, strict=True):
        assert scene.density is not None
        assert scene.density.shape == scene.mask.shape
        y, x = np.unravel_index(int(scene.density.argmax()), scene.density.shape)
        near = np.hypot(*(image.fixations_at(*scene.mask.shape) - (x + 0.5, y + 0.5)).T)
        assert near.min() < 3


def test_pseudo_instances_need_deeplab(data: Path) -> None:
    with pytest.raises(UsageError, match=r"pseudo.*deeplab-mobilenet-v2"):
        next(scenes([source("pseudo", data / "fixations")], build_backbone("resnet-50")))


@pytest.mark.parametrize(
    ("family", "reader"),
    [("fixations", scenes), ("salicon", scenes), ("bsds500", fixation_images), ("davis2016", fixation_images)],
)
def test_families_that_do_not_have_what_is_asked_for(family: str, reader: Any, data: Path) -> None:
    arguments = ([source(family, data)], BACKBONE) if reader is scenes else ([source(family, data)],)
    with pytest.raises(UsageError, match=f"data family '{family}' has no "):
        list(reader(*arguments))


@pytest.mark.parametrize("family", ["bsds500", "voc", "duts", "davis2016", "segtrackv2", "youtube-objects", "pseudo"])
def test_a_folder_that_is_not_there(family: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        list(scenes([source(family, tmp_path / "nowhere")], BACKBONE))
