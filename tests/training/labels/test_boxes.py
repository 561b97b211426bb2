"""Masks of boxes, by a tiny random SAM and by a network that says where red is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sightline.errors import WeightsError
from sightline.training.labels.boxes import CHUNK, SaliencyOfBox, SamOfBox, box_teacher
from training.labels.test_teacher import sam, sam2  # noqa: F401 - fixtures


def red_of(pixels: np.ndarray) -> np.ndarray:
    """A map that is high where the normalised red channel is."""
    return (pixels[:, :1] > 0).astype(np.float32) * 0.9 + 0.05


def saliency(answer: object = red_of) -> SaliencyOfBox:
    teacher = object.__new__(SaliencyOfBox)
    teacher._session = SimpleNamespace(run=lambda names, given: [answer(given["x"])])  # type: ignore[operator]
    teacher._input, teacher.about = "x", "red"
    return teacher


def scene() -> np.ndarray:
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:40, 30:50, 0] = 255
    image[20:40, 60:70, 0] = 255
    return image


def test_the_object_in_a_box_is_cut_out_and_its_neighbour_is_not() -> None:
    masks, scores = saliency()(scene(), np.array([[26.0, 16, 55, 44], [58, 18, 72, 42]]))
    assert masks.dtype == np.bool_
    assert masks[0].sum() == pytest.approx(400, abs=60)
    assert not masks[0][:, 55:].any()
    assert masks[1][20:40, 60:70].mean() > 0.9
    assert (scores > 0.9).all()


def test_nothing_seen_or_all_of_the_box_is_no_mask() -> None:
    empty, scores = saliency(lambda x: np.full_like(x[:, :1], 0.3))(scene(), np.array([[26.0, 16, 55, 44]]))
    assert not empty.any()
    assert scores.tolist() == [0]
    full, scores = saliency(lambda x: np.pad(x[:, :1, 1:] * 0 + 1, ((0, 0), (0, 0), (1, 0), (0, 0))))(
        scene(), np.array([[26.0, 16, 55, 44]])
    )
    assert scores.tolist() == [0]
    assert not full.any()


def test_boxes_at_the_border_and_smaller_than_a_pixel() -> None:
    masks, _ = saliency()(scene(), np.array([[-20.0, -20, 40, 30], [79.5, 59.5, 90, 90], [10.2, 10.2, 10.4, 10.4]]))
    assert masks.shape == (3, 60, 80)
    assert not masks[1].any()
    assert saliency()(scene(), np.zeros((0, 4)))[0].shape == (0, 60, 80)


def test_sam_is_prompted_with_boxes_and_then_with_its_masks(sam: Path) -> None:  # noqa: F811
    teacher = box_teacher(str(sam))
    assert isinstance(teacher, SamOfBox)
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    boxes = np.array([[4.0, 4, 30, 40]] * (CHUNK + 1) + [[0, 0, 64, 48]])
    asked: list[dict] = []
    network = teacher.network

    class Spy:
        def __call__(self, **given: object) -> object:
            asked.append(given)
            return network(**given)

        def get_image_embeddings(self, pixels: torch.Tensor) -> torch.Tensor:
            return network.get_image_embeddings(pixels)

    teacher.network = Spy()
    masks, scores = teacher(image, boxes)
    assert (masks.shape, scores.shape) == ((CHUNK + 2, 48, 64), (CHUNK + 2,))
    assert not masks[0][:, 30:].any()
    assert not masks[0][40:].any()
    assert np.ptp(scores[: CHUNK + 1]) < 1e-5  # one box, one score, in whatever part
    assert ["input_boxes" in given for given in asked] == [True, False] * 2
    assert ["input_masks" in given for given in asked] == [False, True] * 2
    # A picture of 48x64 fills SAM's 64x64 from the top: pixels count the same, from the middle of a pixel.
    assert asked[0]["input_boxes"][0, 0].tolist() == [3.5, 3.5, 29.5, 39.5]
    assert teacher(image, np.zeros((0, 4)))[0].shape == (0, 48, 64)


def test_what_is_no_teacher_of_boxes(sam2: Path, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(WeightsError, match="a SAM 2; boxes are turned into masks by the first SAM"):
        box_teacher(str(sam2))
    pytest.importorskip("onnxruntime")
    (tmp_path / "u2.onnx").write_bytes(b"no graph")
    for place in (tmp_path, tmp_path / "u2.onnx", tmp_path / "none.onnx"):
        with pytest.raises(WeightsError, match=r"\.onnx: no network that onnxruntime can run"):
            box_teacher(str(place))


def test_the_published_u2net_as_its_notes_say(shared_data: Path) -> None:
    pytest.importorskip("onnxruntime")
    folder = shared_data / "weights/u2netp"
    teacher = box_teacher(str(folder))
    assert isinstance(teacher, SaliencyOfBox)
    check = np.load(folder / "check.npz")
    low, high = check["min_max"]
    found = teacher.saliency(check["crop_rgb_320"])
    assert found is not None
    np.testing.assert_allclose(found, (check["output"].squeeze() - low) / (high - low), atol=1e-3)
