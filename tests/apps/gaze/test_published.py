"""Published sets in miniature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from scipy.io import savemat

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, truth
from hostile.corpus import write_video
from sightline.apps.gaze.published import mit1003, open_fixations
from sightline.data import gazefollow, osie, vsod
from sightline.errors import DataError
from sightline.gaze import AlignOptions, Setup, Stimulus, by_frame, density, import_gaze, read_fixations


def picture(path: Path, size: tuple[int, int] = (80, 60)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)
    return path


def cell(values: list[object]) -> np.ndarray:
    array = np.empty((len(values), 1), dtype=object)
    array[:, 0] = values
    return array


def write_osie(path: Path) -> Path:
    viewers = [
        {"fix_x": np.array([[400.0, 100 + 10 * k, 300.0]]), "fix_y": np.array([[300.0, 50.0, 60.0]])} for k in range(3)
    ]
    savemat(path, {"fixations": cell([{"img": f"{n}.jpg", "subjects": cell(viewers)} for n in (1001, 1002)])})
    return path


def test_osie(tmp_path: Path) -> None:
    found = open_fixations(write_osie(tmp_path / "fixations.mat"))
    assert list(found) == ["1001", "1002"]
    points = found["1001"].at(0)
    assert found["1001"].size == (600, 800)
    assert points.xy.tolist() == [[100, 50], [300, 60], [110, 50], [300, 60], [120, 50], [300, 60]]
    assert points.subjects.tolist() == ["1", "1", "2", "2", "3", "3"]


def test_osie_sizes_from_the_pictures(tmp_path: Path) -> None:
    path = write_osie(tmp_path / "fixations.mat")
    for n in (1001, 1002):
        picture(tmp_path / "stimuli" / f"{n}.jpg", (1024, 768))
    assert osie.stimuli(path, tmp_path / "stimuli")["1002"].size == (768, 1024)
    (tmp_path / "stimuli/1002.jpg").unlink()
    with pytest.raises(DataError, match=r"1002.jpg: no such picture"):
        osie.stimuli(path, tmp_path / "stimuli")


def test_mat_files_of_something_else(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"other": 1})
    with pytest.raises(DataError, match="no variable 'fixations'"):
        osie.stimuli(tmp_path / "a.mat")
    savemat(tmp_path / "b.mat", {"fixations": cell([{"img": "x.jpg"}])})
    with pytest.raises(DataError, match="picture 1 has no img and subjects"):
        osie.stimuli(tmp_path / "b.mat")
    (tmp_path / "c.mat").write_bytes(b"not at all")
    with pytest.raises(DataError, match="not a MATLAB file that can be read"):
        osie.stimuli(tmp_path / "c.mat")


def test_mit1003(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dwell = [np.tile(at, (72, 1)) + rng.normal(0, 0.5, (72, 2)) for at in ((40, 30), (60, 20), (15, 45))]
    dwell[1] += (100, 100)
    dwell[2] += (200, 0)
    gaze = np.concatenate(dwell)
    gaze[100:105] = -1  # a loss of 20 ms
    for viewer in ("ajs", "hp"):
        folder = tmp_path / "DATA" / viewer
        folder.mkdir(parents=True)
        savemat(folder / "street.mat", {"street": {"DATA": {"eyeData": gaze}}})
    picture(tmp_path / "ALLSTIMULI" / "street.jpeg", (320, 240))
    (observed,) = open_fixations(tmp_path).values()
    assert (observed.name, observed.size) == ("street", (240, 320))
    assert observed.px_per_degree == 35
    points = observed.at(0)
    assert points.subjects.tolist() == ["ajs", "ajs", "hp", "hp"]  # the first fixation of each is left out
    np.testing.assert_allclose(points.xy[:2], [[160, 120], [215, 45]], atol=1.5)
    (tmp_path / "ALLSTIMULI" / "street.jpeg").unlink()
    with pytest.raises(DataError, match="no picture street"):
        mit1003(tmp_path)


@pytest.mark.parametrize(("points", "density"), [("Fixation_maps", "Fixation_maps_smoothed"), ("fixation", "maps")])
def test_davsod(tmp_path: Path, points: str, density: str) -> None:
    sequence = tmp_path / "Training Set" / "select_0006"
    for n in range(3):
        picture(sequence / "Imgs" / f"{n:04d}.png")
        picture(sequence / density / f"{n:04d}.png")
        marked = np.zeros((60, 80), np.uint8)
        marked[20, 30 + n] = 255
        (sequence / points).mkdir(exist_ok=True)
        Image.fromarray(marked).save(sequence / points / f"{n:04d}.png")
    (observed,) = open_fixations(tmp_path).values()
    assert (observed.name, len(observed.frames)) == ("select_0006", 3)
    assert observed.at(2).xy.tolist() == [[32.5, 20.5]]
    assert observed.density(2).shape == (60, 80)
    (sequence / points / "0001.png").unlink()
    with pytest.raises(DataError, match="3 frames in Imgs, 2 fixation maps"):
        vsod.watched(tmp_path)


def test_gazefollow(tmp_path: Path) -> None:
    picture(tmp_path / "test" / "00.jpg", (200, 100))
    line = "test/00.jpg,{id},0,0,1,1,{eye},0.5,{x},0.25,10,10,40,40,{inside},src,meta\n"
    path = tmp_path / "test_annotations_release.txt"
    rows = [line.format(id=k, eye=0.1, x=0.5 + k / 100, inside=1) for k in range(10)]
    rows += [line.format(id=11, eye=0.9, x=0.2, inside=1), line.format(id=11, eye=0.9, x=-1, inside=0)]
    path.write_text("".join(rows))
    found = gazefollow.stimuli(path, tmp_path)
    assert list(found) == ["test/00-0", "test/00-1"]  # two people in one picture
    ten = found["test/00-0"].at(0)
    np.testing.assert_allclose(ten.xy[:, 0], 100 + 2 * np.arange(10))
    assert ten.xy[:, 1].tolist() == [25.0] * 10
    assert len(set(ten.subjects.tolist())) == 10
    assert found["test/00-1"].at(0).xy.tolist() == [[40, 25]]
    path.write_text("".join(rows) + "test/00.jpg,5,0,0,1,1,0.1\n")
    with pytest.raises(DataError, match=r"line 13: path, id, body_x.* are expected"):
        open_fixations(path)


def test_an_import_is_a_data_set_of_one(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4", frames=40, size=(48, 64))
    options = AlignOptions(setup=Setup(SCREEN, SCREEN_CM, DISTANCE_CM))
    out = import_gaze([makers.plain(tmp_path, truth())], film, tmp_path / "out", options=options)
    (observed,) = open_fixations(out).values()
    table = read_fixations(out)
    assert (observed.name, observed.size, len(observed.frames)) == ("film", (48, 64), 40)
    assert observed.px_per_degree == pytest.approx(37.9 / 22.5, rel=0.01)
    np.testing.assert_allclose(observed.at(5).xy, table.select("x_px", "y_px").head(1).to_numpy(), atol=1e-6)
    assert len(observed.all()) == len(table)


@pytest.mark.data
def test_multiface_maps_hold_every_viewer(shared_data: Path) -> None:
    folder = shared_data / "video_fixations/multiface"
    table = pl.read_csv(folder / "011_fixations.csv")
    assert table["subject"].n_unique() == 39
    stimulus = Stimulus(folder / "011.mp4", (720, 1280), np.arange(400) / 25, 16.0)
    fixations = pl.DataFrame(
        {
            "subject": table["subject"].cast(pl.String),
            "onset_s": table["onset_ms"] / 1000,
            "duration_s": table["duration_ms"] / 1000,
            "x_px": table["x_px"].cast(pl.Float64),
            "y_px": table["y_px"].cast(pl.Float64),
            "frame": pl.zeros(len(table), pl.Int32, eager=True),
        }
    )
    frame = list(by_frame(fixations, stimulus))[100]
    assert 25 <= len(np.unique(frame.subjects)) <= 39
    assert density(frame.xy, (720, 1280), (32, 32)).sum() == pytest.approx(len(frame.xy), rel=1e-4)
