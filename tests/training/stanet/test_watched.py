"""STA from recorded fixations, on miniature photographs and videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from hostile.corpus import write_video
from sightline.data.image_fixations import images
from sightline.errors import DataError, UsageError
from sightline.models import weights
from sightline.models.stanet.network import Encoders, Levels
from sightline.models.stanet.predictor import STANetPredictor
from sightline.nn.egnet import EGNet, EGNetConfig, network_input
from sightline.training.recipe import builder, read_recipe
from sightline.training.run import train
from sightline.training.stanet.watched import WatchedBatch, row


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One video with sound, one without, and a picture of a video; each looked at by two viewers."""
    root = tmp_path_factory.mktemp("watched")
    write_video(root / "a.mp4", frames=24, fps=20, size=(48, 64), sound_s=1)
    write_video(root / "b.mp4", frames=24, fps=20, size=(48, 64))
    rows = "subject,onset_s,duration_s,x_px,y_px\nann,0,0.6,16,12\nann,0.6,0.5,48,12\nben,0.1,1.0,16,36\n"
    for name in "ab":
        (root / f"{name}_fixations.csv").write_text(rows)
    return root


@pytest.fixture
def settings(films: Path, data: Path, tmp_path: Path) -> Callable[..., Path]:
    """A small recipe; some fields changed."""

    def write(**changes: Any) -> Path:
        values = {
            "train": "stanet-fixations",
            "network": {
                "input_size": 64,
                "width": 8,
                "output": "density",
                "centre_prior": True,
                "audio_switch": False,
                "movement": {},
            },
            "egnet": str(data / "gaze"),
            "photographs": [{"family": "fixations", "root": str(data / "fixations")}],
            "videos": [{"root": str(films)}],
            "every_s": 0.2,
            "batch_size": 2,
            "nss_weight": 0.1,
            "optimisation": {"steps": 3, "learning_rate": 0.001, "warmup_steps": 1},
            **changes,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


def build(path: Path, *overrides: str) -> Any:
    recipe = read_recipe(path, overrides).last
    return builder(recipe)(recipe)


def test_it_begins_as_egnet(settings: Callable[..., Path], data: Path) -> None:
    """The same map of a photograph, to the last digit: sound, motion and fused features count nothing yet."""
    task, _ = build(settings())
    egnet = weights.build(EGNet, EGNetConfig, data / "gaze")
    task.eval()
    image, _ = images(data / "fixations")[0].load()
    pixels = network_input(image, 64)
    network = task.network
    with torch.no_grad():
        level3, level4, level5 = network.encoders.see(pixels)
        spatial = network.spatial(level4, level5)[:, None].expand(-1, 3, -1, -1, -1)
        heard = torch.rand(1, network.encoders.audio.size)
        moved = torch.rand(1, 3, *level3.shape[-2:])
        found = network(spatial, level3, level4, heard, torch.ones(1), level5, moved)
        torch.testing.assert_close(found, egnet(pixels), atol=1e-4, rtol=1e-4)


def test_trained_weights_predict(settings: Callable[..., Path], films: Path, tmp_path: Path, data: Path) -> None:
    out = train(read_recipe(settings()), tmp_path / "out")
    model = STANetPredictor(out, torch.device("cpu"))
    assert model.name == "stanet-fixations"
    frames = list(model.predict(films / "a.mp4"))
    assert [frame.saliency.shape for frame in frames if frame.saliency is not None] == [(48, 64)] * 24
    assert [frame.sound is not None and frame.sound.switch for frame in frames] == [True] * 24
    held = {name.split(".")[1] for name in model.network.state_dict() if name.startswith("encoders.")}
    assert held == {"audio"}, "the backbone is EG-Net's"
    before = weights.build(EGNet, EGNetConfig, data / "gaze").block3.state_dict()
    assert not torch.equal(before["conv1.weight"], model.network.block3.conv1.weight)


def test_rows(settings: Callable[..., Path]) -> None:
    _, found = build(settings())
    landscape, portrait = found.frames.photographs
    assert (len(landscape), len(portrait)) == (2, 2)
    whole, turned = (row(pair.plain, number) for (pair, number), *_ in (landscape, portrait))
    assert whole.density.shape == (1, 1, 28, 36)
    assert turned.density.shape == (1, 1, 36, 28)
    assert turned.rows.level4.shape == (1, 3, 96, 18, 14)
    for one in (whole, turned):
        assert one.density.sum() == pytest.approx(1, abs=1e-3)
        assert one.counts.sum() == 5
        assert one.movement is not None
        assert one.movement.abs().sum() == one.rows.sound.sum() == 0
    (videos,) = found.frames.videos.values()
    heard, silent = (pair.plain for pair in videos)
    assert len(heard) == len(silent) == 6
    assert heard["sound"].tolist() == [1] * 6
    assert silent["sound"].tolist() == [0] * 6
    assert heard["counts"].sum(axis=(1, 2, 3)).tolist() == [1, 2, 2, 2, 2, 2]
    assert np.argwhere(heard["counts"][1, 0]).tolist() == [[2, 2], [6, 2]]


def test_a_portrait_lies_on_its_side_and_comes_back(settings: Callable[..., Path], data: Path) -> None:
    _, found = build(settings())
    pair, number = found.frames.photographs[1][0]
    of = row(pair.plain, number)
    sample = images(data / "fixations")[2]
    points = sample.fixations_at(64, 48) * (28 / 48, 36 / 64)
    expected = np.zeros((36, 28))
    np.add.at(expected, (points[:, 1].astype(int), points[:, 0].astype(int)), 1)
    np.testing.assert_array_equal(of.counts[0, 0], expected)


def test_mirrored_and_muted(settings: Callable[..., Path]) -> None:
    _, found = build(settings())
    (videos,) = found.frames.videos.values()
    plain, mirrored, muted = row(videos[0].plain, 2), row(videos[0].mirrored, 2), row(videos[0].plain, 2, mute=True)
    assert mirrored.counts.sum() == plain.counts.sum()  # these points lie on the edges of cells
    torch.testing.assert_close(mirrored.density, plain.density.flip(-1), atol=1e-4, rtol=1e-2)
    torch.testing.assert_close(mirrored.rows.audio, plain.rows.audio)
    assert (plain.rows.sound.item(), muted.rows.sound.item()) == (1, 0)
    torch.testing.assert_close(muted.rows.level5, plain.rows.level5)


def test_mirrored_stimuli_are_seen_anew(
    settings: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The backbone gets mirrored pixels; here it is means of cells, whose mirror image is that of the picture."""

    def see(encoders: Encoders, pixels: torch.Tensor) -> Levels:
        return Levels(*(torch.nn.functional.avg_pool2d(pixels, stride) for stride in (8, 16, 32)))

    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Encoders, "see", see)
    _, found = build(settings())
    (videos,) = found.frames.videos.values()
    for pair, number in (found.frames.photographs[0][0], (videos[0], 2)):
        plain, mirrored = (row(side, number).rows.level3 for side in pair)
        torch.testing.assert_close(mirrored, plain.flip(-1), atol=0.01, rtol=0)
        assert (mirrored - plain).abs().max() > 0.05


def test_shares_and_what_is_left_out(settings: Callable[..., Path], films: Path, tmp_path: Path) -> None:
    def shapes(**changes: Any) -> set[torch.Size]:
        _, found = build(settings(**changes))
        batches: list[WatchedBatch] = [batch for _, batch in zip(range(12), found.frames, strict=False)]
        return {batch.density.shape[-2:] for batch in batches}

    assert shapes(photo_share=0) == {(8, 8)}
    assert shapes(photo_share=1) == {(28, 36), (36, 28)}
    assert len(shapes(photo_share=0.5)) == 3
    _, found = build(settings(videos=[{"root": str(films), "skip": ["b"]}]))
    assert [len(group) for group in found.frames.videos.values()] == [1]
    with pytest.raises(UsageError, match=r"has no video z; mend `skip`"):
        build(settings(videos=[{"root": str(films), "skip": ["z"]}]))
    with pytest.raises(DataError, match="no frame of a video has fixations"):
        build(settings(videos=[{"root": str(films), "skip": ["a", "b"]}]))
    with pytest.raises(UsageError, match=r"photographs: none, but photo_share 0\.5 draws some"):
        build(settings(photographs=[]))


def test_batches_can_be_gone_on_with(settings: Callable[..., Path]) -> None:
    _, found = build(settings())
    whole = [batch for _, batch in zip(range(3), found.frames, strict=False)]
    found.frames.start = 2
    torch.testing.assert_close(next(iter(found.frames)).rows.level5, whole[2].rows.level5)
