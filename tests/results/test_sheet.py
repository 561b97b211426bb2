"""The contact sheet of intermediate results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.results.outputs import SHEET, STEPS, choose
from sightline.results.sheet import ROWS
from sightline.types import Frame, Step


def frame(index: int, steps: int = 2, box: tuple[float, float, float, float] | None = None) -> Frame:
    image = np.full((54, 96, 3), 90, np.uint8)
    map_ = np.zeros((8, 8), np.float32)
    map_[4, 4] = 1
    made = tuple(Step(f"step {number}", 0.5, map_, box) for number in range(steps))
    return Frame(index, index / 25, image, steps=made)


@pytest.mark.parametrize("count", [1, ROWS, ROWS + 1, 5 * ROWS])
def test_rows_are_spread_over_the_video(tmp_path: Path, count: int) -> None:
    sink = SHEET.begin(tmp_path, None)
    for index in range(count):
        sink.write(frame(index))
    sink.close()
    with Image.open(tmp_path / "sheet.png") as picture:
        width, height = picture.size
    rows = height // 112
    assert min(count, ROWS // 2) <= rows <= ROWS
    assert width == 4 * (192 + 4)  # the frame, two steps, the result


def test_a_map_is_drawn_inside_of_its_box(tmp_path: Path) -> None:
    sink = SHEET.begin(tmp_path, None)
    sink.write(frame(0, steps=1, box=(48, 0, 96, 27)))
    sink.close()
    picture = np.asarray(Image.open(tmp_path / "sheet.png"))[:108, 196 : 196 + 192].astype(int)
    changed = np.abs(picture - 90).sum(axis=2) > 0
    assert changed[:54, 96:].any()
    assert not changed[60:].any()


def test_a_video_without_frames_has_no_sheet(tmp_path: Path) -> None:
    SHEET.begin(tmp_path, None).close()
    assert not list(tmp_path.iterdir())


def test_steps_as_a_table(tmp_path: Path) -> None:
    sink = STEPS.begin(tmp_path, None)
    sink.write(frame(3, steps=1, box=(1, 2, 3, 4)))
    sink.close()
    (row,) = STEPS.read(tmp_path / "steps.csv")
    assert row["step"] == "step 0"
    assert (row["score"], row["x1_px"], row["y2_px"]) == ("0.5000", "1.00", "4.00")


def test_only_on_request_and_only_of_models_that_give_steps() -> None:
    gives = frozenset({"saliency", "steps"})
    assert [kind.name for kind in choose(gives, None, "m")] == ["saliency", "overlay"]
    assert [kind.name for kind in choose(gives, ["steps", "sheet"], "m")] == ["steps", "sheet"]
