"""What flows between rooms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sightline.types import Prompt


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ({"point": "a"}, r"`point` is 'a'; \(x, y\) in pixels is expected"),
        ({"point": (1, 2, 3)}, r"`point` is \(1, 2, 3\)"),
        ({"box": (1, 2)}, r"`box` is \(1, 2\); \(x1, y1, x2, y2\) in pixels is expected"),
        ({"mask": [[True]]}, r"`mask` is a list; an array \(H, W\) of bool is expected"),
        ({"fixations": np.zeros((3, 2))}, "`fixations` is a ndarray"),
        ({"point": (1, 2), "box": (1, 2, 3, 4)}, "give one of them"),
    ],
)
def test_a_prompt_of_another_form_is_a_value_error_that_names_the_argument(
    prompt: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Prompt(**prompt)


def test_fixations_of_every_frame_as_a_list_are_those_by_index() -> None:
    first, second = np.array([[3.0, 4.0]]), np.empty((0, 2))
    prompt = Prompt(fixations=[first, second])  # type: ignore[arg-type]
    assert prompt.fixations is not None
    assert list(prompt.fixations) == [0, 1]
    assert prompt.fixations[0] is first
    assert prompt.kinds == ("fixations",)
