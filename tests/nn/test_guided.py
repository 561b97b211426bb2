from __future__ import annotations

import torch

from sightline.nn.guided import GuidedFilterConfig, guided_filter


def two_halves(size: int = 32) -> torch.Tensor:
    """A picture (1, 3, size, size), dark on the left and bright on the right."""
    picture = torch.full((1, 3, size, size), 0.2)
    picture[..., size // 2 :] = 0.8
    return picture


def test_an_even_map_stays_even() -> None:
    maps = torch.full((2, 1, 24, 40), 0.3)
    torch.testing.assert_close(guided_filter(maps, torch.rand(2, 3, 24, 40), GuidedFilterConfig()), maps)


def test_a_map_is_a_linear_function_of_the_colours_in_each_window() -> None:
    guide = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    maps = (guide * torch.tensor([0.2, -0.5, 0.9])[:, None, None]).sum(1, keepdim=True) + 0.1
    torch.testing.assert_close(guided_filter(maps, guide, GuidedFilterConfig(smoothing=1e-7)), maps, atol=1e-4, rtol=0)


def test_the_fit_is_that_of_least_squares() -> None:
    generator = torch.Generator().manual_seed(1)
    guide, maps = torch.rand(1, 3, 9, 9, generator=generator), torch.rand(1, 1, 9, 9, generator=generator)
    design = torch.cat([guide[0].flatten(1).T, torch.ones(81, 1)], dim=1)
    ridge = torch.diag(torch.tensor([1.0, 1, 1, 0])) * 81 * 0.01
    terms = torch.linalg.solve(design.T @ design + ridge, design.T @ maps.flatten())
    # A window of the picture's size is the same everywhere but for the border, so the middle is one such fit.
    wide = (
        torch.nn.functional.pad(guide, (8,) * 4, mode="circular"),
        torch.nn.functional.pad(maps, (8,) * 4, mode="circular"),
    )
    found = guided_filter(wide[1], wide[0], GuidedFilterConfig(radius=4, smoothing=0.01))
    torch.testing.assert_close(found[0, 0, 8:-8, 8:-8].flatten(), design @ terms, atol=1e-4, rtol=0)


def test_a_blurred_edge_moves_to_that_of_the_picture() -> None:
    blurred = ((torch.arange(32) - 13.5) / 2).sigmoid().expand(1, 1, 32, 32)  # two pixels to the left of the edge
    found = guided_filter(blurred, two_halves(), GuidedFilterConfig())[0, 0, 16]
    assert (found[:16] < 0.5).all()
    assert (found[16:] > 0.5).all()
    assert found[16] - found[15] > 0.4 > 3 * (blurred[0, 0, 0, 16] - blurred[0, 0, 0, 15])


def test_the_guide_may_be_larger() -> None:
    coarse = (two_halves(16)[:, :1] > 0.5).float()
    fine = guided_filter(coarse, two_halves(64), GuidedFilterConfig(radius=2))
    torch.testing.assert_close(fine, (two_halves(64)[:, :1] > 0.5).float(), atol=0.1, rtol=0)
