import numpy as np
import pytest
import torch

from sightline.nn.roi import enlarge, roi_align


def bilinear(plane: np.ndarray, y: float, x: float) -> float:
    """A sample as RoIAlign defines it: 0 more than a cell outside, the border's value up to there."""
    height, width = plane.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = plane[top, left] * (1 - across) + plane[top, right] * across
    lower = plane[bottom, left] * (1 - across) + plane[bottom, right] * across
    return float(upper * (1 - down) + lower * down)


def written_out(plane: np.ndarray, box: list[float], side: int, scale: float, samples: int) -> np.ndarray:
    x1, y1, x2, y2 = (value * scale - 0.5 for value in box)
    cell_w, cell_h = (x2 - x1) / side, (y2 - y1) / side
    out = np.zeros((side, side))
    for row in range(side):
        for column in range(side):
            for i in range(samples):
                for j in range(samples):
                    y = y1 + (row + (i + 0.5) / samples) * cell_h
                    x = x1 + (column + (j + 0.5) / samples) * cell_w
                    out[row, column] += bilinear(plane, y, x) / samples**2
    return out


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("scale", [1.0, 0.125])
def test_equals_the_definition_written_out(samples: int, scale: float) -> None:
    rng = np.random.default_rng(3)
    maps = rng.normal(size=(2, 3, 9, 12))
    boxes = [[1.3, 2.1, 7.9, 6.2], [-4.0, -3.0, 5.0, 4.5], [8.0, 5.0, 20.0, 14.0], [3.0, 3.0, 3.0, 3.0]]
    picture = [0, 1, 0, 1]
    given = torch.tensor(boxes, dtype=torch.float64) / scale
    found = roi_align(torch.from_numpy(maps).float(), given.float(), torch.tensor(picture), 4, scale, samples)
    for number, (box, own) in enumerate(zip(given.tolist(), picture, strict=True)):
        for channel in range(3):
            expected = written_out(maps[own, channel], box, 4, scale, samples)
            np.testing.assert_allclose(found[number, channel].numpy(), expected, atol=2e-5)


def test_no_box_gives_no_cell_and_gradients_reach_the_maps() -> None:
    maps = torch.rand(1, 2, 6, 6, requires_grad=True)
    none = roi_align(maps, torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 3)
    assert none.shape == (0, 2, 3, 3)
    roi_align(maps, torch.tensor([[1.0, 1.0, 4.0, 4.0]]), torch.tensor([0]), 2).sum().backward()
    assert maps.grad is not None
    assert maps.grad[0, 0].sum() == pytest.approx(4.0)  # each of the four cells is a mean of weights 1
    assert maps.grad[0, 0, 5].abs().sum() == 0


def test_enlarged_boxes_are_squares_about_the_same_centre() -> None:
    (square,) = enlarge(torch.tensor([[10.0, 20.0, 14.0, 30.0]]), 1.5).tolist()
    assert square == [4.5, 17.5, 19.5, 32.5]
