"""Readers of video salient object detection sets, on miniatures in the layouts that they are published in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data import davis, fbms, segtrack, visal, vsod
from sightline.errors import DataError

HEIGHT, WIDTH = 40, 60


def picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 120, 40)).save(path)


def mask(path: Path, columns: slice, value: int = 255, ground: int = 0) -> None:
    array = np.full((HEIGHT, WIDTH), ground, np.uint8)
    array[:, columns] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def points(path: Path, *xy: tuple[int, int], value: int = 255) -> None:
    array = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, y in xy:
        array[y, x] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def davsod(tmp_path: Path) -> Path:
    """Two sequences of the package; names are the frame numbers of the source, with gaps."""
    for name, numbers in (("TrainingSet/select_0001", (4, 5, 9)), ("Easy-35/select_0601_1", (0,))):
        for number in numbers:
            picture(tmp_path / name / f"Imgs/{number:04d}.png")
            mask(tmp_path / name / f"GT_object_level/{number:04d}.png", np.s_[:15])
            mask(tmp_path / name / f"GT_instance_level/{number:04d}.png", np.s_[:15], value=2)
            points(tmp_path / name / f"Fixation_maps/{number:04d}.png", (number, 3), (50, 39))
    return tmp_path


def test_davsod(davsod: Path) -> None:
    easy, train = vsod.sequences(davsod, needs=("masks", "fixations"))
    assert (easy.name, train.name) == ("Easy-35/select_0601_1", "TrainingSet/select_0001")
    assert [frame.stem for frame in train.frames] == ["0004", "0005", "0009"]
    image, truth = train.load(2)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert truth is not None
    assert truth[:, :15].all()
    assert not truth[:, 15:].any()
    assert train.fixations(2).tolist() == [[9.5, 3.5], [50.5, 39.5]]
    assert train.scribble(2) is None
    (alone,) = vsod.sequences(davsod / "Easy-35/select_0601_1")
    assert alone.name == "select_0601_1"


def test_a_label_that_is_needed_is_missed(davsod: Path) -> None:
    with pytest.raises(DataError, match=r"select_0601_1: no scribbles; gt and mask is expected beside Imgs"):
        vsod.sequences(davsod, needs=("scribbles",))
    (davsod / "TrainingSet/select_0001/Imgs/0005.png").unlink()
    with pytest.raises(DataError, match=r"GT_object_level: no frame for 0005"):
        vsod.sequences(davsod)


def test_folders_that_are_none(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="no sequences in it; <sequence>/Imgs/"):
            vsod.sequences(root)
    (tmp_path / "a/Imgs").mkdir(parents=True)
    with pytest.raises(DataError, match="Imgs: no frames"):
        vsod.sequences(tmp_path)
    picture(tmp_path / "a/Imgs/0.png")
    with pytest.raises(DataError, match="a: no masks; GT_object_level or ground-truth"):
        vsod.sequences(tmp_path)
    (tmp_path / "a/ground-truth").mkdir()
    with pytest.raises(DataError, match="ground-truth: no labels"):
        vsod.sequences(tmp_path)


def test_vos_labels_key_frames_alone(tmp_path: Path) -> None:
    for index in range(4):
        picture(tmp_path / f"12/Imgs/12_{index:05d}.jpg")
    mask(tmp_path / "12/ground-truth/12_00002.png", np.s_[30:])
    (sequence,) = vsod.sequences(tmp_path)
    assert [path is not None for path in sequence.masks] == [False, False, True, False]
    assert sequence.load(0)[1] is None
    assert sequence.fixations(2) is None


@pytest.mark.parametrize(
    "reader", [fbms.sequences, visal.sequences, lambda root: segtrack.sequences(root, merged=True)]
)
def test_repackaged_sets_are_read_by_the_reader_of_the_set(tmp_path: Path, reader) -> None:  # type: ignore[no-untyped-def]
    for index in range(2):
        picture(tmp_path / f"cars1/Imgs/cars1_{index:05d}.jpg")
    mask(tmp_path / "cars1/ground-truth/cars1_00001.png", np.s_[30:])
    (sequence,) = reader(tmp_path)
    assert sequence.name == "cars1"
    assert sequence.load(1)[1].mean() == 0.5


def test_scribble_sets(tmp_path: Path) -> None:
    for index in range(2):
        picture(tmp_path / f"bear/Imgs/{index:05d}.png")
        mask(tmp_path / f"bear/gt/{index:05d}.png", np.s_[10:20])
        mask(tmp_path / f"bear/mask/{index:05d}.png", np.s_[10:30])
        points(tmp_path / f"bear/Fixation_maps/{index:05d}.png", (12, 7))
    (sequence,) = vsod.sequences(tmp_path, needs=("scribbles",))
    labels = sequence.scribble(1)
    assert labels.dtype == np.int8
    assert labels[0].tolist() == [-1] * 10 + [1] * 10 + [0] * 10 + [-1] * 30
    assert sequence.fixations(0).tolist() == [[12.5, 7.5]]
    assert sequence.load(0)[1] is None
    picture(tmp_path / "bear/mask/00001.png", (8, 8))
    with pytest.raises(DataError, match=r"mask/00001\.png: \(8, 8\) pixels"):
        sequence.scribble(1)


def test_a_density_is_no_fixation_map(davsod: Path) -> None:
    mask(davsod / "Easy-35/select_0601_1/Fixation_maps/0000.png", np.s_[:], value=9)
    with pytest.raises(DataError, match=r"0000\.png: 100% of the pixels are fixated; a map of single points"):
        vsod.sequences(davsod)[0].fixations(0)


@pytest.mark.parametrize("inner", ["", "Fixation_maps", "fixation"])
def test_davis_with_the_fixations_of_ags(tmp_path: Path, inner: str) -> None:
    for index in range(3):
        picture(tmp_path / f"JPEGImages/480p/bear/{index:05d}.jpg")
        mask(tmp_path / f"Annotations/480p/bear/{index:05d}.png", np.s_[:15])
    for index in range(2):
        points(tmp_path / "AGS/bear" / inner / f"{index:05d}.png", (5, 6), value=1)
    (sequence,) = davis.sequences(tmp_path, fixations=tmp_path / "AGS")
    assert sequence.fixations(1).tolist() == [[5.5, 6.5]]
    assert sequence.fixations(2) is None
    assert davis.sequences(tmp_path)[0].fixations(1) is None
    with pytest.raises(DataError, match=r"JPEGImages/bear: no such folder; <sequence>/00000\.png"):
        davis.sequences(tmp_path, fixations=tmp_path / "JPEGImages")


def ppm(path: Path, colour: tuple[int, int, int], columns: slice) -> None:
    array = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    array[:, columns] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def fbms_root(tmp_path: Path) -> Path:
    for index in range(1, 22):
        picture(tmp_path / f"Trainingset/cars2/cars2_{index:02d}.jpg")
        picture(tmp_path / f"Testset/camel01/camel01_{index:04d}.jpg")
    for index in (1, 21):
        mask(tmp_path / f"Trainingset/cars2/GroundTruth/cars2_{index:02d}.pgm", np.s_[:15], value=80)
        ppm(tmp_path / f"Testset/camel01/GroundTruth/camel01_{index:04d}_gt.ppm", (255, 255, 0), np.s_[:30])
        ppm(tmp_path / f"Testset/camel01/GroundTruth/camel01_{index:04d}_gtPROB.ppm", (1, 2, 3), np.s_[:])
        mask(tmp_path / f"Testset/camel01/GroundTruth/camel01_{index:04d}_gt.pgm", np.s_[:3], value=80)
    return tmp_path


def test_fbms_has_grey_labels_on_black_and_colours_on_white(fbms_root: Path) -> None:
    cars, camel = fbms.sequences(fbms_root)
    for sequence, share in ((cars, 0.25), (camel, 0.5)):
        assert [index for index, path in enumerate(sequence.masks) if path] == [0, 20]
        truth = sequence.load(20)[1]
        assert truth.mean() == share
        assert truth[:, 0].all()
    assert [s.name for s in fbms.sequences(fbms_root, "test")] == ["camel01"]


def test_fbms_marple2_has_lighter_others(fbms_root: Path) -> None:
    folder = fbms_root / "Trainingset/marple2"
    picture(folder / "marple2_01.jpg")
    array = np.zeros((HEIGHT, WIDTH), np.uint8)
    array[:, :15], array[:, 15:30] = 90, 150
    (folder / "GroundTruth").mkdir()
    Image.fromarray(array).save(folder / "GroundTruth/marple2_01.pgm")
    truth = fbms.sequences(fbms_root, "train")[1].load(0)[1]
    assert not truth[:, :15].any()
    assert truth[:, 15:30].all()


def test_fbms_hostile(fbms_root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(DataError, match="neither Trainingset nor Testset is in it"):
        fbms.sequences(tmp_path_factory.mktemp("empty"))
    (fbms_root / "Trainingset/cars2/cars2_21.jpg").unlink()
    with pytest.raises(DataError, match=r"no frame for cars2_21\.pgm"):
        fbms.sequences(fbms_root)
    picture(fbms_root / "Trainingset/cars2/cover.jpg")
    with pytest.raises(DataError, match=r"cover\.jpg: the name ends in no frame number"):
        fbms.sequences(fbms_root, "train")


def test_visal_keeps_all_masks_in_one_folder(tmp_path: Path) -> None:
    for name in ("boat", "boat2"):
        for index in range(1, 7):
            picture(tmp_path / f"ViSal/{name}/{name}_{index:03d}.bmp")
        for index in (1, 6):
            mask(tmp_path / f"GroundTruth/{name}_{index:03d}.png", np.s_[:30])
    boat, boat2 = visal.sequences(tmp_path)
    assert [index for index, path in enumerate(boat.masks) if path] == [0, 5]
    assert boat2.load(5)[1].mean() == 0.5
    mask(tmp_path / "GroundTruth/cat_001.png", np.s_[:30])
    with pytest.raises(DataError, match="GroundTruth: no frame for cat_001"):
        visal.sequences(tmp_path)
    picture(tmp_path / "ViSal/cow/cow_1.bmp")
    with pytest.raises(DataError, match="cow: no mask in"):
        visal.sequences(tmp_path)
    with pytest.raises(DataError, match="ViSal: no such folder"):
        visal.sequences(tmp_path / "elsewhere")
