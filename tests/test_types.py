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
        ({"point": (1, 2), "mask": np.ones((4, 4), bool)}, "`point` and `mask`: give the mask alone"),
        ({"point": (1, 2), "fixations": {}}, "`point` and `fixations`: give one of them"),
        ({"point": [(1, 2), (3,)]}, "`point` is .*or several of them"),
        ({"not_point": (1, 2)}, "`not_point` of object 1 says only where it is not"),
        ({"at_s": 2.5}, "`at_s` 2.5: of which place"),
        ({"point": (1, 2), "at_s": -1}, "`at_s` is -1; seconds"),
        ({"point": (1, 2), "at_s": float("nan")}, "`at_s` is nan; seconds"),
        ({"point": (1, 2), "number": 0}, "`number` is 0; an object's number is from 1 to 255"),
        ({"objects": [{"spot": (1, 2)}]}, "`objects`: spot: a cue has point"),
        ({"objects": [{"at_s": 2}]}, "a cue that points at nothing"),
        ({"objects": [(1, 2)]}, "`objects` holds a tuple"),
        ({"objects": [{"not_point": (1, 2), "number": 3}]}, "object 3 says only where it is not"),
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
