"""The weighted correlation block and what its ablation puts in its place (WCS-Net paper, Sec. 3.2, Eq. 3, Table 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sightline.nn.blocks import pool_to, resize


def weighted_pool(features: Tensor, guidance: Tensor) -> Tensor:
    """W(f, R(G)): the mean of the template's features, each pixel weighted by the guidance.

    The paper sums; dividing by the sum of G makes the kernel independent of the target's size and of G's scale.
    features: (N, C, h, w); guidance: (N, 1, H, W), non-negative. Returns (N, C, 1, 1).
    """
    weights = pool_to(guidance, features)
    return (features * weights).sum(dim=(2, 3), keepdim=True) / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)


class Correlation(nn.Module):
    """Correspondence between a template's and a search frame's features on one level.

    Both are first normalised by running statistics (no learned scale), so that a product of two channels says whether
    both deviate from the ordinary in the same way.
    """

    def __init__(self, channels: int, kind: str = "weighted") -> None:
        super().__init__()
        self.kind = kind
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def kernel(self, template: Tensor, guidance: Tensor) -> Tensor:
        """What the search features are correlated with: (N, C, 1, 1), or the template's map for the ablations."""
        template = self.norm(template)
        return weighted_pool(template, guidance) if self.kind == "weighted" else template

    def forward(self, search: Tensor, kernel: Tensor) -> Tensor:
        """search: (N, C, h, w); kernel: from `kernel`. Returns (N, C, h, w), with 2 C channels for `concat`."""
        search = self.norm(search)
        if self.kind == "weighted":
            return search * kernel
        if self.kind == "concat":
            return torch.cat([search, resize(kernel, search.shape[-2:])], dim=1)
        return _depthwise(search, kernel)


def _depthwise(search: Tensor, kernel: Tensor) -> Tensor:
    """Depth-wise cross-correlation of each sample with its own kernel map, at the search's size.

    Done in the frequency domain: the kernels are up to 80 pixels wide.
    """
    h, w = search.shape[-2:]
    kh, kw = kernel.shape[-2:]
    size = (h + kh - 1, w + kw - 1)
    spectrum = torch.fft.rfft2(search, s=size) * torch.fft.rfft2(kernel, s=size).conj()
    full = torch.fft.irfft2(spectrum, s=size)
    # Lag 0 is at index 0; shift so that the kernel's middle lies on the output pixel.
    full = full.roll(shifts=(kh // 2, kw // 2), dims=(2, 3))
    return full[..., :h, :w] / (kh * kw)
