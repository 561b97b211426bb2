"""What Gaze2Mask-Net and WCS-Net are trained on: pairs of views of one target."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch

from sightline.errors import DataError
from sightline.training.wcsnet import WCSNetRecipe
from sightline.training.wcsnet.data import PairBatches, Pairs, load
from training.wcsnet.conftest import SETTINGS


def pairs(batches: PairBatches, count: int) -> list[tuple[int, int]]:
    return [pair for batch in islice(batches._pairs(), count) for pair in batch]


def test_pairs_are_two_views_of_one_target(bank: Any) -> None:
    drawn = pairs(PairBatches(bank, {"photo": 1, "pseudo": 1, "video": 2}, None, 4, seed=0), 100)
    for template, search in drawn:
        assert template != search
        assert bank.groups[template] == bank.groups[search]
        if bank.kinds[template] != "video":
            assert template in {0, 3}, "the template of a still is its centred view"
    assert {bank.groups[template] for template, _ in drawn} == {"a#0", "b#0", "boat", "kite"}


def test_kinds_are_mixed_as_asked(bank: Any) -> None:
    drawn = pairs(PairBatches(bank, {"photo": 0.1, "pseudo": 0.0, "video": 0.3}, None, 10, seed=0), 200)
    kinds = [bank.kinds[template] for template, _ in drawn]
    assert "pseudo" not in kinds
    assert kinds.count("video") / len(kinds) == pytest.approx(0.75, abs=0.04)


def test_a_video_that_is_not_kept_is_never_drawn(bank: Any) -> None:
    drawn = pairs(PairBatches(bank, {"photo": 1, "video": 1}, {"kite"}, 10, seed=0), 100)
    assert {bank.groups[row] for pair in drawn for row in pair} == {"a#0", "kite"}


def test_batches_go_on_where_a_stopped_run_was(bank: Any) -> None:
    whole = PairBatches(bank, {"video": 1}, None, 2, seed=3)
    later = PairBatches(bank, {"video": 1}, None, 2, seed=3, start=2)
    for expected, batch in zip(islice(whole, 2, 5), later, strict=False):
        assert torch.equal(expected["search"][0], batch["search"][0])
        assert torch.equal(expected["template"][0], batch["template"][0])
    other = PairBatches(bank, {"video": 1}, None, 2, seed=4)
    assert pairs(whole, 10) != pairs(other, 10)


def test_a_kind_that_the_data_do_not_have(bank: Any) -> None:
    with pytest.raises(DataError, match="no targets of kind video"):
        PairBatches(bank, {"photo": 1, "video": 1}, set(), 2, seed=0)


def test_a_target_of_one_view_is_its_own_pair(bank: Any) -> None:
    bank.groups[:3] = ["x#0", "y#0", "z#0"]
    assert set(pairs(PairBatches(bank, {"photo": 1}, None, 4, seed=0), 20)) == {(0, 0), (1, 1), (2, 2)}


def test_rows_become_a_batch(bank: Any) -> None:
    batch = load(bank, [6, 0], [8, 1])
    assert [level.dtype for level in batch["search"]] == [torch.float32] * 5
    assert batch["template"][2].shape == (2, 8, 8, 8)
    assert batch["search"][4][:, 0, 0, 0].tolist() == [8, 1]
    assert batch["mask"].shape == (2, 1, 32, 32)
    assert batch["mask"].max() == 1
    assert batch["saliency"][0, 0, 0, 0] == pytest.approx(0.2)
    assert batch["has_hotspot"].tolist() == [1, 0]


def test_validation_videos_are_never_trained_on(bank: Any) -> None:
    data = Pairs(bank, WCSNetRecipe(train="wcsnet", **SETTINGS))
    for batch in islice(data.train_dataloader(), 60):
        rows = {*batch["search"][0][:, 0, 0, 0].tolist(), *batch["template"][0][:, 0, 0, 0].tolist()}
        assert not rows & {9, 10, 11}
    (batch,) = data.val_dataloader()
    assert {*batch["search"][0][:, 0, 0, 0].tolist(), *batch["template"][0][:, 0, 0, 0].tolist()} <= {9, 10, 11}


def test_without_validation_videos_there_is_nothing_to_validate(bank: Any) -> None:
    recipe = WCSNetRecipe(train="wcsnet", **{**SETTINGS, "validation": []})
    assert list(Pairs(bank, recipe).val_dataloader()) == []
