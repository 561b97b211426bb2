"""The final fusion of three fixation maps (STANet+, Sec. 5.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from sightline.models.stanet_plus.config import Output
from sightline.nn.cam import normalise


def fuse(sta: Tensor, short: Tensor, long: Tensor, output: Output = "fusion") -> Tensor:
    """One map of three: where all agree, and where any sees something.

    Parameters
    ----------
    sta, short, long
        (..., H, W) in [0, 1]: the maps of STA and of STA+ with short- and long-term context.
    output
        "fusion", Eq. 21; "product", Eq. 23; "sum" and "max", normalised; or "sta", "short", "long", one of them as it
        is.

    Returns
    -------
    (..., H, W) in [0, 1].

    Source: STANet+, Eq. 21 and 23, Table 6; the released code takes the maximum.

    Examples
    --------
    >>> sta, short, long = torch.tensor([[[0.0, 0.5, 1.0]], [[0.0, 1.0, 0.5]], [[0.0, 1.0, 0.0]]])
    >>> fuse(sta, short, long)
    tensor([[0.0000, 1.0000, 0.3000]])
    >>> fuse(sta, short, long, "max")
    tensor([[0., 1., 1.]])
    """
    parts = {"sta": sta, "short": short, "long": long}
    if output in parts:
        return parts[output]
    if output == "max":
        return normalise(torch.maximum(torch.maximum(sta, short), long))
    together = normalise(sta + short + long)
    if output == "sum":
        return together
    agreed = normalise(normalise(sta) * normalise(short) * normalise(long))
    return agreed * together / 4 if output == "product" else (agreed + together) / 2
