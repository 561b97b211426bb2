"""Rows of views without a picture behind them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models import small

SETTINGS: dict[str, Any] = {
    "views": {"saliency": "egnet", "sources": []},
    "kinds": {"photo": 1, "video": 1},
    "batch_size": 3,
    "validation": ["kite"],
    "optimisation": {"steps": 1, "learning_rate": 0.01},
}


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
        saliency=np.full((12, 8, 8), 51, np.uint8),
        hotspots=np.zeros((12, 8, 8), np.uint8),
        features=[
            np.broadcast_to(rows[:, None, None, None], (12, channels, side, side)).astype(np.float16)
            for channels, side in zip(small.CHANNELS, (32, 16, 8, 4, 2), strict=True)
        ],
    )
