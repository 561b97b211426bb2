import numpy as np
import pytest
import torch

from sightline.models.samgop.config import RuleConfig, Selection
from sightline.models.samgop.detector import Seen
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.postprocess import find_heads, label_map, looked_at, target_of, to_image


def seen(network: SamGOP, boxes: list[list[float]], logits: list[float]) -> Seen:
    with torch.no_grad():
        found = network.see(torch.rand(1, 3, 64, 64))
    last = found.heads[-1]._replace(boxes=torch.tensor([boxes]), logits=torch.tensor([logits]))
    return found._replace(heads=[last])


def test_large_heads_are_taken_from_the_small_picture_too(network: SamGOP) -> None:
    rules = RuleConfig(head_score=0.5, head_large=0.25)
    own = seen(network, [[0.2, 0.2, 0.1, 0.1], [0.7, 0.5, 0.2, 0.2]], [2.0, 1.0])
    small = seen(network, [[0.7, 0.5, 0.4, 0.4], [0.5, 0.8, 0.1, 0.3], [0.2, 0.5, 0.2, 0.2]], [3.0, 4.0, 5.0])
    assert find_heads(own, rules).rows.tolist() == [0, 1]
    # In a wide picture the second of the small one is not large, nor is the third; the first holds one of the large's.
    assert find_heads(own, rules, small, (100, 200)).rows.tolist() == [2, 0]
    assert find_heads(own, rules, small, (200, 100)).rows.tolist() == [3, 2, 0]


def test_pictures_keep_their_shape_but_for_a_few_per_cent() -> None:
    assert to_image(np.zeros((480, 640, 3), np.uint8), 384).shape == (1, 3, 288, 384)
    assert to_image(np.zeros((540, 960, 3), np.uint8), 384).shape == (1, 3, 224, 384)
    assert to_image(np.zeros((400, 8, 3), np.uint8), 384).shape == (1, 3, 384, 32)
    assert float(to_image(np.full((10, 10, 3), 255, np.uint8), 64).max()) == 1.0


def test_a_mask_stays_where_it_was_and_within_its_box() -> None:
    small = np.zeros((2, 12, 16), np.float32)
    small[0, 3:6, 4:8] = 1.0
    small[1] = 0.9
    boxes = np.array([[0.25, 0.25, 0.5, 0.5], [0.75, 0.5, 1.0, 1.0]], np.float32)
    labels = label_map(small, boxes, (48, 64), 0.5)
    assert labels.dtype == np.uint8
    one = np.argwhere(labels == 1)
    assert (one.min(0).tolist(), one.max(0).tolist()) == ([12, 16], [23, 31])
    two = np.argwhere(labels == 2)
    assert two.min(0).tolist() >= [22, 46]
    assert labels[47, 63] == 2
    assert label_map(small[:0], boxes[:0], (8, 8), 0.5).max() == 0


def test_of_two_that_claim_a_pixel_the_likelier_has_it() -> None:
    small = np.stack([np.full((4, 4), 0.6, np.float32), np.full((4, 4), 0.8, np.float32)])
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1]], np.float32)
    labels = label_map(small, boxes, (8, 8), 0.5)
    assert labels[4, 0] == 2
    assert labels[4, 7] == 1


def test_the_target_is_between_cells_where_the_heat_is() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[2, 3] = heat[2, 4] = 0.5
    (x, y), score = target_of(heat)
    assert (x, y) == pytest.approx((0.5, 2.5 / 8))
    assert score == 0.5


@pytest.mark.parametrize("selection", ["mask", "box", "point"])
def test_the_object_under_the_heat_is_looked_at(selection: Selection) -> None:
    boxes = np.array([[0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9], [0.0, 0.0, 1.0, 1.0]], np.float32)
    masks = np.zeros((3, 20, 20), np.float32)
    masks[0, :8, :8], masks[1, 10:18, 10:18], masks[2, :, 19] = 1, 1, 1
    scores = np.array([0.9, 0.8, 0.9], np.float32)
    heat = np.zeros((20, 20), np.float32)
    heat[12:15, 12:15] = 1
    rules = RuleConfig(selection=selection)
    values = looked_at(heat, masks, boxes, scores, rules)
    assert values.argmax() == 1
    assert values[0] == 0
    assert looked_at(heat, masks[:0], boxes[:0], scores[:0], rules).shape == (0,)


def test_no_object_is_looked_at_where_the_heat_is_beside_them() -> None:
    boxes = np.array([[0.0, 0.0, 0.2, 0.2]], np.float32)
    masks = np.zeros((1, 20, 20), np.float32)
    masks[0, :4, :4] = 1
    heat = np.zeros((20, 20), np.float32)
    heat[15, 15] = 1
    for selection in ("mask", "box", "point"):
        assert looked_at(heat, masks, boxes, np.ones(1, np.float32), RuleConfig(selection=selection)).tolist() == [0]


def test_torch_is_not_asked_for_a_frame_of_one_pixel() -> None:
    image = to_image(np.zeros((1, 1, 3), np.uint8), 64)
    assert isinstance(image, torch.Tensor)
    assert image.shape == (1, 3, 64, 64)
