"""The contrast: what it takes for alike, and what it costs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sightline.models.egcnet.config import RecallConfig
from sightline.models.egcnet.iimc import (
    Embedding,
    as_rows,
    confident,
    log_odds,
    mean_similarity,
    mixed_contrast,
    object_and_rest,
    prototypes,
)

CONFIG = RecallConfig()
NONE = torch.zeros(0, 2, 2)
OBJECT, GROUND = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])


def halves() -> tuple[Tensor, Tensor]:
    """A frame whose left half is the object: embeddings (1, 2, 8, 16) and mask (1, 1, 8, 16)."""
    mask = torch.zeros(1, 1, 8, 16)
    mask[..., :8] = 1
    return torch.cat([mask, 1 - mask], dim=1), mask


def clip() -> tuple[Tensor, Tensor]:
    """Two frames of it, one mirrored: pixels (1, 2, 2, 8, 16) and targets (1, 2, 1, 8, 16)."""
    pixels, mask = halves()
    return torch.stack([pixels, pixels.flip(3)], 1), torch.stack([mask, mask.flip(3)], 1)


def test_the_embedding_has_unit_length_and_minds_no_shift_of_the_frozen_level() -> None:
    torch.manual_seed(0)
    embedding = Embedding(5, 4)
    level3, features = torch.randn(2, 3, 4, 6), torch.randn(2, 2, 4, 6)
    found = embedding(level3, features)
    assert found.shape == (2, 4, 4, 6)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2, 4, 6))
    torch.testing.assert_close(embedding(level3 + 3, features), found)


def test_what_is_like_the_object_and_unlike_its_surroundings_stands_out() -> None:
    pixels, mask = halves()
    cells, sides = as_rows(pixels), as_rows(object_and_rest(mask))
    ratio = log_odds(mean_similarity(pixels, cells, sides, CONFIG), CONFIG)
    assert (ratio[mask == 1] > 5).all()
    assert (ratio[mask == 0] < -5).all()
    stranger = log_odds(mean_similarity(-pixels, cells, sides, CONFIG), CONFIG)
    assert stranger.abs().max() < 5, "what is unlike all that is known cannot be told as surely"


def test_similarity_is_the_mean_over_the_cells_of_a_side() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.nn.functional.normalize(torch.randn(1, 3, 2, 2, generator=generator), dim=1)
    cells = torch.nn.functional.normalize(torch.randn(1, 5, 3, generator=generator), dim=2)
    sides = torch.rand(1, 5, 2, generator=generator)
    found = mean_similarity(pixels, cells, sides, CONFIG)
    pixel, side = pixels[0, :, 1, 0], sides[0, :, 1]
    expected = sum(side[k] * ((pixel @ cells[0, k] - 1) / 0.1).exp() for k in range(5)) / side.sum()
    torch.testing.assert_close(found[0, 1, 1, 0], expected)


def test_cells_in_doubt_count_for_nothing() -> None:
    mask = torch.tensor([1.0, 0.75, 0.5, 0.1]).view(1, 1, 1, 4)
    assert confident(mask)[0, :, 0].tolist() == [[1, 0.5, 0, 0], [0, 0, 0, pytest.approx(0.8)]]


def test_contrast_rewards_an_embedding_that_tells_the_sides_apart() -> None:
    pixels, targets = clip()
    assert float(mixed_contrast(pixels, targets, NONE, inter=0.5, config=CONFIG)) < 0.01
    swapped = torch.stack([pixels[:, 0], pixels[:, 1].flip(1)], 1)  # one frame's object looks like the other's ground
    assert float(mixed_contrast(swapped, targets, NONE, inter=0.5, config=CONFIG)) > 5


def test_contrast_leaves_out_pixels_in_doubt() -> None:
    pixels, targets = clip()
    wrong = pixels.clone()
    wrong[:, 0, :, 0, 0] = GROUND  # one of the object's pixels looks like the background
    whole = float(mixed_contrast(wrong, targets, NONE, inter=0.0, config=CONFIG))
    assert whole > float(mixed_contrast(pixels, targets, NONE, inter=0.0, config=CONFIG)) + 0.01
    doubted = targets.clone()
    doubted[:, 0, :, 0, 0] = 0.5
    assert float(mixed_contrast(wrong, doubted, NONE, inter=0.0, config=CONFIG)) < 0.5 * whole


@pytest.mark.parametrize(("inter", "higher"), [(0.5, True), (0.0, False)])
def test_contrast_between_videos_pushes_from_their_background(inter: float, higher: bool) -> None:
    pixels, targets = clip()
    bank = torch.stack([OBJECT, GROUND])[None]
    same, mixed_up = (
        float(mixed_contrast(pixels, targets, sides, inter=inter, config=CONFIG)) for sides in (bank, bank.flip(1))
    )
    assert (mixed_up > same + 0.1) == higher


def test_prototypes_of_object_and_rest() -> None:
    pixels, mask = halves()
    torch.testing.assert_close(prototypes(pixels, mask)[0], torch.stack([OBJECT, GROUND]))
