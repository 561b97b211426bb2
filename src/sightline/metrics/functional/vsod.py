"""How well a map marks the salient object: MAE, S-, E-, F- and weighted F-measure, for video and for images.

Maps and masks come in batches: pred (..., H, W) is uint8 or float in [0, 1], gt (..., H, W) bool. Results are float64
and NaN where the measure is not defined: all but MAE need at least one salient pixel in gt. Other evaluators give such
frames 0 or 1, or both at once; the protocols that stand for them do the same.

Everything but the weighted F follows from a few sums, so a frame is read once (`summarize`) however many are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sightline.metrics.functional._inputs import EPS, maps, masks
from sightline.metrics.functional._summary import LEVELS, Summary, centre, summarize
from sightline.metrics.functional._weighted_f import weighted_f

__all__ = [
    "Curve", "Summary", "e_measure", "e_measure_of", "f_measure", "f_measure_of", "mae", "mae_of", "precision_recall",
    "s_measure", "s_measure_of", "s_measure_pysodmetrics", "summarize", "weighted_f",
]  # fmt: skip


class Curve(NamedTuple):
    """A measure at the adaptive threshold, (...), and at the thresholds 0, 1/255, ..., 1, (..., 256)."""

    adaptive: Tensor
    curve: Tensor


def mae(pred: Tensor, gt: Tensor) -> Tensor:
    """Mean absolute error (Perazzi et al., CVPR 2012); pred, gt: (..., H, W)."""
    return mae_of(summarize(pred, gt)).reshape(pred.shape[:-2])


def s_measure(pred: Tensor, gt: Tensor, alpha: float = 0.5) -> Tensor:
    """Structure measure (Fan et al., ICCV 2017), in [0, 1]: alpha x object-aware + (1 - alpha) x region-aware."""
    return s_measure_of(summarize(pred, gt), alpha).reshape(pred.shape[:-2])


def f_measure(pred: Tensor, gt: Tensor, beta2: float = 0.3) -> Curve:
    """F-measure (Achanta et al., CVPR 2009) with beta^2 = 0.3. Take mean and max of the curve averaged over frames."""
    return _unbatched(f_measure_of(summarize(pred, gt), beta2), pred)


def e_measure(pred: Tensor, gt: Tensor) -> Curve:
    """Enhanced-alignment measure (Fan et al., IJCAI 2018), in [0, 1]: the mean over all N pixels, not N - 1."""
    return _unbatched(e_measure_of(summarize(pred, gt)), pred)


def mae_of(summary: Summary) -> Tensor:
    """MAE of each frame, (B,)."""
    total, salient = summary.total.sum(1), summary.size[..., 1].sum(1)
    return (total[:, 0] + salient - total[:, 1]) / summary.size.sum((1, 2))


def f_measure_of(summary: Summary, beta2: float = 0.3) -> Curve:
    """F-measure of each frame; NaN where there is no salient pixel."""
    salient = summary.size[..., 1].sum(1)

    def score(background: Tensor, hits: Tensor, salient: Tensor) -> Tensor:
        # (1 + b) P R / (b P + R) with P = hits / found and R = hits / salient.
        f = (1 + beta2) * hits / (beta2 * salient + hits + background)
        return torch.where(salient > 0, f, float("nan"))

    adaptive, above = summary.adaptive, summary.above
    return Curve(score(adaptive[:, 0], adaptive[:, 1], salient), score(above[:, 0], above[:, 1], salient[:, None]))


def precision_recall(summary: Summary) -> tuple[Tensor, Tensor]:
    """Precision and recall of each frame at the 256 thresholds, (B, 256); precision is 0 where nothing is found."""
    background, hits = summary.above[:, 0], summary.above[:, 1]
    return hits / (hits + background).clamp(min=1), hits / summary.size[..., 1].sum(1, keepdim=True)


def e_measure_of(summary: Summary, unbiased: bool = False) -> Curve:
    """E-measure of each frame; NaN where there is no salient pixel. unbiased: divide by N - 1, as MATLAB code does."""
    salient, area = summary.size[..., 1].sum(1), summary.size.sum((1, 2))

    def score(false: Tensor, hits: Tensor, salient: Tensor, area: Tensor) -> Tensor:
        found = false + hits
        p, g = found / area, salient / area
        parts = (
            (hits, 1 - p, 1 - g),
            (false, 1 - p, -g),
            (salient - hits, -p, 1 - g),
            (area - salient - false, -p, -g),
        )
        total = sum(number * (2 * a * b / (a * a + b * b + EPS) + 1) ** 2 / 4 for number, a, b in parts)
        total = torch.where(salient == area, found, torch.as_tensor(total))
        return torch.where(salient > 0, total / (area - 1 + EPS if unbiased else area), float("nan"))

    adaptive, above = summary.adaptive, summary.above
    return Curve(
        score(adaptive[:, 0], adaptive[:, 1], salient, area),
        score(above[:, 0], above[:, 1], salient[:, None], area[:, None]),
    )


def s_measure_of(summary: Summary, alpha: float = 0.5) -> Tensor:
    """S-measure of each frame; NaN where there is no salient pixel."""
    return _s_measure(summary, _region_scores(summary), alpha)


def s_measure_pysodmetrics(pred: Tensor, gt: Tensor) -> Tensor:
    """S-measure of stretched maps (..., H, W) with three accidents of py-sod-metrics kept, to the last digit.

    An object's centre at a half is rounded to the even pixel. A quadrant without pixels (the object's centre lies on
    the last row or column) makes the score NaN. A quadrant in which map and mask are both constant scores 1, but 0 if
    the mean of its pixels rounds.
    """
    summary = summarize(pred, gt, stretch=True, half_even=True)
    regions, number = _region_scores(summary), summary.size.sum(2)
    salient = summary.size[..., 1]
    suspects = (summary.spread.sum(2) <= number * 1e-24) & ((salient == 0) | (salient == number)) & (number > 0)
    batch = masks(gt, "gt").reshape(-1, *gt.shape[-2:])
    rows, columns = centre(batch, half_even=True)
    for frame, quadrant in suspects.nonzero().tolist():
        row, column = int(rows[frame]) + 1, int(columns[frame]) + 1
        values = maps(pred, "pred").reshape(batch.shape)[frame].cpu().numpy()
        values = values / 255 if pred.dtype == torch.uint8 else values
        if values.max() > values.min():
            values = (values - values.min()) / (values.max() - values.min())
        block = values[row:] if quadrant >= 2 else values[:row]
        block = block[:, column:] if quadrant % 2 else block[:, :column]
        if block.mean() != block[0, 0]:
            regions[frame, quadrant] = 0
    score = _s_measure(summary, regions, 0.5)
    share = salient.sum(1) / number.sum(1)
    score = torch.where((number == 0).any(1) & (share < 1), float("nan"), score)
    mean = summary.total.sum((1, 2)) / number.sum(1)
    return torch.where(share == 0, 1 - mean, score).reshape(pred.shape[:-2])


def _s_measure(summary: Summary, regions: Tensor, alpha: float) -> Tensor:
    size, total = summary.size.sum(1), summary.total.sum(1)
    area, mean = size.sum(1), total / size.clamp(min=1)
    # Deviations from the mean of the whole object (or background) rather than from that of its part in each quadrant.
    offset = summary.total / summary.size.clamp(min=1) - mean[:, None]
    spread = (summary.spread + summary.size * offset.square()).sum(1)
    share = size[:, 1] / area
    # Object-aware part: of the map inside the object, and of its complement outside.
    inside = _object_score(size[:, 1], mean[:, 1], spread[:, 1])
    outside = _object_score(size[:, 0], 1 - mean[:, 0], spread[:, 0])
    objects = share * inside + (1 - share) * outside
    weights = summary.size.sum(2) / area[:, None]
    region = torch.where(weights > 0, regions * weights, 0.0).sum(1)
    score = (alpha * objects + (1 - alpha) * region).clamp(min=0)
    score = torch.where(share == 1, mean[:, 1], score)
    return torch.where(share > 0, score, float("nan"))


def _region_scores(summary: Summary) -> Tensor:
    """The structural similarity of map and mask in the four quadrants, (B, 4); 1 where both are constant."""
    number, salient, mean = summary.size.sum(2), summary.size[..., 1], summary.total / summary.size.clamp(min=1)
    x, y = summary.total.sum(2) / number, salient / number
    between = summary.size.prod(2) / number  # of the two groups, background and object
    contrast = mean[..., 1] - mean[..., 0]
    spread = summary.spread.sum(2) + between * contrast.square()
    constant = spread <= number * 1e-24  # no more than rounding leaves
    spread = torch.where(constant, 0.0, spread)
    shared = torch.where(constant, 0.0, between * contrast)
    freedom = number - 1 + EPS
    above = 4 * x * y * shared / freedom
    below = (x * x + y * y) * (spread + between) / freedom  # the mask's own spread is `between`
    return torch.where(above != 0, above / (below + EPS), torch.where(below == 0, 1.0, 0.0))


def _object_score(number: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    deviation = (spread / (number - 1).clamp(min=1)).sqrt()
    return 2 * mean / (mean * mean + 1 + deviation + EPS)


def _unbatched(score: Curve, pred: Tensor) -> Curve:
    shape = pred.shape[:-2]
    return Curve(score.adaptive.reshape(shape), score.curve.reshape(*shape, LEVELS))
