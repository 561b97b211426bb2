"""Views of targets on disk: what they show, that they are made once, and that no half of a bank is ever used."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from models import small
from sightline.errors import DataError
from sightline.training.cache import Features, cached
from sightline.training.wcsnet import views
from sightline.training.wcsnet.targets import Target
from sightline.training.wcsnet.views import SIZE, ViewBank, _framing, _paste, _recolour, compute_views


@pytest.fixture
def targets(tmp_path: Path) -> list[Target]:
    """A still with fixations, one without, and two frames of a video."""
    generator = np.random.default_rng(0)
    made: list[Any] = []
    for group, kind in (("a#0", "pseudo"), ("b#0", "photo"), ("boat", "video"), ("boat", "video")):
        path = tmp_path / f"{len(made)}.png"
        image = generator.integers(0, 256, (60, 90, 3), dtype=np.uint8)
        mask = np.zeros((60, 90), dtype=bool)
        mask[15:45, 30:60] = True
        image[mask] = (200, 40, 40)
        Image.fromarray(image).save(path)
        density = None
        if kind == "pseudo":
            density = np.zeros((60, 90))
            density[20:30, 35:45] = 1.0
            density[20:25, 35:40] = 3.0
            density[0:5, 0:5] = 99.0  # outside of the target
        made.append(Target(group, kind, path, image, mask, density))
    return made


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build(targets: list[Target], count: int = 3, backgrounds: list[Path] | None = None) -> Features:
    torch.manual_seed(0)
    paths = [target.path for target in targets] if backgrounds is None else backgrounds
    make = partial(compute_views, iter(targets), small.backbone().eval(), count, 0, paths)
    return cached("views", [len(targets), count, paths], make)


@pytest.mark.usefixtures("cache")
def test_a_bank_holds_what_its_views_show(targets: list[Target]) -> None:
    bank = ViewBank(build(targets), small.egnet())
    assert len(bank) == 3 + 3 + 2 + 2
    assert bank.kinds.tolist() == ["pseudo"] * 3 + ["photo"] * 3 + ["video"] * 4
    assert bank.groups.tolist() == ["a#0"] * 3 + ["b#0"] * 3 + ["boat"] * 4
    assert bank.masks.shape == (10, SIZE // 2, SIZE // 2)
    assert bank.saliency.shape == bank.hotspots.shape == (10, SIZE // 8, SIZE // 8)
    for level, (features, channels) in enumerate(zip(bank.features, small.CHANNELS, strict=True), start=1):
        side = SIZE // 2**level
        assert features.shape == (10, channels, side, side)
    assert (bank.saliency.reshape(10, -1).max(axis=1) == 255).all()
    # Hotspots are where people looked inside of the target; elsewhere none are known.
    assert bank.has_hotspot[0]
    assert not bank.has_hotspot[3:].any()
    hot = bank.hotspots[0] > 128
    rows, columns = np.nonzero(hot)
    centre = (SIZE // 8) / 2
    assert rows.max() < centre
    assert columns.max() < centre


@pytest.mark.usefixtures("cache")
def test_the_first_view_of_a_still_is_the_target_centred_and_its_features_the_backbones(targets: list[Target]) -> None:
    bank = ViewBank(build(targets), small.egnet())
    mask = bank.masks[0] > 127
    rows, columns = np.nonzero(mask)
    assert rows.mean() == pytest.approx(SIZE / 4, abs=1)
    assert columns.mean() == pytest.approx(SIZE / 4, abs=1)
    assert mask.mean() == pytest.approx(1 / 1.6**2, abs=0.02)
    torch.manual_seed(0)
    backbone = small.backbone().eval()
    crop = _framing(targets[0].mask, 0, "pseudo", np.random.default_rng(0))
    with torch.inference_mode():
        expected = backbone(crop.take(targets[0].image, SIZE))
    for ours, theirs in zip(bank.features, expected, strict=True):
        np.testing.assert_allclose(ours[0], theirs[0].numpy(), atol=2e-3, rtol=2e-3)


@pytest.mark.usefixtures("cache")
def test_nothing_to_train_on(targets: list[Target]) -> None:
    with pytest.raises(DataError, match="no target found"):
        build([])


@pytest.mark.usefixtures("cache")
def test_without_backgrounds_nothing_is_pasted(targets: list[Target]) -> None:
    assert len(ViewBank(build(targets, backgrounds=[]), small.egnet())) == 10


@pytest.mark.usefixtures("cache")
def test_saliency_is_kept_for_each_network(targets: list[Target], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = build(targets)
    torch.manual_seed(1)
    network = small.egnet()
    first = ViewBank(rows, network).saliency
    torch.manual_seed(2)
    second = ViewBank(rows, small.egnet()).saliency
    assert not np.array_equal(first, second)
    monkeypatch.setattr(views, "predict_saliency", lambda *_: pytest.fail("the maps are there already"))
    np.testing.assert_array_equal(ViewBank(rows, network).saliency, first)


@pytest.mark.usefixtures("cache")
def test_the_saliency_of_a_view_is_its_part_of_the_whole_pictures(targets: list[Target]) -> None:
    rows, network = build(targets), small.egnet()
    bank = ViewBank(rows, network)
    for row, (path, x, y, side, mirrored) in enumerate(rows.info["crops"]):
        whole = views.predict_saliency(views.load_image(path), network)
        part = views.Crop(x, y, side).take_map(whole, SIZE // 8)[0, 0]
        part = (part.flip(-1) if mirrored else part) / part.max()
        np.testing.assert_allclose(bank.saliency[row] / 255, part.numpy(), atol=1 / 255)


def test_framing_keeps_the_target_in_view(targets: list[Target]) -> None:
    generator = np.random.default_rng(0)
    for kind in ("pseudo", "photo", "video"):
        for number in range(4):
            for _ in range(20):
                crop = _framing(targets[0].mask, number, kind, generator)
                assert float(crop.take_map(targets[0].mask, 64).sum()) > 40


def test_recolouring_keeps_the_range_and_changes_the_picture() -> None:
    image = torch.rand(1, 3, 8, 8)
    changed = _recolour(image, np.random.default_rng(0))
    assert changed.shape == image.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    assert not torch.equal(changed, image)


def test_pasting_keeps_the_target_and_replaces_what_is_around(tmp_path: Path) -> None:
    background = tmp_path / "green.png"
    Image.new("RGB", (300, 200), (0, 255, 0)).save(background)
    image, mask = torch.ones(1, 3, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)
    mask[..., 64:192, 64:192] = 1
    pasted = _paste(image, mask, [background], np.random.default_rng(0))
    assert torch.equal(pasted[..., 70:186, 70:186], image[..., 70:186, 70:186])
    torch.testing.assert_close(pasted[0, :, 5, 5], torch.tensor([0.0, 1.0, 0.0]))
