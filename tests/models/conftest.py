"""Engines that keep nothing in the user's cache and, unless a test is about it, export no graphs."""

from __future__ import annotations

import pytest
import torch

import sightline.nn.engine


@pytest.fixture(autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)
    torch.manual_seed(0)
