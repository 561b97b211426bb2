"""Scenes on disk: what photographs and videos become, made once, the same again; scribbles and densities."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sightline.data import davis, image_fixations
from sightline.errors import DataError
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.network import EGCNet
from sightline.nn.egnet import EGNetConfig
from sightline.training.egcnet import scenes
from sightline.training.egcnet.scenes import FINE, GRID, SceneStore, fixation_grid, scribbles


@pytest.fixture(scope="module")
def network() -> EGCNet:
    torch.manual_seed(0)
    sight = EGNetConfig(backbone="mobilenet-v2", width=8, input_size=64)
    return EGCNet(EGCNetConfig(sight=sight, width=8, query_width=32)).eval()


def test_a_photograph_becomes_a_whole_its_mirror_image_and_a_part(data: Path, network: EGCNet) -> None:
    sample = image_fixations.images(data / "fixations")[0]
    scene = SceneStore(network).photographs([sample])[0]
    assert scene.images.shape == (3, 3, *FINE)
    assert [tuple(level.shape[:1]) for level in scene.encoded] == [(3,)] * 5
    difference = scene.images[0].float() - scene.images[1].flip(-1).float()
    assert difference.abs().max() <= 1
    assert scene.density is not None
    torch.testing.assert_close(scene.density.float().sum(dim=(1, 2, 3))[:2], torch.ones(2), atol=0.01, rtol=0)
    torch.testing.assert_close(scene.density[0], scene.density[1].flip(-1))
    left, top, size = scene.windows[2].tolist()
    assert 0.6 <= size <= 0.9
    assert left + size <= 1
    assert top + size <= 1


def test_a_video_and_its_mirror_image(data: Path, network: EGCNet) -> None:
    sequence = davis.sequences(data / "videos")[0]
    store = SceneStore(network)
    plain, mirrored = store.sequence(sequence), store.sequence(sequence, mirrored=True)
    assert len(plain) == len(sequence)
    assert plain.density is None
    torch.testing.assert_close(plain.motion, mirrored.motion.flip(-1))
    assert (plain.images.float() - mirrored.images.flip(-1).float()).abs().max() <= 1
    assert mirrored.name == f"{sequence.name}-mirrored"


def test_a_video_of_a_set_with_fixations_has_theirs(data: Path, network: EGCNet, tmp_path: Path) -> None:
    sequence = davis.sequences(data / "videos")[0]
    height, width = sequence.load(0)[0].shape[:2]
    marked = np.zeros((height, width), np.uint8)
    marked[height // 4, 3 * width // 4] = 255
    Image.fromarray(marked).save(tmp_path / "fixations.png")
    maps = [tmp_path / "fixations.png", *[None] * (len(sequence) - 1)]
    watched = replace(sequence, fixation_maps=maps)
    store = SceneStore(network)
    assert store.sequence(sequence).density is None
    plain, mirrored = store.sequence(watched).density, store.sequence(watched, mirrored=True).density
    assert plain is not None
    assert mirrored is not None
    row, column = divmod(int(plain[0].argmax()), GRID[1])
    assert abs(row - GRID[0] / 4) <= 1
    assert abs(column - 3 * GRID[1] / 4) <= 1
    torch.testing.assert_close(plain, mirrored.flip(-1))
    assert not plain[1:].any()


def write_import(folder: Path, stimulus: Path, size: tuple[int, int], frames: int) -> None:
    """What `sightline gaze import` leaves: one viewer at the middle of the lower right quarter, all the time."""
    folder.mkdir()
    said = {"stimulus": {"path": str(stimulus), "size": size, "end_s": frames / 25 if frames > 1 else None}}
    (folder / "provenance.json").write_text(json.dumps({**said, "recordings": [{"stimulus_px_per_degree": [9, 9]}]}))
    (folder / "frames.csv").write_text("frame,time_s\n" + "".join(f"{k},{k / 25}\n" for k in range(frames)))
    (folder / "fixations.csv").write_text(
        f"subject,onset_s,duration_s,x_px,y_px,frame\nann,0,{frames / 25},{0.75 * size[1]},{0.75 * size[0]},0\n"
    )


def test_an_import_of_gaze_is_a_watched_video(data: Path, network: EGCNet, tmp_path: Path) -> None:
    sequence = davis.sequences(data / "videos")[0]
    frames = sequence.frames[0].parent
    write_import(tmp_path / "film", frames, sequence.load(0)[0].shape[:2], len(sequence))
    (scene,) = SceneStore(network).watched(tmp_path / "film")
    assert (scene.name, scene.kind, len(scene)) == (frames.name, "watched", -(-len(sequence) // scenes.STEP))
    assert scene.density is not None
    row, column = divmod(int(scene.density[0].argmax()), GRID[1])
    assert abs(row - 0.75 * GRID[0]) <= 1
    assert abs(column - 0.75 * GRID[1]) <= 1


def test_what_is_no_video_is_not_watched(data: Path, network: EGCNet, tmp_path: Path) -> None:
    write_import(tmp_path / "photo", tmp_path / "photo.jpg", (48, 64), 1)
    with pytest.raises(DataError, match="photo is no video with fixations; take it out of `watched`"):
        SceneStore(network).watched(tmp_path / "photo")


def test_scenes_are_made_once_and_by_what_they_depend_on(
    data: Path, network: EGCNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = davis.sequences(data / "videos")[0]
    write_import(tmp_path / "film", sequence.frames[0].parent, sequence.load(0)[0].shape[:2], len(sequence))
    first = SceneStore(network).sequence(sequence)
    (imported,) = SceneStore(network).watched(tmp_path / "film")
    monkeypatch.setattr(SceneStore, "_video", lambda *_, **__: pytest.fail("made again"))
    again = SceneStore(network).sequence(sequence)
    torch.testing.assert_close(first.encoded.level4, again.encoded.level4)
    monkeypatch.setattr(scenes, "read_observed", lambda _: pytest.fail("frame times are found out again"))
    (kept,) = SceneStore(network).watched(tmp_path / "film")
    torch.testing.assert_close(kept.density, imported.density)
    torch.manual_seed(5)
    other = EGCNet(network.config).eval()
    with pytest.raises(pytest.fail.Exception, match="made again"):
        SceneStore(other).sequence(sequence)
    (tmp_path / "film/fixations.csv").touch()
    with pytest.raises(pytest.fail.Exception, match="found out again"):
        SceneStore(network).watched(tmp_path / "film")


def test_fixations_on_the_grid_keep_their_place() -> None:
    density = fixation_grid(np.array([[0.25, 0.5], [2.0, 0.5]]), 0.028)
    assert density.sum() == pytest.approx(1, abs=1e-5)
    row, column = np.unravel_index(density.argmax(), GRID)
    assert (row, column) == (GRID[0] // 2, GRID[1] // 4)
    assert fixation_grid(np.empty((0, 2)), 0.028).sum() == 0


def test_scribbles_lie_where_they_say_and_are_mirrored_too(data: Path) -> None:
    sequence = davis.sequences(data / "videos")[0]
    drawn = scribbles([sequence], seed=0)
    strokes = drawn[sequence.name]
    assert strokes.shape == (len(sequence), 1, *FINE)
    torch.testing.assert_close(strokes, drawn[f"{sequence.name}-mirrored"].flip(-1))
    mask = sequence.load(0)[1]
    assert mask is not None
    inside = torch.nn.functional.interpolate(torch.from_numpy(mask)[None, None].float(), size=FINE)[0, 0] > 0
    assert (inside | (strokes[0, 0] != 1)).all()
    assert (strokes[0, 0] == 1).any()
    assert (strokes[0, 0] == 0).any()


def test_a_set_s_own_scribbles_are_taken(data: Path, tmp_path: Path) -> None:
    sequence = davis.sequences(data / "videos")[0]
    height, width = sequence.load(0)[0].shape[:2]
    strokes = np.zeros((2, height, width), np.uint8)  # the object's, and all
    strokes[:, height // 2, : width // 2] = 255
    strokes[1, 1] = 255
    paths = tmp_path / "object.png", tmp_path / "all.png"
    for picture, path in zip(strokes, paths, strict=True):
        Image.fromarray(picture).save(path)
    drawn = scribbles([replace(sequence, scribbles=[paths, *[None] * (len(sequence) - 1)])], seed=0)
    labels = drawn[sequence.name][0, 0]
    rows, columns = (labels == 1).nonzero(as_tuple=True)
    assert (rows - FINE[0] / 2).abs().max() <= 1
    assert columns.max() <= FINE[1] / 2 + 1
    assert (labels[:2] == 0).any()
    assert (drawn[sequence.name][1:] == -1).all()
    torch.testing.assert_close(drawn[f"{sequence.name}-mirrored"], drawn[sequence.name].flip(-1))


def test_the_widest_window_follows_the_fixations() -> None:
    right = np.array([[300.0, 20.0]] * 5 + [[10.0, 20.0]])
    left, top, end, bottom = scenes._widest((320, 100), right)
    assert left <= 300 < end <= 320
    assert left > 10
    assert (bottom - top) / (end - left) == pytest.approx(FINE[0] / FINE[1])
