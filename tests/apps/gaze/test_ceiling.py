"""How well viewers predict each other."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sightline.apps.gaze import inter_observer, mean_ceiling, open_fixations
from sightline.data.observed import Observed, Table
from sightline.errors import DataError
from sightline.fixations import Points


def observed_by(viewers: dict[str, list[tuple[float, float]]], size: tuple[int, int] = (60, 80)) -> Observed:
    xy = np.array([at for points in viewers.values() for at in points], dtype=np.float64)
    names = np.array([name for name, points in viewers.items() for _ in points])
    return Table("photo", size, Points(xy, names), (Path("fixations.csv"),))


def test_viewers_who_agree_reach_the_top_and_strangers_do_not() -> None:
    same = inter_observer(observed_by({name: [(40.5, 30.5)] for name in "abc"}), (4, 4))
    far = inter_observer(observed_by({"a": [(5, 5)], "b": [(75, 55)], "c": [(5, 55)]}), (4, 4))
    assert (same.viewers, same.frames) == (3, 1)
    assert same.scores["cc"] == pytest.approx(1)
    assert same.scores["kld"] == pytest.approx(0, abs=1e-6)
    assert same.scores["auc_judd"] > 0.999
    assert same.scores["nss"] > 5
    assert far.scores["cc"] < 0.1
    assert far.scores["nss"] < 0


def test_nobody_predicts_themselves() -> None:
    # One viewer's many fixations would lift the ceiling if they were left in.
    loner = inter_observer(observed_by({"a": [(20, 20)] * 30, "b": [(70, 50)]}), (3, 3))
    assert loner.scores["nss"] < 0


def test_ceiling_needs_two() -> None:
    with pytest.raises(DataError, match="photo has 1 named viewers; the ceiling needs two"):
        inter_observer(observed_by({"a": [(1, 1)]}), (3, 3))


def test_mean_ceiling() -> None:
    one = inter_observer(observed_by({"a": [(20, 20)], "b": [(22, 20)]}), (3, 3))
    two = inter_observer(observed_by({"a": [(20, 20)], "b": [(26, 20)]}), (3, 3))
    mean = mean_ceiling([one, two])
    assert mean["nss"] == pytest.approx((one.scores["nss"] + two.scores["nss"]) / 2)
    assert math.isnan(mean_ceiling([])["nss"])


@pytest.mark.data
def test_ceiling_of_real_photographs_beats_the_centre(shared_data: Path) -> None:
    observed = list(open_fixations(shared_data / "image_fixations/osie_dev").values())[:3]
    assert len(observed) == 3
    mean = mean_ceiling(inter_observer(one, (24, 24)) for one in observed)
    assert 1.5 < mean["nss"] < 5
    assert 0.8 < mean["auc_judd"] < 1
