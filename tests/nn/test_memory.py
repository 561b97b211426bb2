"""A memory of past frames: what attention carries over, how far it reaches, what is kept."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.nn.memory import UNIT, PixelMemory, PixelMemoryConfig, Remembered, remember

CONFIG = PixelMemoryConfig(frames=3, key_channels=8, pooling=1, interval=2)


def memory(**settings: object) -> PixelMemory:
    torch.manual_seed(0)
    network = PixelMemory([4, 6, 8], 8, CONFIG.model_copy(update=settings))
    return network.eval().requires_grad_(False)


def keys(height: int = 6, width: int = 8) -> Tensor:
    """Places that are all different from each other."""
    generator = torch.Generator().manual_seed(1)
    return F.normalize(torch.randn(1, 8, height, width, generator=generator), dim=1)


def mask_of(rows: slice, columns: slice, height: int = 6, width: int = 8) -> Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., rows, columns] = 1
    return mask


def frames_of(*frames: Tensor) -> Tensor:
    return torch.stack(frames, dim=1)


def test_the_mask_goes_where_its_pixels_went() -> None:
    network = memory()
    network.log_scale.data.fill_(5.0)
    mask = mask_of(slice(1, 4), slice(2, 5))
    frames = frames_of(*[remember(keys(), mask)] * 3)
    moved = keys().roll((2, 3), (2, 3))
    carried, first, target, other, sure = network.read(moved, frames, 0.0)[0]
    expected = 2 * mask.roll((2, 3), (2, 3))[0, 0] - 1
    torch.testing.assert_close(carried, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(first, expected, atol=1e-3, rtol=0)
    assert torch.all((target > other) == (expected > 0)), "a place is more like what it was than like anything else"
    torch.testing.assert_close(torch.maximum(target, other), torch.ones_like(target), atol=1e-4, rtol=0)
    torch.testing.assert_close(sure, torch.full_like(sure, 1 / 3), atol=1e-3, rtol=0)  # of three equal frames each


def test_of_two_that_look_alike_the_near_one_is_meant() -> None:
    """The target and its like have the same keys; the first frame says which is which by its place alone."""
    network = memory()
    look = keys()
    look[..., 2, 6] = look[..., 2, 1]
    frames = frames_of(*[remember(look, mask_of(slice(2, 3), slice(1, 2)))] * 3)
    network.log_scale.data.fill_(5.0)
    network.log_falloff.data.fill_(8.0)
    near, far = network.read(look, frames, 1.0)[0, 0], network.read(look, frames, 0.0)[0, 0]
    assert near[2, 1] > 0.9
    assert near[2, 6] < -0.9
    torch.testing.assert_close(far[2, 1], far[2, 6])
    assert abs(float(far[2, 1])) < 0.01, "without a reach the two share the attention"


def test_scores_are_likeness_less_the_squared_distance() -> None:
    """The products that `read` folds distances into, against the plain sum, at one place."""
    network = memory(pooling=2)
    look, mask = keys(), mask_of(slice(0, 3), slice(0, 4))
    cells = network.cells(look)
    frames = frames_of(remember(cells, mask), remember(cells, mask), remember(cells.roll(1, 3), mask))
    readout = network.read(look, frames)[0, 0]
    row, column, scores, values = 4, 5, [], []
    for number in range(3):
        for y in range(3):
            for x in range(4):
                token = frames[0, number, :, y, x]
                distance = ((row + 0.5 - 2 * y - 1) ** 2 + (column + 0.5 - 2 * x - 1) ** 2) / UNIT**2
                falloff = network.log_falloff[int(number == 2)].exp()
                scores.append(network.log_scale.exp() * token[:-1] @ look[0, :, row, column] - falloff * distance)
                values.append(token[-1])
    expected = 2 * torch.stack(scores).softmax(0) @ torch.stack(values) - 1
    torch.testing.assert_close(readout[row, column], expected, atol=1e-5, rtol=1e-5)


def test_the_first_and_the_last_frame_stay_and_some_between() -> None:
    def frame(number: int) -> Tensor:
        return torch.full((1, 9, 2, 2), float(number))

    kept = Remembered(frame(0), PixelMemoryConfig(frames=4, interval=2))
    seen = []
    for number in range(1, 8):
        kept.add(frame(number))
        seen.append(kept.frames[0, :, 0, 0, 0].int().tolist())
    assert seen[0] == [0, 0, 0, 1]
    assert seen[1] == [0, 0, 1, 2]
    assert seen[3] == [0, 1, 3, 4]
    assert seen[6] == [0, 3, 5, 7]
