"""The protocols by name: whose rules a score follows, and what they change.

A protocol is a plain record of choices; the evaluators read the choices, never the name, so what is written here is
all that tells two protocols apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from sightline.errors import UsageError
from sightline.metrics.functional._inputs import EPS

Averaging = Literal["sequences", "frames", "fixations"]
TASKS = ("fixation", "vsod", "vos", "gaze")


@dataclass(frozen=True)
class Protocol:
    """name and source (whose evaluator it stands for), and in one sentence what is particular about it."""

    name: str
    source: str
    summary: str


@dataclass(frozen=True)
class VosProtocol(Protocol):
    """ends: frames left out at either end of a sequence. empty: the score where mask and truth are both empty.

    objects: "one" scores all objects as one; "assigned" each object of the truth against the proposal that fits best;
    "numbered" each against the mask of the same number. void: pixels of 255 in a palette do not count, rather than
    being background. stability: also give T. truth_first: T starts with the truth of the frame before the first that
    is scored.
    """

    ends: int = 0
    empty: float = 1.0
    objects: Literal["one", "assigned", "numbered"] = "one"
    void: bool = True
    stability: bool = True
    truth_first: bool = False


VOS = (
    VosProtocol(
        "exact",
        "Sightline",
        "Every frame counts; a frame in which mask and truth are both empty is not scored, but counted as unscored.",
        empty=float("nan"),
    ),
    VosProtocol(
        "davis2016",
        "davis-matlab (Perazzi et al., CVPR 2016)",
        "The first and last frame are left out; all objects are one; empty masks on empty truth score 1; the first pair"
        " of T is the truth of the first frame with the mask of the second.",
        ends=1,
        truth_first=True,
    ),
    VosProtocol(
        "davis2017-unsupervised",
        "davis2017-evaluation (Caelles et al., 2019)",
        "All frames; up to 20 proposals are assigned to the objects of the first frame for the best J&F (Hungarian); "
        "an object that is left over scores as an empty mask; void pixels (255) do not count; means over objects "
        "rather than sequences.",
        objects="assigned",
        stability=False,
    ),
    VosProtocol(
        "davis2017-semi-supervised",
        "davis2017-evaluation (Caelles et al., 2018)",
        "The first and last frame are left out; the objects of the first frame by their numbers; void pixels (255) are "
        "background; empty masks on empty truth score 1; means over objects rather than sequences.",
        ends=1,
        objects="numbered",
        void=False,
        stability=False,
    ),
)


@dataclass(frozen=True)
class FixationProtocol(Protocol):
    """The choices of a fixation evaluator.

    merge: fixations in one pixel count once. auc: the AUC-Judd of `exact` ranks, of `mit` or of `pysaliency`.
    sampled: AUC-Borji and shuffled AUC by 100 random splits and thresholds 0.1 apart. others: whose fixations the
    shuffled AUC takes: all other stimuli, ten random ones, ten random frames of the set, or the same video's other
    frames. correction: 1 divides by N - 1 in NSS. rescale: subtract the minimum of maps in SIM and IG. floor: see
    `kld`. eps: see `information_gain`. flat_is_zero: a constant map scores 0 in NSS and CC instead of being unscored.
    unseen_sim: the SIM of a frame that nobody looked at. to_truth: resize predictions
    to the stimulus, bicubic, rather than moving fixations to the prediction's pixels. smooth: blur predictions first.
    blur: how the true density is made: sub-pixel Gaussians, or blurred counts with mirrored borders (scipy). sigma: of
    that blur in pixels of the stimulus, None for one degree. baseline: what IG compares with. average: what counts once
    in the mean over the set. most_frames: score a random choice of this many frames at most. steadiness: also say how
    alike successive maps of a video are.
    """

    merge: bool = False
    auc: Literal["exact", "mit", "pysaliency"] = "exact"
    sampled: bool = False
    others: Literal["stimuli", "ten stimuli", "ten frames", "video"] = "stimuli"
    correction: int = 0
    rescale: bool = False
    floor: float | None = None
    eps: float = EPS
    unseen_sim: float = float("nan")
    flat_is_zero: bool = False
    to_truth: bool = False
    smooth: float = 0.0
    blur: Literal["gaussian", "mirrored"] = "gaussian"
    sigma: float | None = None
    baseline: Literal["mean map", "uniform"] = "mean map"
    average: Averaging = "sequences"
    most_frames: int | None = None
    steadiness: bool = False


_MIT = FixationProtocol(
    "mit",
    "MIT saliency benchmark (cvzoya/saliency, MATLAB)",
    "Predictions are resized to the stimulus; fixations in one pixel count once; AUC-Judd jitters ties and leaves "
    "fixated pixels out of the negatives; AUC-Borji and shuffled AUC draw 100 splits at 11 thresholds, the latter from "
    "ten other stimuli; SIM and IG subtract the minimum of a map.",
    merge=True,
    auc="mit",
    sampled=True,
    others="ten stimuli",
    correction=1,
    rescale=True,
    to_truth=True,
)

FIXATION = (
    FixationProtocol(
        "exact",
        "Sightline",
        "Every fixation counts, ties count half, all pixels are negatives, nothing is random; frames without fixations "
        "and constant maps are not scored, but counted as unscored; means over sequences.",
        steadiness=True,
    ),
    _MIT,
    FixationProtocol(
        "pysaliency",
        "pysaliency 0.2 (Kuemmerer et al.)",
        "AUC-Judd is jittered with fixated pixels left out; NSS, shuffled AUC and IG are means over fixations; a "
        "constant map scores 0 in NSS and CC; KLD adds 1e-20 to both maps; IG is over the uniform density.",
        auc="pysaliency",
        floor=1e-20,
        eps=0.0,
        flat_is_zero=True,
        blur="mirrored",
        baseline="uniform",
        average="fixations",
    ),
    replace(
        _MIT,
        name="dhf1k",
        source="DHF1K evaluation code (Wang et al., CVPR 2018)",
        summary="As mit, on at most 50 000 random frames, each counting once; shuffled AUC against ten random "
        "frames of the whole set; without shipped maps the truth is blurred by 12.74 pixels.",
        others="ten frames",
        unseen_sim=0.0,
        sigma=12.74,
        average="frames",
        most_frames=50_000,
    ),
    replace(
        _MIT,
        name="stavis",
        source="STAViS evaluation code (Tsiami et al., CVPR 2020)",
        summary="As mit, after predictions are smoothed by 2 pixels; shuffled AUC against the other frames of the same "
        "video; means over videos.",
        others="video",
        unseen_sim=0.0,
        smooth=2.0,
    ),
)


@dataclass(frozen=True)
class VsodProtocol(Protocol):
    """The choices of a salient-object evaluator.

    ends: frames left out at either end of a sequence. stretch: bring each map's own range to [0, 1] first. floor: see
    `summarize`. unbiased: divide the E-measure by N - 1. empty_scores: score frames without a salient pixel as that
    evaluator does (F and weighted F 0, S and E by the empty part of the map) instead of leaving them unscored.
    accidents: keep those of py-sod-metrics in the S-measure. average: what counts once in the mean over the set.
    """

    ends: int = 0
    stretch: bool = False
    floor: bool = False
    unbiased: bool = False
    empty_scores: bool = False
    accidents: bool = False
    average: Averaging = "sequences"


VSOD = (
    VsodProtocol(
        "exact",
        "Sightline",
        "Maps are taken as they are and reach a threshold k/255 at or above it; every frame counts, those without a "
        "salient pixel only in MAE; the maximum is that of the curve averaged over sequences.",
    ),
    VsodProtocol(
        "davsod",
        "DAVSOD EvaluateTool (Fan et al., CVPR 2019)",
        "The first and last frame are left out; maps are stretched to [0, 1]; the E-measure divides by N - 1; frames "
        "without a salient pixel score 0 in F and weighted F; means over sequences, then the maximum of the curve.",
        ends=1,
        stretch=True,
        unbiased=True,
        empty_scores=True,
    ),
    VsodProtocol(
        "pysodmetrics",
        "py-sod-metrics 1.6 (Pang)",
        "Maps are stretched to [0, 1] and cut to 256 levels by rounding down; the E-measure divides by N - 1; frames "
        "without a salient pixel score 0 in F and weighted F; means over all frames.",
        stretch=True,
        floor=True,
        unbiased=True,
        empty_scores=True,
        accidents=True,
        average="frames",
    ),
)


@dataclass(frozen=True)
class GazeProtocol(Protocol):
    """The choices of a gaze evaluator.

    cells: AUC on a grid of that many cells a side, 0 for the heatmap's own pixels. pooled: also give the AUC of all
    images in one curve. centred: a heatmap's maximum is at the centre of its pixel, not at the corner. unit_square:
    angles are measured in the picture stretched to a square. inclusive: boxes end with their last pixel in SoC, and
    masks count by their tight boxes. gated: score only images whose gaze target and head were found, and their share.
    proximate: distances at which the shares of near points are given (PA, CPA). damping: see `angular_error`.
    """

    cells: int = 0
    pooled: bool = False
    centred: bool = True
    unit_square: bool = False
    inclusive: bool = False
    gated: bool = False
    proximate: tuple[float, ...] = ()
    damping: float = 0.0


_GOO = GazeProtocol(
    "goo",
    "GOO evaluation code (Tomas et al., CVPRW 2021), and GaTector and SamGOP for SoC",
    "AUC on 5 x 5 cells, the mean over images, and pooled over all images as later papers print it; the gaze target is "
    "the corner of the hottest pixel; angles in the picture stretched to a square; SoC of boxes with their last pixel "
    "in, and of the tight boxes of masks.",
    cells=5,
    pooled=True,
    centred=False,
    unit_square=True,
    inclusive=True,
    proximate=(0.01, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
    damping=1e-6,
)

GAZE = (
    GazeProtocol(
        "exact",
        "Sightline",
        "AUC over the heatmap's pixels; the gaze target is the centre of the hottest pixel; angles in the picture as "
        "it is seen; SoC of boxes as areas, and of masks by their pixels.",
    ),
    _GOO,
    replace(
        _GOO,
        name="gtr",
        source="GTR (Tu et al.), the daggered rows of SamGOP",
        summary="As goo, but only images with the gaze target within 0.15 and the head's IoU above 0.5 count; "
        "`detected` is their share, which those tables call mAP.",
        gated=True,
        proximate=(),
    ),
)

P = TypeVar("P", bound=Protocol)


def choose(protocols: tuple[P, ...], task: str, name: str) -> P:
    """The protocol of this name. Raises UsageError that lists the choices."""
    for protocol in protocols:
        if protocol.name == name:
            return protocol
    raise UsageError(f"`protocol`: {name} is no protocol of {task}; choose {', '.join(p.name for p in protocols)}")
