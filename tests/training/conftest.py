"""Miniature data sets and random backbone weights: enough to train each network for a few steps in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import sightline.nn.engine
from sightline.models import weights
from sightline.nn.egnet import EGNet, EGNetConfig
from sightline.training.recipe import Chain, read_recipe


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to stand for $DATA: photos with fixations, segmented photos, videos with masks, backbone weights."""
    from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    _fixations(root / "fixations", generator)
    _segments(root / "segments", generator)
    _videos(root / "videos", generator)
    torch.manual_seed(0)
    config = MobileNetV2Config(output_stride=16, num_labels=21, tf_padding=True)
    MobileNetV2ForSemanticSegmentation(config).save_pretrained(root / "backbone")
    torch.manual_seed(0)
    gaze = EGNetConfig(backbone="mobilenet-v2", width=8, input_size=64)
    weights.save(EGNet(gaze), gaze.model_dump(mode="json"), root / "gaze")
    return root


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept in the user's cache, and no time goes into exporting graphs for a few views."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """Write a small recipe of a kind (see RECIPES) with some fields changed; returns its file."""

    def write(kind: str, **changes: Any) -> Path:
        path = tmp_path / f"{kind}.yaml"
        path.write_text(yaml.safe_dump({**RECIPES[kind], **changes}))
        return path

    return write


@pytest.fixture
def chain(recipe: Callable[..., Path], data: Path) -> Callable[..., Chain]:
    """A small recipe of a kind, read: overrides first, fields to change by name."""

    def read(kind: str, *overrides: str, **changes: Any) -> Chain:
        return read_recipe(recipe(kind, **changes), overrides, data)

    return read


_STEPS = {"steps": 4, "learning_rate": 0.001, "warmup_steps": 1, "ema": 0.9}
_VIEWS = {
    "backbone_weights": "$DATA/backbone",
    "saliency": "$DATA/gaze",
    "stills": 3,
    "sources": [
        {"family": "bsds500", "root": "$DATA/segments"},
        {"family": "davis2016", "root": "$DATA/videos"},
    ],
}
RECIPES: dict[str, dict[str, Any]] = {
    "egnet": {
        "train": "egnet",
        "network": {"backbone": "deeplab-mobilenet-v2-os32", "width": 8},
        "backbone_weights": "$DATA/backbone",
        "data": [{"family": "fixations", "root": "$DATA/fixations"}],
        "held_out": 0.34,
        "views": 2,
        "nss_weight": 0.05,
        "batch_size": 2,
        "optimisation": {**_STEPS, "rates": {"backbone": 0.0001}},
    },
    "gaze2mask": {
        "train": "gaze2mask",
        "network": {"width": 8},
        "views": _VIEWS,
        "kinds": {"photo": 0.5, "video": 0.5},
        "validation": ["kite"],
        "batch_size": 2,
        "optimisation": _STEPS,
    },
    "egcnet": {
        "train": "egcnet",
        "network": {"backbone": "deeplab-mobilenet-v2", "width": 8, "query_width": 32},
        "backbone_weights": "$DATA/backbone",
        "sight": "$DATA/gaze",
        "photographs": [{"family": "fixations", "root": "$DATA/fixations"}],
        "videos": [{"family": "davis2016", "root": "$DATA/videos"}],
        "clips": {"photo": 1, "video": 1},
        "optimisation": _STEPS,
    },
    "chain": {
        "train": "wcsnet",
        "network": {"width": 8, "levels": [3, 4, 5]},
        "views": _VIEWS,
        "batch_size": 2,
        "optimisation": _STEPS,
        "stages": {
            "stills": {"kinds": {"photo": 1.0}},
            "videos": {"init": "$OUT/stills", "kinds": {"photo": 0.5, "video": 0.5}, "validation": ["kite"]},
        },
    },
    "wcsnet": {
        "train": "wcsnet",
        "network": {"width": 8, "levels": [3, 4, 5]},
        "views": _VIEWS,
        "kinds": {"photo": 0.5, "video": 0.5},
        "validation": ["kite"],
        "batch_size": 2,
        "optimisation": _STEPS,
    },
}


def _picture(path: Path, height: int, width: int, generator: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)


def _fixations(root: Path, generator: np.random.Generator) -> None:
    """Two landscapes and a portrait, each looked at in five places."""
    pictures, fixations = ["image,original_width_px,original_height_px"], ["image,subject,order,x_px,y_px"]
    for number, (height, width) in enumerate([(48, 64), (48, 64), (64, 48), (64, 48)]):
        name = f"{number}.jpg"
        _picture(root / "images" / name, height, width, generator)
        pictures.append(f"{name},{width},{height}")
        points = generator.uniform(0, 1, (5, 2)) * (width, height)
        fixations += [f"{name},1,{order},{x:.1f},{y:.1f}" for order, (x, y) in enumerate(points, start=2)]
    (root / "images.csv").write_text("\n".join(pictures) + "\n")
    (root / "fixations.csv").write_text("\n".join(fixations) + "\n")


def _segments(root: Path, generator: np.random.Generator) -> None:
    for number, split in enumerate(("train", "val", "test")):
        _picture(root / split / f"{number}.jpg", 48, 64, generator)
        labels = np.ones((48, 64), dtype=np.uint8)
        labels[14:34, 20:44] = 2
        Image.fromarray(labels).save(root / split / f"{number}_seg0.png")


def _videos(root: Path, generator: np.random.Generator) -> None:
    for name in ("boat", "kite"):
        for frame in range(4):
            _picture(root / f"JPEGImages/480p/{name}/{frame:05}.jpg", 48, 64, generator)
            mask = np.zeros((48, 64), dtype=np.uint8)
            mask[10:30, 10 + 4 * frame : 30 + 4 * frame] = 255
            path = root / f"Annotations/480p/{name}/{frame:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(path)
