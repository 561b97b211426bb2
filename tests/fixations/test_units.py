"""The unit of a table's times."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.fixations.units import SECONDS, named_unit, unit_of_fixations, unit_of_samples, units_of_columns

ONSETS = np.array([0.20, 0.55, 0.84, 1.13, 1.39, 1.71, 1.94, 2.23])
LENGTHS = np.array([0.31, 0.25, 0.25, 0.22, 0.28, 0.19, 0.25, 0.22])


@pytest.mark.parametrize("unit", SECONDS)
def test_one_unit_fits(unit: str) -> None:
    assert unit_of_fixations(ONSETS / SECONDS[unit], LENGTHS / SECONDS[unit]) == unit


@pytest.mark.parametrize(("one", "other"), [("s", "ms"), ("ms", "s"), ("us", "ms")])
def test_two_units_are_unsure(one: str, other: str) -> None:
    assert unit_of_fixations(ONSETS / SECONDS[one], LENGTHS / SECONDS[other]) is None


def test_each_column_may_name_its_own_unit() -> None:
    ms = 1000 * ONSETS
    assert units_of_columns(("onset_ms", "duration_s"), ms, LENGTHS) == ("ms", "s")
    assert units_of_columns(("onset", "duration_s"), ms, LENGTHS) == ("ms", "s")
    assert units_of_columns(("onset", "duration_s"), ONSETS, LENGTHS) == ("s", "s")
    assert units_of_columns(("onset_ms", "duration"), ms, LENGTHS) == ("ms", "s")
    assert units_of_columns(("onset", "duration"), ms, LENGTHS) is None
    assert units_of_columns(("onset", "duration_s"), ms, 500 * LENGTHS) is None


def test_a_few_odd_rows_do_not_matter() -> None:
    lengths = LENGTHS.copy()
    lengths[3] = 0.004
    assert unit_of_fixations(1000 * ONSETS, 1000 * lengths) == "ms"
    lengths[1] = np.nan
    assert unit_of_fixations(1000 * ONSETS, 1000 * lengths) == "ms"


def test_fixations_of_different_viewers_may_overlap() -> None:
    onsets, lengths = np.tile(ONSETS, 3), np.tile(LENGTHS, 3)
    viewers = np.repeat(np.array(["a", "b", "c"], dtype=object), len(ONSETS))
    assert unit_of_fixations(onsets, lengths) is None  # as if one viewer fixated three spots at once
    assert unit_of_fixations(onsets, lengths, viewers) == "s"


def test_a_lone_fixation_has_the_unit_of_its_duration() -> None:
    assert unit_of_fixations(np.array([0.0]), np.array([250.0])) == "ms"
    assert unit_of_fixations(np.array([]), np.array([])) is None


@pytest.mark.parametrize(
    ("step", "unit"), [(0.001, "s"), (0.1, "s"), (0.5, "ms"), (16.7, "ms"), (100, "ms"), (4000, "us"), (4e6, "ns")]
)
def test_samples(step: float, unit: str) -> None:
    assert unit_of_samples(step * np.arange(50)) == unit


@pytest.mark.parametrize(
    ("name", "unit"),
    [("onset_s", "s"), ("time [ms]", "ms"), ("Start (us)", "us"), ("timestamp [ns]", "ns"), ("duration_sec", "s"),
     ("CURRENT_FIX_START", None), ("times", None), ("ms", None)],
)  # fmt: skip
def test_units_in_names(name: str, unit: str | None) -> None:
    assert named_unit(name) == unit
