"""The weighted correlation block and what its ablation puts in its place (WCS-Net paper, Sec. 3.2, Eq. 3, Table 6)."""

from __future__ import annotations

from collections.abc import Sequence

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


class Standardise(nn.Module):
    """Features in standard deviations from their mean: running statistics, no learned scale, cut at `limit`.

    The last `classes` channels are probabilities already and stay as they are: the small variance of a class that is
    rare in training would blow it up.
    """

    def __init__(self, channels: int, limit: float, classes: int = 0) -> None:
        super().__init__()
        self.features, self.limit = channels - classes, limit
        self.norm = nn.BatchNorm2d(self.features, affine=False)

    def forward(self, maps: Tensor) -> Tensor:
        standard = self.norm(maps[:, : self.features]).clamp(-self.limit, self.limit)
        return torch.cat([standard, maps[:, self.features :]], dim=1)


def mean_correlation(products: Tensor, classes: int = 0) -> Tensor:
    """Correlation of a pixel with the template over all channels: what a rare object needs to be recognised.

    products: (N, C, h, w), template times search, channel by channel. Returns (N, 1, h, w), the mean over the feature
    channels; with classes (N, 2, h, w), beside it the probability of being of one class, background left out.
    """
    features = products.shape[1] - classes
    maps = [products[:, :features].mean(dim=1, keepdim=True)]
    if classes:
        maps.append(products[:, features + 1 :].sum(dim=1, keepdim=True))
    return torch.cat(maps, dim=1)


class Correlation(nn.Module):
    """Correspondence between a template's and a search frame's features on one level.

    Both are standardised first, so that a product of two channels says whether both deviate from their mean in the same
    way. limit: as in Standardise; kind: of the config's `correlation`; classes: how many of the last channels are class
    probabilities.
    """

    def __init__(self, channels: int, limit: float, kind: str = "weighted", classes: int = 0) -> None:
        super().__init__()
        self.kind, self.channels, self.classes = kind, channels, classes
        self.norm = Standardise(channels, limit, classes)
        self.pooled = kind in ("weighted", "both")
        self.means = 0 if kind == "concat" else 2 if classes else 1
        """How many maps of mean correlation there are."""
        self.out_channels = channels + self.means + (channels if kind in ("concat", "both") else 0)

    def kernel(self, template: Tensor, guidance: Tensor) -> Tensor:
        """What the search features are correlated with: (N, C, 1, 1), or the template's map for the ablations."""
        template = self.norm(template)
        return weighted_pool(template, guidance) if self.pooled else template

    def forward(self, search: Tensor, kernel: Tensor) -> Tensor:
        """search: (N, C, h, w); kernel: from `kernel`. Returns (N, out_channels, h, w)."""
        search = self.norm(search)
        if self.kind == "concat":
            return torch.cat([search, resize(kernel, search.shape[-2:])], dim=1)
        products = search * kernel if self.pooled else _depthwise(search, kernel)
        means = [mean_correlation(products, self.classes)] if self.means else []
        beside = [search] if self.kind == "both" else []
        return torch.cat([products, *means, *beside], dim=1)


def fold_means(convolution: nn.Conv2d, correlations: Sequence[Correlation]) -> None:
    """The means of correlation blocks into the weights of the convolution that reads their maps, one block's after the
    other's, and other maps after them. The blocks give no means from then on. Not for training.

    A mean over channels is linear, as the convolution is.
    """
    parts, rest = [], convolution.weight.detach()
    for block in correlations:
        own, rest = rest[:, : block.out_channels], rest[:, block.out_channels :]
        products, means, beside = own.tensor_split((block.channels, block.channels + block.means), dim=1)
        products, features = products.clone(), block.channels - block.classes
        if block.means:
            products[:, :features] += means[:, :1] / features
            # The classes' sum leaves out the background; without classes both sides are empty.
            products[:, features + 1 :] += means[:, 1:]
        parts += [products, beside]
        block.out_channels, block.means = block.out_channels - block.means, 0
    convolution.weight = nn.Parameter(torch.cat([*parts, rest], dim=1), requires_grad=False)
    convolution.in_channels = convolution.weight.shape[1]


def _depthwise(search: Tensor, kernel: Tensor) -> Tensor:
    """Depth-wise cross-correlation of each sample with its own kernel map, at the search's size.

    Done in the frequency domain, the kernels being up to 80 pixels wide, at powers of two: onnxruntime is slow at
    all other lengths.
    """
    h, w = search.shape[-2:]
    kh, kw = kernel.shape[-2:]
    size = [1 << (length - 1).bit_length() for length in (h + kh - 1, w + kw - 1)]
    spectrum = torch.fft.rfft2(search, s=size) * torch.fft.rfft2(kernel, s=size).conj()
    full = torch.fft.irfft2(spectrum, s=size)
    # Lag 0 is at index 0; shift so that the kernel's middle lies on the output pixel.
    full = full.roll(shifts=(kh // 2, kw // 2), dims=(2, 3))
    return full[..., :h, :w] / (kh * kw)
