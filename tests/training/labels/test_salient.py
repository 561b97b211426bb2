"""Objects that a salient-object network shows in watched photographs: whole ones, each once, by their soft masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.data.files import load_image
from sightline.training.labels import salient
from sightline.training.labels.salient import KEPT, looks, objects_of
from sightline.training.recipe import DataSource
from sightline.training.sources import fixation_images
from sightline.training.wcsnet.targets import targets

SIZE = (80, 120)


def row(
    map_: np.ndarray, crop: tuple[int, int, int, int] = (0, 0, 120, 80), peak: tuple[int, int] = (60, 40)
) -> dict[str, Any]:
    return {"map": map_.astype(np.uint8), "crop": np.array(crop), "peak": np.array(peak)}


def painted(*parts: tuple[float, float, float, float, int]) -> np.ndarray:
    """A map that has a value in rectangles: x1, y1, x2, y2 as shares, value."""
    found = np.zeros((KEPT, KEPT))
    for x1, y1, x2, y2, value in parts:
        found[round(y1 * KEPT) : round(y2 * KEPT), round(x1 * KEPT) : round(x2 * KEPT)] = value
    return found


def test_every_part_of_the_whole_is_an_object_the_largest_first() -> None:
    found = list(objects_of([row(painted((0.1, 0.1, 0.3, 0.3, 250), (0.5, 0.2, 0.9, 0.8, 250)))], SIZE))
    assert [round(float(each.mask.mean()), 2) for each in found] == [0.24, 0.04]
    assert found[0].soft[40, 84] == pytest.approx(250 / 255)
    assert found[0].soft[16, 24] == 0, "the other object's map is not this one's"


def test_what_it_is_unsure_of_is_left_out() -> None:
    assert not list(objects_of([row(painted((0.3, 0.3, 0.7, 0.7, 150)))], SIZE))


@pytest.mark.parametrize("side", [0.05, 0.95])
def test_specks_and_backgrounds_are_left_out(side: float) -> None:
    assert not list(objects_of([row(painted((0.02, 0.02, 0.02 + side, 0.02 + side, 255)))], SIZE))


CROP = (30, 10, 90, 70)


def test_of_a_crop_the_part_that_is_looked_at_counts() -> None:
    whole = row(painted())
    near = row(painted((0.1, 0.1, 0.4, 0.4, 255), (0.6, 0.5, 0.9, 0.9, 255)), CROP, peak=(75, 50))
    (found,) = objects_of([whole, near], SIZE)
    rows, columns = found.mask.nonzero()
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == pytest.approx((66, 40, 84, 64), abs=1)


def test_an_object_that_the_crop_cuts_is_left_out() -> None:
    cut = row(painted((0.5, 0.2, 1.0, 0.8, 255)), CROP, peak=(75, 40))
    assert not list(objects_of([row(painted()), cut], SIZE))


def test_an_object_is_shown_once() -> None:
    whole = row(painted((66 / 120, 40 / 80, 84 / 120, 64 / 80, 255)))
    near = row(painted((0.6, 0.5, 0.9, 0.9, 255)), CROP, peak=(75, 50))
    assert len(list(objects_of([whole, near], SIZE))) == 1


def test_looks_are_of_the_whole_and_around_the_peak(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    class Network:
        confidence = 0.8

        def __init__(self, path: Path) -> None: ...

        def saliency(self, crop: np.ndarray) -> np.ndarray | None:
            seen.append(crop.shape[:2])
            values = np.zeros(crop.shape[:2], np.float32)
            values[crop.shape[0] // 4 : -crop.shape[0] // 4, crop.shape[1] // 4 : -crop.shape[1] // 4] = 1
            return values

    monkeypatch.setattr(salient, "SaliencyOfBox", Network)
    model = data / "teacher.onnx"
    model.write_bytes(b"a network")
    source = DataSource(family="taught", root=data / "fixations", teacher=model)
    samples = fixation_images([source])
    found = looks(samples, model)
    assert len(found) == 2 * len(samples) == len(seen)
    for index, sample in enumerate(samples):
        image = load_image(sample.image_path)
        side = round(0.6 * min(image.shape[:2]))
        assert seen[2 * index] == image.shape[:2]
        assert seen[2 * index + 1] == (side, side)
        x1, y1, x2, y2 = found["crop"][2 * index + 1]
        x, y = found["peak"][2 * index + 1]
        assert x1 <= x < x2 <= image.shape[1]
        assert y1 <= y < y2 <= image.shape[0]
    looks(samples, model)
    assert len(seen) == 2 * len(samples), "what is kept is not made again"
    moved = replace(samples[0], fixations=samples[0].fixations + 1)
    looks([moved, *samples[1:]], model)
    assert len(seen) == 4 * len(samples), "other fixations, other crops"
    first = next(targets([source], None))  # type: ignore[arg-type]  # no network of ours is asked
    assert (first.kind, first.path) == ("taught", samples[0].image_path)
    assert first.soft is not None
    assert first.mask.mean() == pytest.approx(0.25, abs=0.02)


def test_a_recipe_says_who_teaches() -> None:
    with pytest.raises(ValueError, match="teacher"):
        DataSource(family="taught", root=Path("x"))
    with pytest.raises(ValueError, match="teacher"):
        DataSource(family="fixations", root=Path("x"), teacher=Path("u2netp"))
