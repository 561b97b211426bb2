"""What each score means, in words and formulas, and what the protocols make of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sightline.errors import UsageError
from sightline.metrics.protocols import FIXATION, GAZE, VOS, VSOD, Protocol


@dataclass(frozen=True)
class Explanation:
    """task: where the score belongs. title, definition, source: what it is. better: "higher" or "lower".

    differences: what the protocols change in this score, by protocol.
    """

    task: str
    title: str
    definition: str
    source: str
    better: str
    differences: dict[str, str]


_MIT_LIKE = "as mit"
EXPLANATIONS: dict[str, Explanation] = {
    "auc_judd": Explanation(
        "fixation",
        "AUC-Judd",
        "The chance that a fixated pixel has a higher saliency than another pixel: the area under the ROC curve of the "
        "map as a classifier of fixated pixels. 0.5 is chance. Only the order of the values matters.",
        "Judd et al., ICCV 2009",
        "higher",
        {
            "exact": "all pixels are negatives; ties count half (Mann-Whitney); fixations in one pixel count each",
            "mit": "only unfixated pixels are negatives; thresholds at the fixated values; ties are broken by noise of "
            "1e-7, so maps of 8 bits get scores that depend on the seed, and a constant map scores near 0.5 by chance; "
            "exact counts ties half instead, which needs no noise",
            "pysaliency": "as mit, but fixations in one pixel count each, and the noise is normal",
            "dhf1k": _MIT_LIKE,
            "stavis": "as mit, on maps smoothed by 2 pixels; a constant map is not scored",
        },
    ),
    "auc_borji": Explanation(
        "fixation",
        "AUC-Borji",
        "The chance that a fixated pixel has a higher saliency than a pixel drawn at random from the picture.",
        "Borji et al., TIP 2013",
        "higher",
        {
            "exact": "the limit of infinitely many draws and thresholds, which is auc_judd of this protocol",
            "mit": "100 draws of as many pixels as fixations, thresholds 0.1 apart on the map in [0, 1]; seeded; a "
            "single fixated pixel and a constant map are not scored",
            "pysaliency": "its AUC with uniform nonfixations: exact, a mean over fixations",
            "dhf1k": _MIT_LIKE,
            "stavis": _MIT_LIKE,
        },
    ),
    "s_auc": Explanation(
        "fixation",
        "shuffled AUC",
        "The chance that a fixated pixel has a higher saliency than a pixel fixated on other stimuli, which takes away "
        "the reward for a bias to the centre.",
        "Tatler et al., Vision Research 2005; Zhang et al., JoV 2008",
        "higher",
        {
            "exact": "against all fixations of all other stimuli, scaled to this one's size; ties count half",
            "mit": "against ten random other stimuli; 100 draws, thresholds 0.1 apart; seeded",
            "pysaliency": "as exact, a mean over fixations",
            "dhf1k": "against ten random frames of the whole set, the same video not excluded; 100 draws; seeded",
            "stavis": "against all other frames of the same video; 100 draws; seeded",
        },
    ),
    "nss": Explanation(
        "fixation",
        "NSS, normalised scanpath saliency",
        "The mean saliency at the fixations after the map is shifted to mean 0 and scaled to standard deviation 1. "
        "0 is chance.",
        "Peters et al., Vision Research 2005",
        "higher",
        {
            "exact": "standard deviation with N; a constant map is not scored",
            "mit": "standard deviation with N - 1; fixations in one pixel count once",
            "pysaliency": "a constant map scores 0; a mean over fixations",
            "dhf1k": _MIT_LIKE,
            "stavis": _MIT_LIKE,
        },
    ),
    "cc": Explanation(
        "fixation",
        "CC, linear correlation coefficient",
        "Pearson's correlation of the map and the fixation density, in [-1, 1].",
        "Le Meur et al., TPAMI 2006",
        "higher",
        {
            "exact": "density: a Gaussian at every fixation (the report says its sigma); a constant map is not scored",
            "mit": "as exact, on fixated pixels",
            "pysaliency": "density: counts blurred with mirrored borders; a constant map scores 0",
            "dhf1k": "shipped density, else a Gaussian of 12.74 pixels",
            "stavis": "shipped density, where there is one",
        },
    ),
    "sim": Explanation(
        "fixation",
        "SIM, similarity",
        "The histogram intersection of the map and the fixation density, each scaled to sum 1: sum of the minima.",
        "Judd et al., MIT technical report 2012",
        "higher",
        {
            "exact": "maps are scaled only; a floor under a map costs; a black map scores 0",
            "mit": "each map's minimum is subtracted first: a floor costs nothing; a black map scores 0, another "
            "constant one is not scored",
            "pysaliency": "as exact, but a black map is uniform",
            "dhf1k": "as mit; a frame that nobody looked at scores 0 and counts, where exact leaves it out",
            "stavis": "as dhf1k, but a black map is not scored",
        },
    ),
    "kld": Explanation(
        "fixation",
        "KLD, Kullback-Leibler divergence",
        "sum of g log(g / p) over the pixels, of the fixation density g and the map p, each scaled to sum 1; in nats.",
        "Bylinskii et al., TPAMI 2019",
        "lower",
        {
            "exact": "log(eps + g / (p + eps)) with eps = 2.2e-16, as mit; maps of 8 bits score far worse than floats, "
            "as zeros where people looked cost most; a black map costs about 30; a negative minimum is lifted to 0",
            "mit": "as exact; of maps with negative values the toolbox gives complex numbers, this does not",
            "pysaliency": "1e-20 is added to both maps instead, after a negative minimum is lifted to 0",
            "dhf1k": _MIT_LIKE,
            "stavis": _MIT_LIKE,
        },
    ),
    "ig": Explanation(
        "fixation",
        "information gain",
        "The mean of log2 p - log2 b at the fixations, of the map p and a baseline b scaled to sum 1: bits a fixation.",
        "Kuemmerer et al., PNAS 2015",
        "higher",
        {
            "exact": "over the mean map of the other stimuli; 2.2e-16 is added to both densities, so that a fixation "
            "where nothing was predicted costs about 50 bits, not infinitely many; `log_densities` reads models that "
            "give them",
            "mit": "as exact, after each map is brought to [0, 1] (InfoGain.m); a constant map is not scored",
            "pysaliency": "over the uniform density; a mean over fixations; -inf where somebody looked at no density",
            "dhf1k": _MIT_LIKE,
            "stavis": _MIT_LIKE,
        },
    ),
    "steadiness": Explanation(
        "fixation",
        "temporal steadiness",
        "The similarity SIM of each map of a video with the map before it: 1 for maps that stay the same. It says how "
        "much maps flicker, not whether they are right; a map that never moves scores 1.",
        "SIM of successive frames; Sightline",
        "higher",
        dict.fromkeys(("mit", "pysaliency", "dhf1k", "stavis"), "not given") | {"exact": "of videos; as defined"},
    ),
    "s_measure": Explanation(
        "vsod",
        "S-measure, structure measure",
        "Half object-aware similarity (mean and spread of the map inside and outside of the object), half region-aware "
        "(structural similarity in the four quadrants around the object's centre).",
        "Fan et al., ICCV 2017",
        "higher",
        {
            "exact": "maps as they are; frames without an object are not scored; a quadrant without pixels has no "
            "weight",
            "davsod": "maps stretched to [0, 1]; a frame without an object scores 1 - the map's mean; of an object "
            "whose centre lies on the last row or column the tool gives NaN, this what is left",
            "pysodmetrics": "as davsod; NaN where the object's centre lies on the last row or column; a centre at a "
            "half is rounded to even, by exact and davsod up",
        },
    ),
    "e_measure": Explanation(
        "vsod",
        "E-measure, enhanced-alignment measure",
        "Map and mask are binarised and shifted to mean 0; the mean over pixels of (1 + a)^2 / 4 with the alignment "
        "a = 2 x y / (x^2 + y^2). _adp at twice the map's mean; _mean, _max of the curve over 256 thresholds.",
        "Fan et al., IJCAI 2018",
        "higher",
        {
            "exact": "divided by the N pixels, so at most 1; frames without an object are not scored",
            "davsod": "divided by N - 1 as in MATLAB, so that a perfect mask scores above 1",
            "pysodmetrics": "as davsod, on maps cut to 256 levels by rounding down; means over frames",
        },
    ),
    "f_measure": Explanation(
        "vsod",
        "F-measure, beta^2 = 0.3",
        "1.3 P R / (0.3 P + R) of precision and recall of the map at a threshold. _adp at twice the map's mean; _mean, "
        "_max of the curve over 256 thresholds, averaged over the set before the maximum is taken.",
        "Achanta et al., CVPR 2009",
        "higher",
        {
            "exact": "thresholds reached at or above; frames without an object are not scored",
            "davsod": "0 for a frame without an object; means over sequences",
            "pysodmetrics": "0 for a frame without an object; 256 levels by rounding down; means over frames",
        },
    ),
    "weighted_f": Explanation(
        "vsod",
        "weighted F-measure",
        "F-measure (beta 1) of precision and recall in which errors within the object are smoothed by a Gaussian and "
        "errors outside weigh from 1 at its edge to 2 far away.",
        "Margolin et al., CVPR 2014",
        "higher",
        {
            "exact": "maps as they are; frames without an object are not scored",
            "davsod": "maps stretched to [0, 1]; 0 without an object",
            "pysodmetrics": "as davsod",
        },
    ),
    "mae": Explanation(
        "vsod",
        "MAE, mean absolute error",
        "The mean of |map - mask| over the pixels.",
        "Perazzi et al., CVPR 2012",
        "lower",
        {
            "exact": "maps as they are: a cautious map pays; all frames count",
            "davsod": "maps stretched to [0, 1]",
            "pysodmetrics": "maps stretched to [0, 1]; means over frames",
        },
    ),
    "j": Explanation(
        "vos",
        "J, region similarity",
        "Intersection over union of mask and truth. _mean over the frames; _recall: share of frames above 0.5; "
        "_decay: mean of the first quarter of the frames minus that of the last.",
        "Perazzi et al., CVPR 2016",
        "higher",
        {
            "exact": "all frames; both empty is not scored",
            "davis2016": "without the first and last frame; both empty scores 1; means over sequences",
            "davis2017-unsupervised": "all frames; proposals assigned to objects; void left out; means over objects",
            "davis2017-semi-supervised": "all but the first and last frame; objects by number; void is background; "
            "means over objects",
        },
    ),
    "f": Explanation(
        "vos",
        "F, contour accuracy",
        "F-measure of the contour pixels that have one of the other mask's within 0.8 % of the diagonal. _mean, "
        "_recall and _decay as for J.",
        "Perazzi et al., CVPR 2016; Martin et al., TPAMI 2004",
        "higher",
        {
            "exact": "all frames; no contour in both is not scored",
            "davis2016": "without the first and last frame; no contour in both scores 1",
            "davis2017-unsupervised": "all frames; proposals assigned to objects; void left out; means over objects",
            "davis2017-semi-supervised": "all but the first and last frame; objects by number; void is background; "
            "means over objects",
        },
    ),
    "jf_mean": Explanation(
        "vos",
        "J&F",
        "The mean of j_mean and f_mean.",
        "Pont-Tuset et al., 2017",
        "higher",
        {protocol.name: "as J and F" for protocol in VOS},
    ),
    "t_mean": Explanation(
        "vos",
        "T, temporal (in)stability",
        "5 x the mean cost of matching the outlines of successive masks by shape contexts and dynamic time warping.",
        "Perazzi et al., CVPR 2016",
        "lower",
        {
            "exact": "between all successive frames that are predicted",
            "davis2016": "on the frames that are scored; the first pair is the truth of the first frame with the mask "
            "of the second, which exact leaves out as no prediction",
            "davis2017-unsupervised": "not given",
            "davis2017-semi-supervised": "not given",
        },
    ),
    "auc": Explanation(
        "gaze",
        "AUC of the gaze heatmap",
        "The chance that the place looked at is hotter than another one.",
        "Recasens et al., NeurIPS 2015",
        "higher",
        {
            "exact": "over the heatmap's own pixels; ties count half; the mean over images",
            "goo": "on 5 x 5 cells; the mean over images, and auc_pooled with all images in one curve",
            "gtr": "as goo; auc and auc_pooled over detected images only",
        },
    ),
    "l2": Explanation(
        "gaze",
        "L2 distance",
        "The distance of the predicted from the true gaze target, in the picture stretched to a unit square.",
        "Recasens et al., NeurIPS 2015",
        "lower",
        {
            "exact": "the predicted point is the centre of the hottest pixel",
            "goo": "the corner of the hottest pixel, which biases the point by half a pixel",
            "gtr": "as goo, over images with l2 < 0.15 and a head with IoU > 0.5",
        },
    ),
    "angle": Explanation(
        "gaze",
        "angular error",
        "The angle in degrees between the directions from the eye to the predicted and to the true gaze target.",
        "Recasens et al., NeurIPS 2015",
        "lower",
        {
            "exact": "in the picture as it is seen; a point at the eye is not scored",
            "goo": "in the picture stretched to a square; 1e-6 is added to the product of the lengths, so that a "
            "point at the eye scores 90 degrees and those near it come out wrong by up to some degrees",
            "gtr": "as goo, over detected images only",
        },
    ),
    "pa": Explanation(
        "gaze",
        "PA, proximate accuracy",
        "The share of pictures whose predicted point is nearer to the true one than a distance in the unit square: "
        "pa_0.1 below 0.1. A picture without a prediction is a miss.",
        "Tomas et al., CVPRW 2021 (GOO)",
        "higher",
        {"exact": "not given", "goo": "as defined", "gtr": "not given"},
    ),
    "cpa": Explanation(
        "gaze",
        "CPA, class-aware proximate accuracy",
        "As pa, where also the box whose centre is nearest to the predicted point has the class of the one looked at; "
        "the head's box is one of them.",
        "Tomas et al., CVPRW 2021 (GOO)",
        "higher",
        {"exact": "not given", "goo": "as defined", "gtr": "not given"},
    ),
    "detected": Explanation(
        "gaze",
        "share of detected images",
        "Images with the gaze target within 0.15 and the head's IoU above 0.5; `mAP` in tables of this protocol.",
        "Tu et al. (GTR)",
        "higher",
        {"exact": "not given", "goo": "not given", "gtr": "as defined"},
    ),
    "msoc": Explanation(
        "gaze",
        "mSoC, min single over closure",
        "COCO average precision with SoC in the place of IoU, the mean over thresholds 0.50:0.05:0.95; _50, _75, _95 "
        "at one threshold. SoC = min(|p|, |g|) / |a| x |p or g| / |a|, a the smallest box around both.",
        "Wang et al., CVPR 2022 (GaTector); Wang et al., ECCV 2024 (SamGOP)",
        "higher",
        {
            "exact": "boxes as areas; msoc_mask: min(|p|, |g|) / |p or g| of the masks' pixels",
            "goo": "boxes with their last pixel in; msoc_mask: the tight boxes of the masks, as the released code",
            "gtr": "as goo",
        },
    ),
    "ap": Explanation(
        "gaze",
        "AP, average precision",
        "COCO average precision of the detected objects, by class: the mean over IoU thresholds 0.50:0.05:0.95; _50 "
        "and _75 at one threshold; ap_mask by the IoU of masks. Computed by pycocotools.",
        "Lin et al., ECCV 2014",
        "higher",
        {"exact": "as COCO", "goo": "as COCO", "gtr": "as COCO"},
    ),
}
_SUFFIXES = ("_mean", "_max", "_adp", "_recall", "_decay", "_50", "_75", "_95", "_mask", "_pooled")
_PROTOCOLS: dict[str, tuple[Protocol, ...]] = {"fixation": FIXATION, "vsod": VSOD, "vos": VOS, "gaze": GAZE}


def title_of(key: str) -> str:
    """What a key of a report is called; the key itself where it is none."""
    name = _base(key)
    return key if name is None else EXPLANATIONS[name].title.split(",")[0]


def _base(key: str) -> str | None:
    """The entry that explains a key, without the endings that say which statistic of it."""
    name = re.sub(r"_[01]?\.\d+$", "", key.lower().replace("-", "_"))
    while name not in EXPLANATIONS:
        suffix = next((s for s in _SUFFIXES if name.endswith(s)), None)
        if suffix is None:
            return None
        name = name.removesuffix(suffix)
    return name


def explain(metric: str) -> str:
    """The definition of a score and how each protocol computes it. Raises UsageError that lists the scores."""
    name = _base(metric)
    if name is None:
        raise UsageError(f"`explain`: {metric} is no score; choose {', '.join(EXPLANATIONS)}")
    one = EXPLANATIONS[name]
    lines = [f"{one.title} ({one.better} is better; task {one.task})", "", one.definition, f"Source: {one.source}", ""]
    for protocol in _PROTOCOLS[one.task]:
        lines.append(f"{protocol.name}: {one.differences[protocol.name]}")
        lines.append(f"    [{protocol.source}] {protocol.summary}")
    return "\n".join(lines)
