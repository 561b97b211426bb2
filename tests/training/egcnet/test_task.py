"""What EGCNet's training draws and compares: clips, simulated observers."""

from __future__ import annotations

import copy
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sightline.data import davis, image_fixations
from sightline.errors import DataError
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.network import EGCNet
from sightline.nn.egnet import EGNetConfig
from sightline.training.egcnet import EGCNetRecipe
from sightline.training.egcnet.data import FRAMES, Clips, simulate
from sightline.training.egcnet.scenes import FINE, SceneStore, scribbles
from sightline.training.egcnet.task import EGCNetTask, watch


@pytest.fixture(scope="module")
def network() -> EGCNet:
    torch.manual_seed(0)
    sight = EGNetConfig(backbone="mobilenet-v2", width=8, input_size=64)
    return EGCNet(EGCNetConfig(sight=sight, width=8, query_width=32)).eval()


def clips_of(data: Path, network: EGCNet, counts: dict[str, int], seed: int = 0, start: int = 0) -> Clips:
    store = SceneStore(network)
    sequences = davis.sequences(data / "videos")
    scenes = {
        "photo": store.photographs(image_fixations.images(data / "fixations")),
        "video": [store.sequence(sequence) for sequence in sequences],
    }
    return Clips(network, scenes, counts, scribbles(sequences, 0), observers=3, seed=seed, start=start)


def test_batches_mix_the_kinds_and_go_on_where_they_stopped(data: Path, network: EGCNet) -> None:
    counts = {"photo": 1, "video": 2}
    batches = list(islice(clips_of(data, network, counts), 3))
    later = next(iter(clips_of(data, network, counts, start=2)))
    assert batches[0].images.shape == (3, FRAMES, 3, *FINE)
    torch.testing.assert_close(batches[2].images, later.images)
    torch.testing.assert_close(batches[2].given, later.given)
    assert (batches[0].scribbles[0] == -1).all()
    assert (batches[0].scribbles[1:] == 1).any()
    other = next(iter(clips_of(data, network, counts, seed=1)))
    assert (other.density - batches[0].density).abs().max() > 0


def test_what_simulated_observers_show_is_not_what_they_label(data: Path, network: EGCNet) -> None:
    batch = next(iter(clips_of(data, network, {"photo": 1, "video": 1})))
    torch.testing.assert_close(batch.density[0], batch.shown[0])  # recorded fixations are both
    assert (batch.density[1] - batch.shown[1]).abs().max() > 0.1 * batch.shown[1].max()
    assert batch.density[1].max() < batch.shown[1].max()  # labels reach farther


def test_a_kind_without_scenes_is_an_error(data: Path, network: EGCNet) -> None:
    with pytest.raises(DataError, match="watched"):
        clips_of(data, network, {"watched": 1})


def test_observers_look_where_the_network_does_and_follow_their_seed(data: Path, network: EGCNet) -> None:
    scene = SceneStore(network).sequence(davis.sequences(data / "videos")[0])
    one, same, other = (simulate(network, scene, 3, np.random.default_rng(seed), 0.028) for seed in (0, 0, 1))
    assert one.shape == scene.motion.shape
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_network_watches_a_clip_frame_by_frame(data: Path, network: EGCNet) -> None:
    batch = next(iter(clips_of(data, network, {"photo": 1, "video": 1})))
    with torch.no_grad():
        decisions = watch(network, batch)
    assert len(decisions) == FRAMES
    assert decisions[1].winner.shape == (2, 1, *FINE)


@pytest.mark.parametrize(("warmup", "step", "expected"), [(0, 0, 1.0), (2, 0, 0.0), (2, 3, 0.5), (2, 60, 1.0)])
def test_sharpening_comes_in_after_the_warm_up(warmup: int, step: int, expected: float, network: EGCNet) -> None:
    recipe = EGCNetRecipe.model_validate(
        {
            "train": "egcnet",
            "sight": "egnet",
            "clips": {"photo": 1},
            "optimisation": {"steps": 9, "learning_rate": 0.1, "warmup_steps": warmup},
        }
    )
    task = EGCNetTask(copy.deepcopy(network), recipe)
    task.trainer = SimpleNamespace(global_step=step)  # type: ignore[assignment]
    assert task._ramp() == expected
