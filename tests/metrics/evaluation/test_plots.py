"""What a plot shows is what the report says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from sightline.metrics.evaluation.plots import MOST_NAMES, write_plots
from sightline.metrics.evaluation.report import Comparison, Report

SCORES = {"boat": {"nss": 1.0, "kld": 0.5}, "kite": {"nss": 3.0, "kld": math.nan}, "dog": {"nss": 2.0, "kld": 0.25}}
OTHER = {"boat": {"nss": 0.5, "kld": 0.75}, "kite": {"nss": math.nan, "kld": 1.0}, "dog": {"nss": 2.5, "kld": 0.125}}
OVERALL = {"nss": 2.0, "kld": 0.375, "sim": math.nan}


def report(**how: Any) -> Report:
    said = {"task": "fixation", "protocol": "exact", "name": "ours", "overall": OVERALL, "sequences": SCORES}
    said |= {"interval": {"nss": (1.5, 2.75), "kld": (math.nan, math.nan)}, "settings": {}}
    said |= {"yardsticks": {"chance": {"nss": 0.0}, "other observers": {"nss": 3.5}}}
    return Report(**{**said, "unscored_frames": 0, "inputs": {}, **how})


def other() -> Comparison:
    return Comparison(
        name="theirs",
        overall={"nss": 1.5, "kld": 0.625, "sim": math.nan},
        interval={"nss": (1.25, 1.75)},
        sequences=OTHER,
        unscored_frames=0,
        inputs={},
        on_common_frames={},
        difference={},
        difference_interval={},
        p_value={},
        frames_not_common=0,
    )


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures as they were written."""
    made: list[Figure] = []
    save = Figure.savefig

    def kept(figure: Figure, *args: Any, **how: Any) -> None:
        made.append(figure)
        save(figure, *args, **{**how, "dpi": 20})

    monkeypatch.setattr(Figure, "savefig", kept)
    return made


def bars(axes: Axes) -> list[float]:
    return [patch.get_height() for patch in axes.patches]  # type: ignore[attr-defined]


def names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_sequences_stand_in_the_order_of_the_first_prediction(tmp_path: Path, figures: list[Figure]) -> None:
    paths = write_plots(report(comparisons=[other()]), tmp_path)
    assert [path.name for path in paths] == ["sequences.png", "summary.png"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert all(np.ptp(np.asarray(Image.open(path).convert("L"))) > 100 for path in paths)
    nss, kld = figures[0].axes
    assert names(nss) == ["boat", "dog", "kite"]
    assert names(kld) == ["dog", "boat", "kite"], "a score that is none stands last"
    np.testing.assert_allclose(bars(nss), [1, 2, 3, 0.5, 2.5, math.nan])
    np.testing.assert_allclose(bars(kld), [0.25, 0.5, math.nan, 0.125, 0.75, 1])
    levels = {line.get_label(): float(np.ravel(line.get_ydata())[0]) for line in nss.lines}
    assert (levels["chance"], levels["other observers"]) == (0.0, 3.5)
    assert {2.0, 1.5} <= {float(np.ravel(line.get_ydata())[0]) for line in nss.lines}, "the means of both"
    assert "lower is better" in kld.get_title(loc="right")
    assert "higher is better" in nss.get_title(loc="right")


def test_many_sequences_are_points_without_names(tmp_path: Path, figures: list[Figure]) -> None:
    many = {f"clip{number}": {"nss": float(-number)} for number in range(MOST_NAMES + 1)}
    write_plots(report(overall={"nss": 0.0}, interval={}, sequences=many, yardsticks={}), tmp_path)
    (axes,) = figures[0].axes
    assert names(axes) == []
    assert list(axes.lines[0].get_ydata()) == sorted(float(-number) for number in range(MOST_NAMES + 1))
    assert "41 sequences" in axes.get_xlabel()


def test_the_summary_has_means_and_intervals(tmp_path: Path, figures: list[Figure]) -> None:
    write_plots(report(comparisons=[other()]), tmp_path)
    nss, kld = figures[1].axes
    assert (nss.get_title(), kld.get_title()) == ("nss ↑", "kld ↓")
    assert [label.get_text() for label in nss.get_yticklabels()] == ["ours", "theirs"]
    drawn: list[Any] = [container.get_children() for container in nss.containers]
    spans = [parts[-1].get_segments()[0][:, 0].tolist() for parts in drawn]
    np.testing.assert_allclose(spans, [(1.5, 2.75), (1.25, 1.75)])
    assert [float(parts[0].get_xdata()[0]) for parts in drawn] == [2.0, 1.5]
    assert not cast("Any", kld.containers[0]).has_xerr, "an interval that is none is not drawn"


def test_curves_are_drawn_where_there_are_some(tmp_path: Path, figures: list[Figure]) -> None:
    curves = {"precision": [0.5] * 256, "recall": [k / 255 for k in range(256)], "f_beta": [0.25] * 256}
    assert write_plots(report(curves=curves), tmp_path)[-1] == tmp_path / "curves.png"
    both, threshold = figures[2].axes
    assert list(both.lines[0].get_xdata()) == curves["recall"]
    assert list(both.lines[0].get_ydata()) == curves["precision"]
    assert list(threshold.lines[0].get_ydata()) == curves["f_beta"]
    assert threshold.get_xlabel() == "threshold"
