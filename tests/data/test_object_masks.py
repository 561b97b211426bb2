"""COCO's run-length codes, against pycocotools, and codes that are none."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.data.object_masks import decode, run_lengths, size_of

coco = pytest.importorskip("pycocotools.mask")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_codes_of_pycocotools(share: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        height, width = (int(side) for side in rng.integers(1, 200, 2))
        mask = rng.random((height, width)) < share
        code = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        np.testing.assert_array_equal(decode(code, (height, width)), mask)
        plain = {"size": [height, width], "counts": run_lengths(code["counts"], mask.size).tolist()}
        np.testing.assert_array_equal(decode(plain, (height, width)), mask)


@pytest.mark.parametrize(
    "counts",
    [
        "",
        "0",
        "00000",
        "T",
        "oooooooo7",
        "zzzz",
        "0T7",
        "ooooooooooo0",
        "é",
        [],
        [3],
        [17],
        [-1, 17],
        [[16]],
        [16.0],
        ["a"],
    ],
)
def test_codes_of_another_picture(counts: str | list[int]) -> None:
    """pycocotools decodes some of them, and fills up with what the memory held before."""
    with pytest.raises(ValueError, match="run length"):
        decode({"size": [4, 4], "counts": counts}, (4, 4))


@pytest.mark.parametrize("size", [(0, 4), (-1, 4), (1 << 20, 1 << 20)])
def test_no_picture_is_so_large(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="a picture of"):
        size_of({"height": size[0], "width": size[1]})
