"""Composed videos: what is drawn is what the masks say, and each event takes place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data import davis
from sightline.data.composites import Cutout, compose, cut_out, objects, write
from sightline.data.samples import ImageMask
from sightline.errors import DataError, OutputError, UsageError

SIZE = (54, 96)
GREY = np.full((80, 120, 3), 110, np.uint8)
RED, BLUE = (230, 20, 20), (20, 40, 230)


def square(colour: tuple[int, int, int], side: int = 30) -> Cutout:
    return Cutout(np.full((side, side, 4), (*colour, 1.0), np.float32), "square")


def near(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(image.astype(float) - colour).max(axis=2) < 60


def disc(radius: int, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (rows - size[0] // 2) ** 2 + (columns - size[1] // 2) ** 2 < radius**2


def photographs(root: Path, count: int) -> Path:
    """Pictures with a red disc on grey, and their masks."""
    root.mkdir()
    for number in range(count):
        mask = disc(12 + number)
        Image.fromarray(np.where(mask[..., None], RED, 90).astype(np.uint8)).save(root / f"{number}.jpg", quality=95)
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / f"{number}.png")
    return root


@pytest.mark.parametrize("seed", range(3))
def test_the_mask_is_where_the_target_is_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = list(compose(GREY, square(RED), rng, square(BLUE), frames=12, size=SIZE))
    for image, mask, distractor in frames:
        assert (image.shape, image.dtype, mask.shape) == ((*SIZE, 3), np.uint8, SIZE)
        assert (near(image, RED) ^ mask).sum() < 0.15 * mask.sum() + 12, "but for the soft rim"
        assert (near(image, BLUE) ^ distractor).sum() < 0.15 * distractor.sum() + 12
        assert not (mask & distractor).any()
    assert frames[0].mask.any()


def test_paths_are_smooth_and_the_target_moves_and_changes_its_size() -> None:
    frames = list(compose(GREY, square(RED), np.random.default_rng(1), frames=48, size=SIZE))
    centres = np.array([np.argwhere(frame.mask).mean(axis=0) for frame in frames])
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    areas = [frame.mask.sum() for frame in frames]
    assert steps.max() < 0.1 * SIZE[1]
    assert steps.sum() > 0.2 * SIZE[1]
    assert max(areas) > 1.1 * min(areas)


def test_a_pillar_hides_the_target_for_some_frames_and_not_in_the_first() -> None:
    texture = np.full((80, 120, 3), (20, 200, 30), np.uint8)
    frames = list(compose(GREY, square(RED), np.random.default_rng(0), pillar=texture, frames=48, size=SIZE))
    seen = np.array([frame.mask.any() for frame in frames])
    assert seen[0]
    assert seen[-1]
    assert 3 <= (~seen).sum() <= 30


@pytest.mark.parametrize("seed", range(3))
def test_another_object_comes_hides_the_target_and_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = list(compose(GREY, square(RED), rng, frames=48, size=SIZE, cover_up=square(BLUE)))
    seen = np.array([frame.mask.sum() for frame in frames])
    blue = np.array([near(frame.image, BLUE).sum() for frame in frames])
    assert blue[0] == blue[-1] == 0, "it comes from outside of the frame, and leaves it"
    middle = seen[21:27]
    assert not middle.any()
    assert seen[0] > 0
    assert seen[-1] > 0
    assert not frames[24].distractor.any()


@pytest.mark.parametrize("seed", range(3))
def test_a_target_that_leaves_comes_back(seed: int) -> None:
    frames = list(compose(GREY, square(RED), np.random.default_rng(seed), leaves=True, frames=48, size=SIZE))
    seen = np.array([frame.mask.any() for frame in frames])
    assert seen[0]
    assert seen[-1]
    assert (~seen).sum() >= 5
    assert np.abs(np.diff(seen.astype(int))).sum() == 2, "it leaves once"


def test_a_cut_out_is_the_object_alone(tmp_path: Path) -> None:
    root = photographs(tmp_path / "objects", 1)
    found = cut_out(objects(root)[0][0])
    assert found is not None
    opaque = found.pixels[..., 3] > 0.99
    assert near(found.pixels[..., :3], RED)[opaque].all()
    assert 0.8 * disc(12).sum() < (found.pixels[..., 3] > 0.5).sum() <= disc(12).sum()


@pytest.mark.parametrize(
    "mask",
    [np.zeros((60, 80), bool), disc(2), disc(38), np.roll(disc(14), 35, axis=1), disc(12) & (np.arange(80) % 4 > 0)],
    ids=["empty", "small", "large", "at the border", "in pieces"],
)
def test_what_is_no_whole_object_is_left_out(tmp_path: Path, mask: np.ndarray) -> None:
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(tmp_path / "a.jpg")
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "a.png")
    assert cut_out(ImageMask(tmp_path / "a.jpg", tmp_path / "a.png")) is None


def test_a_folder_is_read_as_davis_and_made_again_by_its_seed(tmp_path: Path) -> None:
    root = photographs(tmp_path / "objects", 6)
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        assert write(root, root, 4, tmp_path / name, seed, frames=6, size=SIZE) == [f"composite00{i}" for i in range(4)]
    sequences = davis.sequences(tmp_path / "one", "sequences")
    assert [len(sequence) for sequence in sequences] == [6] * 4
    image, mask = sequences[0].load(0)
    assert image.shape == (*SIZE, 3)
    assert mask is not None
    assert mask.any()
    about = json.loads((tmp_path / "one" / "composites.json").read_text())
    assert [video["leaves"] for video in about["videos"]] == [False, False, False, True]
    path = "JPEGImages/480p/composite001/00003.jpg"
    one, same, other = ((tmp_path / name / path).read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


def test_davis_and_bsds_give_objects(tmp_path: Path) -> None:
    root = photographs(tmp_path / "objects", 6)
    write(root, root, 2, tmp_path / "davis", frames=12, size=SIZE)
    assert len(objects(tmp_path / "davis")) == 4
    (tmp_path / "bsds" / "test").mkdir(parents=True)
    Image.fromarray(GREY).save(tmp_path / "bsds/test/7.jpg")
    for number in range(2):
        regions = 1 + disc(20, GREY.shape[:2]).astype(np.uint8)
        Image.fromarray(regions).save(tmp_path / f"bsds/test/7_seg{number}.png")
    assert [[sample.instance for sample in each] for each in objects(tmp_path / "bsds")] == [[2]], "no object twice"


def test_what_is_missing_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    root, empty = photographs(tmp_path / "objects", 3), tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no photographs with masks"):
        write(empty, root, 1, tmp_path / "out")
    with pytest.raises(DataError, match="no photographs; a folder"):
        write(root, empty, 1, tmp_path / "out")
    with pytest.raises(UsageError, match="`count` is 0"):
        write(root, root, 0, tmp_path / "out")
    with pytest.raises(DataError, match="too few whole objects"):
        write(root, root, 4, tmp_path / "out", frames=2, size=SIZE)
    with pytest.raises(OutputError, match="something else"):
        write(root, root, 1, root)
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "objects"]
