"""Clips of videos for the memory: what is known, what is asked, and crops that follow a target."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from models import small
from sightline.errors import DataError
from sightline.training.wcsnet import WCSNetRecipe
from sightline.training.wcsnet.clips import ClipBatches, _Follower, bank_of_clips, load_clips
from sightline.training.wcsnet.memory_task import MemoryTask
from sightline.training.wcsnet.recipe import Clips
from sightline.training.wcsnet.views import SIZE
from training.wcsnet.conftest import SETTINGS

FRAMES = 10


class Bank(dict[str, Any]):
    """Three videos of ten frames; in frames 4 and 5 of `covered` the target is hidden."""

    def __init__(self) -> None:
        names = ["boat", "kite", "covered"]
        rows = np.arange(3 * FRAMES)
        masks = np.zeros((len(rows), 32, 32), np.uint8)
        masks[:, 8:20, 8:20] = 255
        masks[2 * FRAMES + 4 : 2 * FRAMES + 6] = 0
        self.info = {
            "kinds": ["video"] * 2 * FRAMES + ["composed"] * FRAMES,
            "videos": [name for name in names for _ in range(FRAMES)],
            "variants": [0] * 3 * FRAMES,
        }
        generator = np.random.default_rng(0)
        levels = {
            f"level{number}": generator.standard_normal((len(rows), channels, side, side)).astype(np.float16)
            for number, (channels, side) in enumerate(zip(small.CHANNELS, (32, 16, 8, 4, 2), strict=True), start=1)
        }
        super().__init__(mask=masks, **levels)


def batches(keep: set[str] | None = None, **kinds: float) -> ClipBatches:
    bank: Any = Bank()
    return ClipBatches(bank, kinds or {"video": 0.5, "composed": 0.5}, keep, known=4, unroll=3, batch_size=2, seed=0)


def test_clips_go_forward_and_begin_with_frames_that_show_the_target() -> None:
    made = batches()
    clips = [clip for _, pair in zip(range(100), made._batches(), strict=False) for clip in pair]
    for clip in clips:
        rows = [*clip.known, *clip.asked]
        assert len({row // FRAMES for row in rows}) == 1, "one video"
        assert rows == sorted(rows)
        assert len(clip.known) == 4
        assert len(set(clip.asked)) == len(clip.asked) == 3
        assert clip.asked[0] > clip.known[-1]
        assert not {24, 25} & set(clip.known)
    assert any({24, 25} & set(clip.asked) for clip in clips), "the target is asked for where it is hidden, too"


def test_videos_that_are_held_back_are_not_drawn() -> None:
    made = batches({"kite"}, video=1.0)
    drawn = {
        row // FRAMES for _, pair in zip(range(20), made._batches(), strict=False) for clip in pair for row in clip[0]
    }
    assert drawn == {1}
    with pytest.raises(DataError, match="no clips of kind video"):
        batches(set(), video=1.0)


def test_a_batch_says_where_the_target_is_and_whether() -> None:
    made = batches()
    batch = load_clips(made.bank, [([20, 21, 22, 23], [24, 26, 27]), ([0, 0, 1, 2], [3, 4, 5])])  # type: ignore[list-item]
    assert [present.tolist() for present in batch["present"]] == [[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert [len(frame) for frame in batch["known"]] == [5] * 4
    assert batch["asked_masks"][0].shape == (2, 1, 32, 32)
    assert float(batch["asked_masks"][1].max()) == 1


def test_a_crop_waits_where_nothing_of_the_target_is_seen() -> None:
    follower = _Follower(np.random.default_rng(0))
    mask = np.zeros((100, 100), bool)
    mask[40:60, 20:40] = True
    near = [follower.follow(mask)] + [follower.follow(np.zeros_like(mask)) for _ in range(50)]
    assert max(abs(crop.x - 30) for crop in near) < 15
    assert min(crop.side for crop in near) > 15


def test_a_step_of_training_teaches_memory_and_presence(bank: Any) -> None:
    from sightline.training.wcsnet.data import load

    recipe = WCSNetRecipe(
        train="wcsnet",
        **{**SETTINGS, "network": {"memory": {}}, "memory": {"clips": {}, "unroll": 3, "batch_size": 2}},
    )
    task = MemoryTask(small.wcsnet(memory={"key_channels": 8}), recipe).train()
    task.log_dict = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    batch = {"pairs": load(bank, [0, 6, 9], [1, 7, 10]), "clips": next(iter(batches()))}
    optimiser = torch.optim.SGD(task.parameters(), 0.01)
    for _ in range(2):  # the decoders' side of the memory is zero before the first
        optimiser.zero_grad()
        loss = task.training_step(batch, 0)
        loss.backward()
        optimiser.step()
    assert loss.isfinite()
    memory = task.network.memory
    assert memory is not None
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for name, p in memory.named_parameters())


def test_a_recipe_with_clips_has_a_network_with_a_memory() -> None:
    with pytest.raises(ValueError, match="go together"):
        WCSNetRecipe(train="wcsnet", **{**SETTINGS, "memory": {"clips": {}}})


def _picture(path: Path, at: int | None, mask: Path | None = None) -> None:
    """A light square on dark noise, or the noise alone; its mask beside it."""
    noise = np.random.default_rng(len(path.name)).integers(0, 90, (60, 80, 3), dtype=np.uint8)
    inside = np.zeros((60, 80), np.uint8)
    if at is not None:
        inside[20:44, at : at + 24] = 255
    for file, values in ((path, np.where(inside[..., None], 230, noise).astype(np.uint8)), (mask, inside)):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(file)


def test_a_bank_holds_every_frame_from_the_first_that_shows_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a data set's video, in two variants, and of composed ones; the same recipe finds them again."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sightline.training.wcsnet.clips.Engine", lambda network, _: network)
    davis, photographs = tmp_path / "davis", tmp_path / "photographs"
    for index, at in enumerate((None, 8, 20, None, 30)):
        name = f"480p/boat/{index:05d}"
        _picture(davis / f"JPEGImages/{name}.jpg", at, davis / f"Annotations/{name}.png")
    (davis / "ImageSets/480p").mkdir(parents=True)
    (davis / "ImageSets/480p/sequences.txt").write_text("boat\n")
    for index, at in enumerate((10, 40, 25)):
        _picture(photographs / f"{index}.jpg", at, photographs / f"{index}.png")
    source = {"family": "davis2016", "root": davis}
    composed = {"objects": photographs, "splits": ["train"], "backgrounds": [photographs], "count": 2, "frames": 8}
    clips = Clips.model_validate({"sources": [source], "composed": composed})
    with torch.no_grad():
        made = bank_of_clips(clips, small.backbone().eval())
    info = made.info
    assert Counter(zip(info["kinds"], info["videos"], info["variants"], strict=True)) == {
        ("video", "boat", 0): 4,
        ("video", "boat", 1): 4,
        ("composed", "composed000", 0): 8,
        ("composed", "composed001", 0): 8,
    }
    seen = made["mask"].max(axis=(1, 2)) > 127
    for variant in (0, 1):
        rows = [
            row
            for row, key in enumerate(zip(info["videos"], info["variants"], strict=True))
            if key == ("boat", variant)
        ]
        assert seen[rows].tolist() == [True, True, False, True], "where it is hidden the crop waits"
    assert seen[8:].all(), "nothing happens in the first composed video, and a distractor moves in the second"
    assert [made[f"level{n}"].shape[2] for n in range(1, 6)] == [SIZE // 2**n for n in range(1, 6)]
    assert np.ptp(made["level1"].astype(np.float32), axis=0).max() > 0


def test_a_bank_of_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sightline.training.wcsnet.clips.Engine", lambda network, _: network)
    with pytest.raises(DataError, match="the recipe's clips: no videos; check their roots, families and splits"):
        bank_of_clips(Clips(), small.backbone())
