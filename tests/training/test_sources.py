"""From the sources of a recipe to samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError, UsageError
from sightline.training.recipe import DataSource
from sightline.training.sources import fixation_images, videos


def source(family: str, root: Path, **fields: Any) -> DataSource:
    return DataSource(family=family, root=root, **fields)


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
    with pytest.raises(DataError, match="nowhere"):
        videos(source(family, tmp_path / "nowhere"))


@pytest.mark.parametrize("family", ["bsds500", "davis2016", "goo", "multi-face"])
def test_families_without_fixations_on_photographs(family: str, data: Path) -> None:
    with pytest.raises(UsageError, match=f"data family '{family}' has no fixations on photographs; use one of fix"):
        fixation_images([source(family, data)])


@pytest.mark.parametrize("family", ["bsds500", "fixations", "pseudo", "goo"])
def test_families_that_are_no_videos(family: str, data: Path) -> None:
    with pytest.raises(UsageError, match=f"data family '{family}' is no videos; use one of davis2016"):
        videos(source(family, data))


def test_photographs_of_all_sources_one_after_the_other(data: Path) -> None:
    once = fixation_images([source("fixations", data / "fixations")])
    both = fixation_images([source("fixations", data / "fixations"), source("pseudo", data / "fixations")])
    assert [image.image_path for image in both] == [image.image_path for image in once] * 2
