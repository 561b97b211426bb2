"""STANet's losses: pure functions."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

EPSILON = 2.2e-16
"""Keeps the divergence's quotient and logarithm finite, as in the usual definition of KL for saliency maps."""


def tag_loss(logits: Tensor, tags: Tensor, *, several: bool) -> Tensor:
    """What a classification net is trained with.

    Parameters
    ----------
    logits
        (N, K).
    tags
        (N, K) of 0 and 1; a row of one 1 unless `several`.
    several
        Whether a video may have several tags: the multi-label soft margin then, cross-entropy otherwise.

    Returns
    -------
    A number, the mean over the batch.

    Source: STANet, Fig. 6 (cross-entropy); its released code and STANet+, Eq. 7 (multi-label soft margin).

    Examples
    --------
    >>> import torch
    >>> tag_loss(torch.zeros(1, 4), torch.tensor([[0.0, 1.0, 0.0, 0.0]]), several=False)
    tensor(1.3863)
    >>> tag_loss(torch.zeros(1, 4), torch.tensor([[0.0, 1.0, 0.0, 0.0]]), several=True)
    tensor(0.6931)
    """
    if several:
        return F.multilabel_soft_margin_loss(logits, tags)
    return F.cross_entropy(logits, tags.argmax(dim=1))


def fixation_loss(logits: Tensor, pseudo: Tensor, kl_weight: float = 0.0) -> Tensor:
    """What the STA network is trained with: binary cross-entropy, and the divergence of densities on request.

    Parameters
    ----------
    logits
        (N, 1, h, w); their sigmoid is the fixation map.
    pseudo
        (N, 1, h, w) in [0, 1]: pseudo-fixations.
    kl_weight
        Weight of KL(pseudo || map), of maps that sum to 1; a frame without pseudo-fixations has none.

    Returns
    -------
    A number, the mean over the batch.

    Source: STANet, Eq. 6; KL as in STANet+ and the released code, there over the batch, here frame by frame.

    Examples
    --------
    >>> import torch
    >>> pseudo = torch.tensor([[[[1.0, 0.0]]]])
    >>> fixation_loss(torch.zeros(1, 1, 1, 2), pseudo)
    tensor(0.6931)
    >>> fixation_loss(torch.zeros(1, 1, 1, 2), pseudo, kl_weight=1.0)
    tensor(1.3863)
    """
    loss = F.binary_cross_entropy_with_logits(logits, pseudo)
    return loss + kl_weight * _divergence(logits.sigmoid(), pseudo) if kl_weight else loss


def _divergence(maps: Tensor, pseudo: Tensor) -> Tensor:
    maps, pseudo = maps.flatten(1), pseudo.flatten(1)
    total = pseudo.sum(dim=1, keepdim=True)
    truth, guess = pseudo / total.clamp_min(EPSILON), maps / maps.sum(dim=1, keepdim=True).clamp_min(EPSILON)
    return (truth * ((truth + EPSILON) / (guess + EPSILON)).log()).sum(dim=1).mean()
