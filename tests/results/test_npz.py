from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightline.errors import DataError
from sightline.results.npz import Stack
from sightline.types import Frame


def written(folder: Path, masks: list[np.ndarray], names: list[str] | None = None) -> Path:
    sink = Stack().begin(folder, None)
    for index, mask in enumerate(masks):
        image = np.zeros((*mask.shape, 3), np.uint8)
        sink.write(Frame(index, index / 25, image, mask=mask), names[index] if names else None)
    sink.close()
    return folder / "masks.npz"


def test_masks_are_one_array(tmp_path: Path) -> None:
    masks = list(np.random.default_rng(0).integers(0, 3, (4, 6, 8), np.uint8))
    path = written(tmp_path, masks)
    with np.load(path, allow_pickle=False) as found:
        assert found["masks"].dtype == np.uint8
        np.testing.assert_array_equal(found["masks"], masks)
        assert found["frames"].tolist() == ["00000", "00001", "00002", "00003"]
        np.testing.assert_allclose(found["times_s"], [0, 0.04, 0.08, 0.12])
    assert [entry.name for entry in tmp_path.iterdir()] == ["masks.npz"]


def test_more_than_255_objects_and_pictures_of_different_sizes(tmp_path: Path) -> None:
    masks = [np.full((2, 3), 300, np.uint16), np.full((4, 2), 7, np.uint16)]
    path = written(tmp_path, masks, ["a", "b"])
    found = Stack().read(path)
    assert list(found) == ["a", "b"]
    for said, got in zip(masks, found.values(), strict=True):
        np.testing.assert_array_equal(got, said)
    with np.load(path) as raw:
        assert raw["masks"].shape == (2, 4, 3)
        assert raw["masks"][0, 2:].sum() == 0


def test_no_frame_at_all(tmp_path: Path) -> None:
    assert Stack().read(written(tmp_path, [])) == {}


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "masks.npz"
    path.write_bytes(b"PK no archive")
    with pytest.raises(DataError, match=r"masks\.npz: not masks that can be read"):
        Stack().read(path)
