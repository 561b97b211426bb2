"""From the sources of a recipe to pictures with targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.errors import DataError, UsageError
from sightline.nn.backbones import build_backbone
from sightline.training.recipe import DataSource
from sightline.training.sources import fixation_images
from sightline.training.wcsnet import targets as module
from sightline.training.wcsnet.targets import targets


def source(family: str, root: Path, **fields: Any) -> DataSource:
    return DataSource(family=family, root=root, **fields)


BACKBONE = build_backbone("deeplab-mobilenet-v2")


def test_every_frame_of_a_video_is_a_target(data: Path) -> None:
    found = list(targets([source("davis2016", data / "videos")], BACKBONE))
    assert [target.group for target in found] == ["boat"] * 4 + ["kite"] * 4
    for number, target in enumerate(found[:4]):
        assert target.kind == "video"
        assert target.path.name == f"{number:05}.jpg"
        assert target.mask.sum() == 400
        assert target.mask[15, 12 + 4 * number]


def test_segments_are_those_in_the_middle(data: Path) -> None:
    found = list(targets([source("bsds500", data / "segments")], BACKBONE))
    assert [target.group for target in found] == ["0#0", "1#0", "2#0"]
    for target in found:
        assert target.kind == "photo"
        # The surrounding region touches all four borders: it is no object.
        assert target.mask.sum() == 20 * 24


def test_pseudo_instances_carry_the_density_of_fixations(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:30, 20:40] = True

    class Labeller:
        def __init__(self, backbone: object) -> None: ...

        def __call__(self, image: np.ndarray) -> list[np.ndarray]:
            return [mask if image.shape[0] == 48 else mask.T] * 3

    monkeypatch.setattr(module, "PseudoLabeller", Labeller)
    found = list(targets([source("pseudo", data / "fixations")], BACKBONE))
    assert [target.group for target in found[:4]] == ["0#0", "0#1", "1#0", "1#1"], "at most two targets a photograph"
    images = fixation_images([source("fixations", data / "fixations")])
    for target, image in zip(found[::2], images, strict=True):
        assert target.density is not None
        assert target.density.shape == target.mask.shape
        y, x = np.unravel_index(int(target.density.argmax()), target.density.shape)
        near = np.hypot(*(image.fixations_at(*target.mask.shape) - (x + 0.5, y + 0.5)).T)
        assert near.min() < 3


def test_pseudo_instances_need_deeplab(data: Path) -> None:
    with pytest.raises(UsageError, match=r"pseudo.*deeplab-mobilenet-v2"):
        next(targets([source("pseudo", data / "fixations")], build_backbone("resnet-50")))


@pytest.mark.parametrize("family", ["fixations", "salicon", "goo", "dhf1k"])
def test_families_without_masks(family: str, data: Path) -> None:
    with pytest.raises(UsageError, match=f"data family '{family}' has no masks; use pseudo"):
        list(targets([source(family, data)], BACKBONE))


@pytest.mark.parametrize("family", ["bsds500", "voc", "duts", "davis2016", "segtrackv2", "youtube-objects", "pseudo"])
def test_a_folder_that_is_not_there(family: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        list(targets([source(family, tmp_path / "nowhere")], BACKBONE))
