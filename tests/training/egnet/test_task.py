"""EG-Net's training samples: views of photographs, cached features, batches of one size."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import small
from sightline.data import image_fixations
from sightline.data.samples import FixationImage
from sightline.errors import DataError
from sightline.training.egnet import EGNetRecipe
from sightline.training.egnet.data import CachedViews, EGNetData, SameSizeBatches, stack
from sightline.training.egnet.task import EGNetTask


def recipe(**changes: Any) -> EGNetRecipe:
    return EGNetRecipe.model_validate(
        {
            "train": "egnet",
            "data": [],
            "held_out": 0.25,
            "views": 3,
            "batch_size": 2,
            "optimisation": {"steps": 5, "learning_rate": 0.01},
            **changes,
        }
    )


@pytest.fixture
def samples(data: Path) -> list[FixationImage]:
    return image_fixations.images(data / "fixations")


@pytest.mark.parametrize("frozen", [0, 2, 3])
def test_training_from_cached_features_is_the_network_itself(samples: list[FixationImage], frozen: int) -> None:
    torch.manual_seed(0)
    network = small.egnet()
    task = EGNetTask(network, recipe(frozen_stages=frozen)).eval()
    views = CachedViews(samples[:1], network.backbone, task.recipe, views=1)
    features, density, counts = stack([views[0]])
    from sightline.training.egnet.views import Window, view

    image, exact_density, exact_counts = view(samples[0], Window(), task.recipe.density_sigma)
    with torch.inference_mode():
        torch.testing.assert_close(task(features), network(image[None]), atol=2e-2, rtol=2e-2)
    torch.testing.assert_close(density[0], exact_density, atol=1e-6, rtol=2e-3)
    torch.testing.assert_close(density.sum(), torch.tensor(1.0))
    assert torch.equal(counts[0], exact_counts)


def test_the_second_view_is_the_mirror_image_of_the_first(samples: list[FixationImage]) -> None:
    views = CachedViews(samples[:1], small.backbone().eval(), recipe(frozen_stages=0), views=2)
    torch.testing.assert_close(views[1].features, views[0].features.flip(-1))
    assert torch.equal(views[1].counts, views[0].counts.flip(-1))


def test_photographs_without_fixations_are_left_out(samples: list[FixationImage]) -> None:
    nobody = FixationImage(samples[0].image_path, np.zeros((0, 2)), samples[0].size)
    assert len(CachedViews([nobody], small.backbone().eval(), recipe(), views=2)) == 0
    with pytest.raises(DataError, match="no photograph with fixations"):
        EGNetData([nobody] * 4, small.backbone().eval(), recipe()).train_dataloader()
    with pytest.raises(DataError, match="no photograph with fixations"):
        EGNetData([], small.backbone().eval(), recipe()).train_dataloader()


def test_batches_hold_one_size_and_in_an_epoch_every_view_once(samples: list[FixationImage]) -> None:
    views = CachedViews(samples, small.backbone().eval(), recipe(frozen_stages=0), views=3)
    batches = SameSizeBatches(views, 4, seed=0)
    epoch = list(islice(batches, sum(-(-len(group) // 4) for group in batches.groups.values())))
    assert sorted(index for batch in epoch for index in batch) == list(range(len(views)))
    assert len(batches.groups) == 2
    for batch in epoch:
        features, density, _ = stack([views[index] for index in batch])
        assert features.shape[1:] in {(3, 240, 320), (3, 320, 240)}
        torch.testing.assert_close(density.sum(dim=(1, 2, 3)), torch.ones(len(batch)))


def test_batches_go_on_where_a_stopped_run_was(samples: list[FixationImage]) -> None:
    views = CachedViews(samples, small.backbone().eval(), recipe(), views=1)
    whole = list(islice(SameSizeBatches(views, 2, seed=5), 9))
    assert list(islice(SameSizeBatches(views, 2, seed=5, start=4), 5)) == whole[4:]
    assert list(islice(SameSizeBatches(views, 2, seed=6), 9)) != whole


def test_what_is_held_out_is_not_trained_on(samples: list[FixationImage]) -> None:
    data = EGNetData(samples, small.backbone().eval(), recipe())
    held_out = {sample.image_path for sample in data.validation}
    assert len(held_out) == 1
    assert not held_out & {sample.image_path for sample in data.training}
    assert len(data.training) == 3
    assert len(data.val_dataloader()) == 1
    again = EGNetData(samples, small.backbone().eval(), recipe())
    assert {sample.image_path for sample in again.validation} == held_out


def test_frozen_stages_are_frozen_and_normalisation_keeps_its_statistics() -> None:
    task = EGNetTask(small.egnet(), recipe(frozen_stages=2)).train()
    assert not any(p.requires_grad for stage in task.network.backbone.stages[:2] for p in stage.parameters())
    assert all(p.requires_grad for stage in task.network.backbone.stages[2:] for p in stage.parameters())
    assert not task.network.backbone.training
    assert task.network.block3.training


def test_a_step_of_training_learns(samples: list[FixationImage]) -> None:
    torch.manual_seed(0)
    task = EGNetTask(small.egnet(), recipe(nss_weight=0.1)).train()
    views = CachedViews(samples[:2], task.network.backbone, task.recipe, views=1)
    batch = stack([views[0], views[1]])
    optimiser = task.configure_optimizers()["optimizer"]
    for group in optimiser.param_groups:
        group["lr"] = 0.02
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = task.training_step(batch, 0)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.05
