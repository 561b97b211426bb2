"""What Gaze2Mask-Net and WCS-Net are trained on: pairs of views, gaze inside targets, clicks."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from models import small
from sightline.errors import DataError
from sightline.training.recipe import Gaze2MaskRecipe, WCSNetRecipe
from sightline.training.wcsnet.task import (
    Gaze2MaskTask,
    PairBatches,
    WCSNetTask,
    _middle,
    _spot,
    gaze_inside,
    load,
)


@pytest.fixture
def bank() -> Any:
    """Twelve rows: two stills of three views, and three frames each of two videos; row n has features of value n."""
    kinds = ["photo"] * 3 + ["pseudo"] * 3 + ["video"] * 6
    groups = ["a#0"] * 3 + ["b#0"] * 3 + ["boat"] * 3 + ["kite"] * 3
    rows = np.arange(12)
    return SimpleNamespace(
        kinds=np.array(kinds),
        groups=np.array(groups),
        has_hotspot=rows % 2 == 0,
        masks=np.full((12, 32, 32), 255, np.uint8),
        gaze=np.full((12, 8, 8), 51, np.uint8),
        hotspots=np.zeros((12, 8, 8), np.uint8),
        features=[
            np.broadcast_to(rows[:, None, None, None], (12, channels, side, side)).astype(np.float16)
            for channels, side in zip(small.CHANNELS, (32, 16, 8, 4, 2), strict=True)
        ],
    )


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
    assert batch["gaze"][0, 0, 0, 0] == pytest.approx(0.2)
    assert batch["has_hotspot"].tolist() == [1, 0]


def test_gaze_is_cut_to_the_mask_or_the_mask_stands_in() -> None:
    gaze, mask = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 16, 16)
    mask[:, :, :8, :8] = 1
    gaze[0, 0, 0, 0], gaze[0, 0, 3, 3] = 0.5, 1.0  # the strongest gaze lies outside
    gaze[1, 0, 3, 3] = 1.0
    inside = gaze_inside(gaze, mask)
    assert inside.shape == gaze.shape
    assert inside[0, 0, 0, 0] == 1
    assert inside[0].sum() == 1
    expected = torch.zeros(4, 4)
    expected[:2, :2] = 1
    assert torch.equal(inside[1, 0], expected)
    assert torch.equal(gaze_inside(gaze, torch.zeros_like(mask)), torch.zeros_like(gaze))


def test_a_click_falls_into_the_mask() -> None:
    torch.manual_seed(0)
    mask = torch.zeros(50, 1, 32, 32)
    mask[..., 8:16, 20:28] = 1
    spots = _spot(mask, 8)
    assert spots.shape == (50, 1, 8, 8)
    torch.testing.assert_close(spots.amax(dim=(1, 2, 3)), torch.ones(50))
    places = spots.flatten(1).argmax(dim=1)
    assert set((places // 8).tolist()) == {2, 3}
    assert set((places % 8).tolist()) == {5, 6}


def test_the_middle_is_half_a_map() -> None:
    maps = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(_middle(maps), maps[..., 2:6, 2:6])


def tasks(bank: Any, **network: Any) -> list[Gaze2MaskTask | WCSNetTask]:
    settings = {
        "views": {"gaze": "egnet", "sources": []},
        "kinds": {"photo": 1, "video": 1},
        "validation": ["kite"],
        "optimisation": {"steps": 1, "batch_size": 3, "learning_rate": 0.01},
    }
    gaze2mask = Gaze2MaskRecipe(train="gaze2mask", **settings)  # type: ignore[arg-type]
    wcsnet = WCSNetRecipe(train="wcsnet", **settings)  # type: ignore[arg-type]
    return [
        Gaze2MaskTask(small.gaze2mask(), bank, gaze2mask),
        WCSNetTask(small.wcsnet(**network), bank, wcsnet),
    ]


@pytest.mark.parametrize("network", [{}, {"correlation": "depthwise"}, {"correlation": "concat"}, {"levels": (4, 5)}])
@pytest.mark.parametrize("number", [0, 1])
def test_a_step_of_training(bank: Any, number: int, network: dict[str, Any]) -> None:
    task = tasks(bank, **network)[number].train()
    assert not task.frozen.training, "the backbone's batch normalisation keeps its statistics"
    assert task.network.head.training if number == 0 else task.network.mask_head.training
    loss = task.training_step(load(bank, [0, 6, 9], [1, 7, 10]), 0)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None for p in task.frozen.parameters())
    learning = [p for p in task.network.parameters() if p.requires_grad]
    assert learning
    assert all(p.grad is not None for p in learning)


@pytest.mark.parametrize("number", [0, 1])
def test_everything_of_a_step_is_on_the_devices_of_its_batch(bank: Any, number: int) -> None:
    """The meta device computes shapes only, and refuses what mixes it with the CPU, as a GPU would."""
    task = tasks(bank)[number].train().to("meta")
    batch = load(bank, [0, 6, 9], [1, 7, 10])
    moved = {
        name: [level.to("meta") for level in value] if isinstance(value, list) else value.to("meta")
        for name, value in batch.items()
    }
    assert task.training_step(moved, 0).device.type == "meta"


@pytest.mark.parametrize("number", [0, 1])
def test_validation_videos_are_never_trained_on(bank: Any, number: int) -> None:
    task = tasks(bank)[number]
    for batch in islice(task.train_dataloader(), 60):
        rows = {*batch["search"][0][:, 0, 0, 0].tolist(), *batch["template"][0][:, 0, 0, 0].tolist()}
        assert not rows & {9, 10, 11}
    (batch,) = task.val_dataloader()
    assert {*batch["search"][0][:, 0, 0, 0].tolist(), *batch["template"][0][:, 0, 0, 0].tolist()} <= {9, 10, 11}


def test_without_validation_videos_there_is_nothing_to_validate(bank: Any) -> None:
    task = tasks(bank)[1]
    task.recipe.validation.clear()
    assert list(task.val_dataloader()) == []
