from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sightline.errors import DataError, WeightsError
from sightline.training.labels.teacher import MEAN, STD, Teacher


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import SamConfig, SamModel

    folder = tmp_path_factory.mktemp("sam")
    torch.manual_seed(0)
    config = SamConfig(
        vision_config={
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
            "mlp_dim": 16,
            "global_attn_indexes": [0],
            "num_pos_feats": 8,
            "window_size": 2,
        },
        prompt_encoder_config={
            "hidden_size": 16,
            "image_size": 64,
            "patch_size": 16,
            "image_embedding_size": 4,
            "mask_input_channels": 4,
        },
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 16, "iou_head_hidden_dim": 16, "num_attention_heads": 2},
    )
    SamModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import Sam2Config, Sam2Model

    folder = tmp_path_factory.mktemp("sam2")
    torch.manual_seed(0)
    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "num_attention_heads": 1,
                "image_size": [64, 64],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 1, 1, 1],
                "window_size_per_stage": [8, 4, 4, 4],
                "window_positional_embedding_background_size": [4, 4],
                "global_attention_blocks": [3],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 16, "iou_head_hidden_dim": 16, "num_attention_heads": 2},
    )
    Sam2Model(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_a_random_one_answers_at_the_size_of_the_frame(kind: str, request: pytest.FixtureRequest) -> None:
    teacher = Teacher(request.getfixturevalue(kind))
    image = np.random.default_rng(0).integers(0, 256, (45, 80, 3), dtype=np.uint8)
    mask, score = teacher(image, np.array([[10.5, 20.0], [79.9, 44.9]]))
    assert mask.shape == (45, 80)
    assert mask.dtype == np.bool_
    assert np.isfinite(score)
    again, _ = teacher(image, np.array([[10.5, 20.0], [79.9, 44.9]]))
    np.testing.assert_array_equal(mask, again)


class Spot(torch.nn.Module):
    """Stands for SAM: two masks are empty, the third is a disc around the point."""

    def forward(self, pixel_values: torch.Tensor, input_points: torch.Tensor) -> SimpleNamespace:
        self.seen = pixel_values
        rows, columns = torch.meshgrid(torch.arange(16) + 0.5, torch.arange(16) + 0.5, indexing="ij")
        x, y = (input_points[0, 0, 0] + 0.5) / 4
        logits = torch.full((1, 1, 3, 16, 16), -1.0)
        logits[0, 0, 2] = 3 - torch.hypot(columns - x, rows - y)
        return SimpleNamespace(pred_masks=logits, iou_scores=torch.tensor([[[0.1, 0.2, 0.9]]]))


@pytest.mark.parametrize("kind", ["sam", "sam2"])
@pytest.mark.parametrize("size", [(40, 80), (80, 40), (37, 37)])
def test_the_mask_lies_where_the_point_is(kind: str, size: tuple[int, int], request: pytest.FixtureRequest) -> None:
    teacher = Teacher(request.getfixturevalue(kind))
    teacher.network = Spot()
    image = np.zeros((*size, 3), np.uint8)
    image[:] = (255, 0, 128)
    x, y = size[1] * 0.6, size[0] * 0.4
    mask, score = teacher(image, np.array([[x, y]]))
    assert score == pytest.approx(0.9)
    rows, columns = mask.nonzero()
    assert columns.mean() + 0.5 == pytest.approx(x, abs=1)
    assert rows.mean() + 0.5 == pytest.approx(y, abs=1)
    colour = torch.tensor((np.array([1, 0, 128 / 255]) - MEAN) / STD, dtype=torch.float32)
    torch.testing.assert_close(teacher.network.seen[0, :, 0, 0], colour, atol=1e-5, rtol=0)
    corner = teacher.network.seen[0, :, -1, -1]
    assert (corner == 0).all() == (kind == "sam" and size != (37, 37))


def test_points_must_be_on_the_frame(sam: Path) -> None:
    teacher, image = Teacher(sam), np.zeros((40, 80, 3), np.uint8)
    with pytest.raises(DataError, match="teacher: no points"):
        teacher(image, np.empty((0, 2)))
    for outside in ([80, 3], [3, -1], [np.nan, 3]):
        with pytest.raises(DataError, match="a point outside of the 80x40 frame"):
            teacher(image, np.array([outside]))


def test_what_is_no_sam(tmp_path: Path, sam: Path) -> None:
    with pytest.raises(WeightsError, match="no SAM to be had there"):
        Teacher(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsError, match="a 'bert' model; a SAM or SAM 2"):
        Teacher(tmp_path)
    (tmp_path / "config.json").write_text((sam / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="no SAM to be had there"):
        Teacher(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(WeightsError, match="no SAM to be had there"):
        Teacher(tmp_path)
    tensors = load_file(sam / "model.safetensors")
    tensors.pop("mask_decoder.iou_token.weight")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks mask_decoder\.iou_token\.weight"):
        Teacher(tmp_path)
