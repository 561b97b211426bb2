"""Features of regions: RoIAlign, as fixed maps of boxes of any size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def roi_align(maps: Tensor, boxes: Tensor, index: Tensor, side: int, scale: float = 1.0, samples: int = 2) -> Tensor:
    """Cut boxes out of maps as side x side cells, each the mean of bilinear samples.

    Parameters
    ----------
    maps
        (N, C, H, W) float.
    boxes
        (K, 4) x1, y1, x2, y2, in units of which `scale` make a cell of the maps. They may reach out of the picture;
        what lies more than a cell outside is 0.
    index
        (K,) int64: which of the N maps each box is cut out of.
    side
        Cells of the result, across and down.
    scale
        Cells of the maps for one unit of the boxes.
    samples
        Samples of a cell of the result, across and down.

    Returns
    -------
    (K, C, side, side) float32.

    Source: Mask R-CNN (He et al., ICCV 2017), with the half-pixel shift of later code ("aligned").

    Examples
    --------
    >>> ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    >>> roi_align(ramp, torch.tensor([[2.0, 2.0, 6.0, 6.0]]), torch.tensor([0]), side=2)[0, 0, 0]
    tensor([2.5000, 4.5000])
    """
    maps = maps.float()  # places in cells need more digits than bfloat16 has
    height, width = maps.shape[-2:]
    start, extent = boxes[:, :2] * scale - 0.5, (boxes[:, 2:] - boxes[:, :2]) * scale
    steps = (torch.arange(side * samples, device=boxes.device, dtype=boxes.dtype) + 0.5) / (side * samples)
    x = start[:, :1] + extent[:, :1] * steps
    y = start[:, 1:] + extent[:, 1:] * steps
    inside_x, inside_y = (x >= -1) & (x <= width), (y >= -1) & (y <= height)
    grid_x = 2 * (x + 0.5) / width - 1
    grid_y = 2 * (y + 0.5) / height - 1
    count = side * samples
    grid = torch.stack([grid_x[:, None, :].expand(-1, count, -1), grid_y[:, :, None].expand(-1, -1, count)], dim=-1)
    sampled = maps.new_zeros(len(boxes), maps.shape[1], count, count)
    for number in range(len(maps)):
        own = index == number if len(maps) > 1 else slice(None)
        cut = grid[own]  # one picture's boxes as one tall grid, so that its maps are not copied for each box
        if len(cut):
            flat = F.grid_sample(
                maps[number : number + 1], cut.flatten(0, 1)[None], padding_mode="border", align_corners=False
            )
            sampled[own] = flat[0].unflatten(1, (len(cut), count)).transpose(0, 1)
    inside = (inside_y[:, None, :, None] & inside_x[:, None, None, :]).to(maps.dtype)
    return F.avg_pool2d(sampled * inside, samples)


def enlarge(boxes: Tensor, factor: float) -> Tensor:
    """Squares about the boxes' centres, their side `factor` times the boxes' longer one: (K, 4) to (K, 4).

    Examples
    --------
    >>> enlarge(torch.tensor([[0.0, 0.0, 4.0, 2.0]]), 2.0)
    tensor([[-2., -3.,  6.,  5.]])
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True) * factor / 2
    return torch.cat([centre - half, centre + half], dim=1)
