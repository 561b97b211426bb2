"""What the shipped models say of a rendered clip stays what it was: a change of code that moves it is seen here.

`python tests/models/test_pinned.py` writes pinned.json anew, after a change that was meant (see CHANGELOG, "Numerical
changes").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sightline
from sightline.data.synthetic import render_frames
from sightline.types import Frame

PINNED = Path(__file__).with_name("pinned.json")
FRAMES = 8
PLACE = (118.0, 92.0)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "egnet": ("egnet", {}),
    "wcsnet": ("wcsnet", {}),
    "wcsnet from a point": ("wcsnet", {"point": PLACE}),
    "stanet": ("stanet", {}),
    "stanet-fixations": ("stanet-fixations", {}),
    "stanet-plus": ("stanet-plus", {}),
    "samgop": ("samgop", {}),
    "egcnet": ("egcnet", {}),
    "egcnet with fixations": ("egcnet", {"fixations": {index: np.array([PLACE], np.float32) for index in range(4)}}),
}


def numbers(frame: Frame) -> list[float]:
    """Sizes and places: pixels of the mask, means of the maps, the hotspot; -1 for what is not given."""
    maps = [frame.saliency, frame.probability]
    spot = frame.hotspot
    return [
        -1.0 if frame.mask is None else float((frame.mask > 0).sum()),
        *(-1.0 if values is None else float(values.mean()) for values in maps),
        *((-1.0, -1.0) if spot is None else (spot.x_px, spot.y_px)),
    ]


def measured(case: str) -> Iterator[list[float]]:
    model, prompt = CASES[case]
    clip = np.stack([image[::2, ::2] for image in islice(render_frames(), FRAMES)])
    yield from map(numbers, sightline.load(model, "cpu").predict(clip, **prompt))


@pytest.mark.parametrize("case", CASES)
def test_outputs_are_those_that_were_pinned(case: str) -> None:
    expected = json.loads(PINNED.read_text())[case]
    for index, (ours, theirs) in enumerate(zip(measured(case), expected, strict=True)):
        # Other processors round otherwise; a pixel of a mask's edge more or less is nothing.
        np.testing.assert_allclose(ours[:1], theirs[:1], rtol=0.01, atol=5, err_msg=f"mask of frame {index}")
        np.testing.assert_allclose(ours[1:3], theirs[1:3], rtol=0.01, atol=1e-4, err_msg=f"maps of frame {index}")
        np.testing.assert_allclose(ours[3:], theirs[3:], atol=1.0, err_msg=f"hotspot of frame {index}")


if __name__ == "__main__":
    rounded = {case: [[round(value, 5) for value in row] for row in measured(case)] for case in CASES}
    rows = {case: ",\n".join(f"    {json.dumps(row)}" for row in found) for case, found in rounded.items()}
    PINNED.write_text("{\n" + ",\n".join(f'  "{case}": [\n{text}\n  ]' for case, text in rows.items()) + "\n}\n")
