from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sightline.training.labels.scribbles import BACKGROUND, OBJECT, UNKNOWN, scribble


def disc(height: int = 120, width: int = 160, radius: int = 25) -> np.ndarray:
    rows, columns = np.ogrid[:height, :width]
    return (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < radius**2


def draw(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    return scribble(mask, np.random.default_rng(seed))


def blobs(seed: int, height: int, width: int, share: float) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((height, width)), 4)
    return noise > np.quantile(noise, 1 - share)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(8, 150), st.integers(8, 150), st.floats(0.02, 0.98))
def test_strokes_keep_to_their_side(seed: int, height: int, width: int, share: float) -> None:
    mask = blobs(seed, height, width, share)
    labels = draw(mask, seed)
    assert labels.shape == mask.shape
    assert labels.dtype == np.int8
    assert set(np.unique(labels)) <= {UNKNOWN, BACKGROUND, OBJECT}
    assert mask[labels == OBJECT].all()
    assert not mask[labels == BACKGROUND].any()
    assert (labels == OBJECT).any() == mask.any()
    assert (labels == BACKGROUND).any()


def test_the_background_goes_round_the_object() -> None:
    mask = disc()
    labels = draw(mask)
    assert (labels == BACKGROUND).sum() > 2 * (labels == OBJECT).sum()
    rows, columns = np.nonzero(labels == BACKGROUND)
    angles = np.histogram(np.arctan2(rows - 60, columns - 80), bins=12, range=(-np.pi, np.pi))[0]
    assert (angles > 0).sum() >= 7  # at least KEPT[0] of the circle
    assert (labels != UNKNOWN).mean() < 0.05


def test_an_object_stroke_is_along_its_length() -> None:
    bar = np.zeros((100, 200), bool)
    bar[40:60, 30:170] = True
    rows, columns = np.nonzero(draw(bar) == OBJECT)
    assert np.ptp(columns) > 0.5 * 120
    assert np.abs(rows - 49.5).max() < 12


def test_each_large_part_has_a_stroke_and_crumbs_none() -> None:
    mask = np.zeros((100, 200), bool)
    mask[20:60, 20:60] = mask[20:60, 120:150] = mask[90:93, 90:93] = True
    labels = draw(mask)
    for part, wanted in ((np.s_[20:60, 20:60], True), (np.s_[20:60, 120:150], True), (np.s_[90:93, 90:93], False)):
        assert (labels[part] == OBJECT).any() == wanted


def test_no_object_and_nothing_but_object() -> None:
    assert set(np.unique(draw(np.zeros((40, 60), bool)))) == {UNKNOWN, BACKGROUND}
    assert set(np.unique(draw(np.ones((40, 60), bool)))) == {UNKNOWN, OBJECT}
    assert set(np.unique(draw(np.eye(1, dtype=bool)))) == {OBJECT}


def test_a_seed_gives_the_same_hand() -> None:
    mask = disc()
    np.testing.assert_array_equal(draw(mask, 1), draw(mask, 1))
    assert not np.array_equal(draw(mask, 1), draw(mask, 2))


@pytest.mark.data
def test_scribbles_of_real_masks(shared_data: Path) -> None:
    from sightline.data import davis

    for sequence in davis.sequences(shared_data / "vos/davis2016_dev")[:3]:
        mask = sequence.load(0)[1]
        assert mask is not None
        labels = draw(mask)
        assert mask[labels == OBJECT].all()
        assert not mask[labels == BACKGROUND].any()
        assert 0.002 < (labels == OBJECT).mean() < 0.03
