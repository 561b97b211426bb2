"""Every backbone by name: its five levels, its weights, and its further input channels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sightline.errors import UsageError, WeightsError
from sightline.nn.backbones import HUB_IDS, Backbone, build_backbone

CHANNELS = {
    "mobilenet-v2": (16, 24, 32, 96, 320),
    "mobilenet-v2-1280": (16, 24, 32, 96, 1280),
    "deeplab-mobilenet-v2": (16, 24, 32, 96, 256 + 21),
    "deeplab-mobilenet-v2-os32": (16, 24, 32, 96, 256 + 21),
    "efficientnet-b0": (16, 24, 40, 112, 320),
    "efficientnet-b1": (16, 24, 40, 112, 320),
    "efficientnet-b2": (16, 24, 48, 120, 352),
    "efficientnet-b3": (24, 32, 48, 136, 384),
    "efficientnet-b4": (24, 32, 56, 160, 448),
    "resnet-50": (64, 256, 512, 1024, 2048),
    "resnet-101": (64, 256, 512, 1024, 2048),
    "vgg-16": (64, 128, 256, 512, 512),
    "resnext-101": (64, 256, 512, 1024, 2048),
}


def run(backbone: Backbone, images: Tensor) -> list[Tensor]:
    with torch.inference_mode():
        return backbone.eval()(images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `transformers` folder with the weights of a random DeepLab."""
    from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

    path = tmp_path_factory.mktemp("deeplab")
    torch.manual_seed(0)
    model = MobileNetV2ForSemanticSegmentation(MobileNetV2Config(output_stride=16, num_labels=21, tf_padding=True))
    model.save_pretrained(path)
    return path


@pytest.mark.parametrize("name", HUB_IDS)
def test_levels_have_the_channels_and_strides_that_are_documented(name: str) -> None:
    with torch.device("meta"):  # shapes only: no memory, no arithmetic
        backbone = build_backbone(name)
        features = run(backbone, torch.zeros(2, 3, 128, 192))
    strides = (2, 4, 8, 16, 16 if name == "deeplab-mobilenet-v2" else 32)
    assert backbone.channels == CHANNELS[name]
    for level, channels, stride in zip(features, CHANNELS[name], strides, strict=True):
        assert level.shape == (2, channels, 128 // stride, 192 // stride)


@pytest.mark.parametrize("name", ["mobilenet-v2", "mobilenet-v2-1280", "efficientnet-b0", "resnet-50"])
def test_any_resolution_and_a_gradient_in_every_stage(name: str) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name).eval()
    features = backbone(torch.rand(1, 3, 61, 83))
    sizes = [level.shape[-2:] for level in features]
    for (height, width), (finer_height, finer_width) in zip(sizes[1:], sizes[:-1], strict=True):
        assert abs(2 * height - finer_height) <= 1
        assert abs(2 * width - finer_width) <= 1
    features[-1].mean().backward()
    for stage in backbone.stages:
        gradients = [p.grad for p in stage.parameters() if p.grad is not None]
        assert gradients
        assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize("name", ["mobilenet-v2", "mobilenet-v2-1280", "efficientnet-b0", "resnet-50"])
def test_a_fourth_channel_changes_nothing_at_first_but_can_learn(name: str) -> None:
    torch.manual_seed(0)
    three = build_backbone(name)
    torch.manual_seed(0)
    four = build_backbone(name, in_channels=4)
    images, gaze = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    for expected, level in zip(run(three, images), run(four, torch.cat([images, gaze], dim=1)), strict=True):
        torch.testing.assert_close(level, expected)
    four(torch.cat([images, gaze], dim=1))[0].square().mean().backward()
    wide = next(parameter for parameter in four.stages[0].parameters() if parameter.shape[1] == 4)
    assert wide.grad is not None
    assert wide.grad[:, 3].abs().sum() > 0


def test_images_are_normalised_as_in_pretraining_and_other_channels_left_alone() -> None:
    backbone = build_backbone("resnet-50", in_channels=4)
    images = torch.rand(1, 4, 8, 8)
    normalised = backbone.normalise(images)
    torch.testing.assert_close(normalised[0, 0], (images[0, 0] - 0.485) / 0.229)
    torch.testing.assert_close(normalised[0, 2], (images[0, 2] - 0.406) / 0.225)
    assert torch.equal(normalised[:, 3], images[:, 3])


def test_deeplab_gives_class_probabilities_and_the_same_finer_levels_at_both_strides(folder: Path) -> None:
    images = torch.rand(1, 3, 96, 128)
    os16 = run(build_backbone("deeplab-mobilenet-v2", folder), images)
    os32 = run(build_backbone("deeplab-mobilenet-v2-os32", folder), images)
    plain = run(build_backbone("mobilenet-v2", folder), images)
    for first, second, third in zip(os16[:4], os32[:4], plain[:4], strict=True):
        assert torch.equal(first, second)
        assert torch.equal(first, third)
    for level in (os16[-1], os32[-1]):
        probabilities = level[:, -21:]
        assert probabilities.min() >= 0
        torch.testing.assert_close(probabilities.sum(dim=1), torch.ones_like(probabilities[:, 0]))


