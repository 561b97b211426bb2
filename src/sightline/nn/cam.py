"""Class activation maps and what STANet makes of them: soft filter, selective fusion, box, pasting back.

Pure functions. Equations are those of STANet (CVPR 2021); STANet+ uses the same with more maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

BOX_FACTOR = 2.0
"""The box holds what lies above this many averages of a map (Sec. 3.6: a hard threshold of 2 x average)."""
FUSION_LAMBDA = 1e-4
"""Keeps Eq. 2 from dividing by zero. The paper calls it small; this is the value of the released code."""


ROUNDING = 1e-5
"""Range of a map, in parts of its highest value, below which it is constant: what rounding leaves is no structure."""


def normalise(maps: Tensor) -> Tensor:
    """The normalisation of Eq. 1 and 2: each map from its minimum to its maximum becomes [0, 1].

    Parameters
    ----------
    maps
        (..., H, W) float.

    Returns
    -------
    The same shape. A constant map, to `ROUNDING`, becomes 0 everywhere: it speaks for no place.

    Source: STANet, Eq. 1 and 2, where it is not written out.

    Examples
    --------
    >>> normalise(torch.tensor([[2.0, 4.0], [3.0, 2.0]]))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.0000]])
    >>> normalise(torch.full((1, 2), 7.0))
    tensor([[0., 0.]])
    """
    low, high = maps.amin(dim=(-2, -1), keepdim=True), maps.amax(dim=(-2, -1), keepdim=True)
    span = high - low
    there = span > ROUNDING * torch.maximum(high.abs(), low.abs())
    return torch.where(there, (maps - low) / torch.where(there, span, 1.0), 0.0)


def class_maps(features: Tensor, weights: Tensor) -> Tensor:
    """The weighted sums of Eq. 1, one map a class, before normalisation.

    Parameters
    ----------
    features
        (N, C, H, W): the maps f_i that global average pooling takes.
    weights
        (K, C): w_i of the last fully connected layer, a row a class.

    Returns
    -------
    (N, K, H, W)

    Source: STANet, Eq. 1.

    Examples
    --------
    >>> features = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])
    >>> class_maps(features, torch.tensor([[1.0, 0.5], [-1.0, 1.0]]))
    tensor([[[[ 1.,  1.]],
    <BLANKLINE>
             [[-1.,  2.]]]])
    """
    return torch.einsum("nchw,kc->nkhw", features, weights)


def activation(maps: Tensor, tags: Tensor) -> Tensor:
    """The class activation map of what a video is tagged with.

    What speaks against a class (below 0) counts as nothing before the map is normalised. A video of several tags has
    the largest of their maps at each place.

    Parameters
    ----------
    maps
        (N, K, H, W) of `class_maps`.
    tags
        (N, K) bool, or 0 and 1. A row of none gives a map of zeros.

    Returns
    -------
    (N, H, W) in [0, 1].

    Source: STANet, Eq. 1; several tags are left to the future there (Sec. 4.5).

    Examples
    --------
    >>> maps = torch.tensor([[[[4.0, -1.0, 2.0]], [[0.0, 8.0, 0.0]]]])
    >>> activation(maps, torch.tensor([[1, 0]]))
    tensor([[[1.0000, 0.0000, 0.5000]]])
    >>> activation(maps, torch.tensor([[1, 1]]))
    tensor([[[1.0000, 1.0000, 0.5000]]])
    """
    each = normalise(maps.clamp_min(0))
    return (each * tags.to(maps.dtype)[:, :, None, None]).amax(dim=1)


def soft_filter(confidences: Tensor, tags: Tensor) -> Tensor:
    """The confidence in the tag where the net predicts it, 0 where it predicts something else.

    Parameters
    ----------
    confidences
        (N, K) in (0, 1).
    tags
        (N, K) bool, or 0 and 1. Of several tags the one of the highest confidence counts, against those that are no
        tags.

    Returns
    -------
    (N,): C^v where it is above every C^u of a class that is no tag, else 0. A tie is no prediction.

    Source: STANet, Eq. 3.

    Examples
    --------
    >>> confidences = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]])
    >>> soft_filter(confidences, torch.tensor([[1, 0, 0], [1, 0, 0]]))
    tensor([0.5000, 0.0000])
    """
    is_tag = tags.bool()
    best = confidences.masked_fill(~is_tag, 0.0).amax(dim=1)
    other = confidences.masked_fill(is_tag, 0.0).amax(dim=1)
    return torch.where(best > other, best, 0.0)


def fuse_selective(maps: Tensor, confidences: Tensor) -> Tensor:
    """SCAM: the maps of several nets, each as far as its net is sure.

    Parameters
    ----------
    maps
        (M, H, W) or (M, N, H, W): normalised class activation maps of M nets.
    confidences
        (M,) or (M, N): what `soft_filter` leaves of each net's confidence.

    Returns
    -------
    (H, W) or (N, H, W) in [0, 1]. Where no net predicts the tag, no map counts, and the result is 0 everywhere.

    Source: STANet, Eq. 2.

    Examples
    --------
    >>> maps = torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]])
    >>> fuse_selective(maps, torch.tensor([0.9, 0.3])).round(decimals=3)
    tensor([[1.0000, 0.3330, 0.0000]])
    """
    shares = confidences[..., None, None]
    total = (maps * shares).sum(dim=0) + FUSION_LAMBDA
    return normalise(total / (shares.sum(dim=0) + FUSION_LAMBDA))


def fuse_average(maps: Tensor) -> Tensor:
    """SCAM_avg: the plain average of several nets' maps, for comparison.

    Parameters
    ----------
    maps
        (M, H, W) or (M, N, H, W): normalised class activation maps.

    Returns
    -------
    (H, W) or (N, H, W) in [0, 1].

    Source: STANet, Sec. 4.3 and Table 1.

    Examples
    --------
    >>> fuse_average(torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]]))
    tensor([[1., 1., 0.]])
    """
    return normalise(maps.mean(dim=0))


def attended_box(scores: Tensor, factor: float = BOX_FACTOR) -> tuple[int, int, int, int] | None:
    """The tight box around what lies above `factor` times the average of a map.

    Parameters
    ----------
    scores
        (H, W), not negative.
    factor
        How many averages.

    Returns
    -------
    x1, y1, x2, y2 in pixels of the map, right and bottom exclusive; None where nothing lies above, as in a map of one
    value.

    Source: STANet, Sec. 3.6.

    Examples
    --------
    >>> attended_box(torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.8]]))
    (2, 1, 4, 2)
    >>> attended_box(torch.ones(3, 3)) is None
    True
    """
    above = scores > factor * scores.double().mean()
    rows, columns = above.any(dim=1).nonzero()[:, 0], above.any(dim=0).nonzero()[:, 0]
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def paste(inside: Tensor, box: Sequence[int], size: tuple[int, int]) -> Tensor:
    """The map of a crop in its place: resized to the box, zeros around it.

    Parameters
    ----------
    inside
        (h, w) in [0, 1].
    box
        x1, y1, x2, y2 in pixels of the whole, right and bottom exclusive.
    size
        (height, width) of the whole.

    Returns
    -------
    (height, width) in [0, 1]; the resize is bicubic, smoothed where it shrinks, and cut to the range.

    Source: STANet, Sec. 3.6.

    Examples
    --------
    >>> paste(torch.ones(2, 2), (1, 0, 3, 1), (2, 4))
    tensor([[0., 1., 1., 0.],
            [0., 0., 0., 0.]])
    """
    x1, y1, x2, y2 = box
    whole = inside.new_zeros(size)
    scaled = F.interpolate(inside[None, None], (y2 - y1, x2 - x1), mode="bicubic", antialias=True)
    whole[y1:y2, x1:x2] = scaled[0, 0].clamp(0, 1)
    return whole
