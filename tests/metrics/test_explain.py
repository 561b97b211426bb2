"""Every score of every task is explained, for every protocol."""

from __future__ import annotations

import re

import pytest

from sightline.errors import UsageError
from sightline.metrics.evaluation.fixation import FixationTask
from sightline.metrics.evaluation.vsod import VsodTask
from sightline.metrics.explain import EXPLANATIONS, explain
from sightline.metrics.protocols import FIXATION, GAZE, VOS, VSOD

VOS_KEYS = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay", "jf_mean", "t_mean")
GAZE_KEYS = (
    "auc",
    "auc_pooled",
    "l2",
    "angle",
    "detected",
    "msoc",
    "msoc_50",
    "msoc_mask",
    "msoc_mask_95",
    "ap_mask_75",
)
PROTOCOLS = {"fixation": FIXATION, "vsod": VSOD, "vos": VOS, "gaze": GAZE}


@pytest.mark.parametrize("key", [*FixationTask.keys, *VsodTask.keys, *VOS_KEYS, *GAZE_KEYS, "s-AUC", "NSS"])
def test_scores_are_explained(key: str) -> None:
    text = explain(key)
    assert "is better" in text
    assert "Source:" in text


def test_each_score_says_what_each_protocol_makes_of_it() -> None:
    for name, one in EXPLANATIONS.items():
        assert set(one.differences) == {protocol.name for protocol in PROTOCOLS[one.task]}, name
        for protocol in PROTOCOLS[one.task]:
            assert re.search(rf"^{re.escape(protocol.name)}: ", explain(name), re.MULTILINE)


def test_unknown_scores_list_the_choices() -> None:
    with pytest.raises(UsageError, match="choose auc_judd, auc_borji"):
        explain("iou")