def test_level_five_of_deeplab_is_what_transformers_computes(folder: Path) -> None:
    from transformers import MobileNetV2ForSemanticSegmentation

    images = torch.rand(1, 3, 96, 96)
    model = MobileNetV2ForSemanticSegmentation.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model((images - 0.5) / 0.5).logits
    ours = run(build_backbone("deeplab-mobilenet-v2", folder), images)[-1][:, -21:]
    torch.testing.assert_close(ours, logits.softmax(dim=1), atol=1e-5, rtol=1e-4)


def test_weights_come_from_the_folder(folder: Path) -> None:
    torch.manual_seed(1)
    images = torch.rand(1, 3, 64, 64)
    loaded = [run(build_backbone("deeplab-mobilenet-v2", folder), images) for _ in range(2)]
    random = run(build_backbone("deeplab-mobilenet-v2"), images)
    assert torch.equal(loaded[0][-1], loaded[1][-1])
    assert not torch.equal(loaded[0][0], random[0])


def test_the_name_hub_asks_for_the_usual_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import MobileNetV2ForSemanticSegmentation

    asked: list[str] = []
    load = MobileNetV2ForSemanticSegmentation.from_pretrained

    def from_pretrained(source: str, **changes: object) -> object:
        asked.append(source)
        return load(folder, **changes)

    monkeypatch.setattr(MobileNetV2ForSemanticSegmentation, "from_pretrained", from_pretrained)
    build_backbone("deeplab-mobilenet-v2", "hub")
    assert asked == ["google/deeplabv3_mobilenet_v2_1.0_513"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown backbone 'vgg': choose one of mobilenet-v2, .*resnet-101"):
        build_backbone("vgg")


@pytest.mark.parametrize("damage", ["no folder", "no weights", "no config", "cut short", "text", "no head"])
def test_weights_that_cannot_be_used(damage: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    if damage != "no folder":
        shutil.copytree(folder, copy)
    weights, config = copy / "model.safetensors", copy / "config.json"
    if damage == "no weights":
        weights.unlink()
    elif damage == "no config":
        config.unlink()
    elif damage == "cut short":
        weights.write_bytes(weights.read_bytes()[:100_000])
    elif damage == "text":
        weights.write_text("no tensors")
    elif damage == "no head":
        from safetensors.torch import load_file, save_file

        kept = {k: v for k, v in load_file(weights).items() if not k.startswith("segmentation_head")}
        save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(WeightsError) as caught:
        build_backbone("deeplab-mobilenet-v2", copy)
    assert str(caught.value).startswith(f"{copy}: ")
    assert "\n" not in str(caught.value)


def test_weights_of_another_backbone_are_not_taken(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="another backbone"):
        build_backbone("resnet-50", folder)
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    narrow = MobileNetV2ForImageClassification(MobileNetV2Config(depth_multiplier=0.35))
    narrow.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["depth_multiplier"] == 0.35
    with pytest.raises(WeightsError, match="another depth_multiplier"):
        build_backbone("mobilenet-v2", tmp_path)


def test_the_real_weights_see_what_is_there(shared_data: Path) -> None:
    """Class 12 of PASCAL VOC is dog."""
    from sightline.data.files import load_image

    backbone = build_backbone("deeplab-mobilenet-v2", shared_data / "weights/deeplabv3_mobilenet_v2_1.0_513")
    image = load_image(shared_data / "vos/davis2016_dev/JPEGImages/480p/dog/00000.jpg")
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    classes = run(backbone, torch.nn.functional.interpolate(pixels, (240, 432)))[-1][0, -21:].argmax(dim=0)
    assert (classes == 12).float().mean() > 0.03
    assert ((classes != 12) & (classes != 0)).float().mean() < 0.03


def test_shifts_are_where_cells_look_in_sides_of_a_cell() -> None:
    with torch.device("meta"):
        backbone = build_backbone("mobilenet-v2")
    backbone.looks = ((0.0, 0.0), (0.0, 0.0), (2.0, 1.0), (2.0, 4.0), (8.0, 12.0))
    assert backbone.shift(3) == (0.25, 0.125)
    assert backbone.shift(5) == (0.25, 0.375)
    assert backbone.shift(5, beside=4) == (6 / 32, 8 / 32)


@pytest.mark.parametrize("name", ["vgg-16", "deeplab-mobilenet-v2-os32"])
def test_where_nothing_was_measured_nothing_is_shifted(name: str) -> None:
    with torch.device("meta"):
        backbone = build_backbone(name)
    assert [backbone.shift(level) for level in range(1, 6)] == [(0.0, 0.0)] * 5
