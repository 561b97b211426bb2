"""`sightline.load` and `sightline.predict` on folders with random weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sightline
import sightline.models
from hostile.corpus import write_video
from models.small import inner, save_parts, save_wcsnet
from sightline.errors import SourceError, UsageError, WeightsError
from sightline.models import weights
from sightline.models.wcsnet.config import Gaze2MaskConfig
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.predictor import EGNetPredictor, WCSNetPredictor
from sightline.nn.egnet import predict_saliency
from sightline.results.outputs import OUTPUTS
from sightline.video import open_source


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("wcsnet")
    save_wcsnet(path)
    return path


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_folder_is_loaded_by_what_its_config_says(folder: Path) -> None:
    whole, alone = sightline.load(folder, "cpu"), sightline.load(str(folder / "egnet"), "cpu")
    assert isinstance(whole, WCSNetPredictor)
    assert isinstance(alone, EGNetPredictor)
    assert whole.gives == {"saliency", "probability", "masks", "hotspots"}
    assert whole.takes == {"point", "not_point", "box", "mask", "at_s", "objects"}
    assert alone.gives == {"saliency"}
    assert alone.takes == set()
    assert alone.weights_sha256 == weights.sha256(folder / "egnet")
    assert whole.weights_sha256 not in {weights.sha256(folder), alone.weights_sha256}


def test_a_part_with_another_checksum_is_refused(copy: Path) -> None:
    before = sightline.load(copy, "cpu").weights_sha256
    config = Gaze2MaskConfig(**{**weights.read_config(copy / "gaze2mask")})
    weights.save(Gaze2Mask(config), config.model_dump(mode="json"), copy / "gaze2mask")
    with pytest.raises(WeightsError, match=r"gaze2mask: not the weights that .*config\.json names as gaze2mask"):
        sightline.load(copy, "cpu")
    save_parts(copy, {name: inner(copy, name) for name in ("egnet", "gaze2mask")})
    assert sightline.load(copy, "cpu").weights_sha256 != before


def test_a_model_can_come_from_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repository, allow_patterns: str(folder / "egnet"))
    assert isinstance(sightline.load("someone/egnet", "cpu"), EGNetPredictor)


def test_parts_are_looked_up_only_where_the_config_says(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = copy.parent / "shipped"
    shutil.move(copy / "egnet", shipped / "egnet")
    monkeypatch.setattr(weights, "SHIPPED", shipped)
    with pytest.raises(WeightsError, match="egnet: no such folder"):
        sightline.load(copy, "cpu")
    save_parts(copy, {"egnet": weights.part("egnet"), "gaze2mask": inner(copy, "gaze2mask")})
    assert isinstance(sightline.load(copy, "cpu"), WCSNetPredictor)
    save_parts(copy, {"egnet": weights.part("egnet")})
    with pytest.raises(WeightsError, match="gaze2mask is not named there"):
        sightline.load(copy, "cpu")


def test_a_listed_name_is_never_a_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder / "egnet", tmp_path / "egnet")
    shutil.copytree(folder / "egnet", tmp_path / "run/mine")
    monkeypatch.chdir(tmp_path)
    shipped = weights.sha256(weights.SHIPPED / "egnet")
    assert sightline.load("egnet", "cpu").weights_sha256 == shipped
    for name in ("./egnet", Path("egnet"), "./run/mine"):
        assert sightline.load(name, "cpu").weights_sha256 == weights.sha256(folder / "egnet") != shipped
    with pytest.raises(WeightsError, match=r"run/mine: a Hub id, but a folder .* write \./run/mine"):
        sightline.load("run/mine", "cpu")


def test_a_model_too_large_to_ship_names_its_hub_id(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    info = sightline.models.ModelInfo("big", "sightline.models.wcsnet.predictor:EGNetPredictor", "none, 2026", "me/big")
    monkeypatch.setattr(sightline.models, "REGISTRY", (*sightline.models.REGISTRY, info))
    asked = []

    def fetch(repository: str, allow_patterns: list[str]) -> str:
        asked.append(repository)
        return str(folder / "egnet")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert isinstance(sightline.load("big", "cpu"), EGNetPredictor)
    assert asked == ["me/big"]
    assert not info.shipped


def test_predict_checks_at_once(folder: Path, frames: np.ndarray, tmp_path: Path) -> None:
    model = sightline.load(folder, "cpu")
    with pytest.raises(SourceError, match="no such file"):
        model.predict(tmp_path / "missing.mp4")
    with pytest.raises(ValueError, match="`fixations`: wcsnet takes none"):
        model.predict(frames, fixations={})
    with pytest.raises(ValueError, match="`point` 64,3 is outside of the 64x48"):
        model.predict(frames, point=(64, 3))
    with pytest.raises(ValueError, match="`not_point` 3,48 is outside of the 64x48"):
        model.predict(frames, point=(3, 3), not_point=[(9, 9), (3, 48)])
    with pytest.raises(ValueError, match=r"`at_s` 5: the clip ends at 0\.16 s"):
        model.predict(frames, point=(3, 3), at_s=5)
    with pytest.raises(ValueError, match="`box` 90,0,99,9 holds nothing"):
        model.predict(frames, point=(3, 3), objects=[{"box": (90, 0, 99, 9)}])
    with pytest.raises(ValueError, match="`mask` is empty"):
        model.predict(frames, objects=[{"mask": np.zeros((48, 64), bool)}])
    with pytest.raises(ValueError, match="`mask` is"):
        model.predict(frames, mask=np.ones((3, 3), bool))


@pytest.mark.parametrize(
    "prompt", [{"point": (30, 20)}, {"box": (10, 8, 40, 30)}, {"mask": np.eye(48, 64) > 0}], ids=str
)
def test_a_prompt_chooses_the_target(folder: Path, frames: np.ndarray, prompt: dict) -> None:
    first, *_ = sightline.load(folder, "cpu").predict(frames, **prompt)
    assert first.state == "start"
    if "mask" in prompt:
        np.testing.assert_array_equal(first.mask > 0, prompt["mask"])
    if "box" in prompt:
        rows, columns = np.nonzero(first.mask)
        assert rows.min() >= 8
        assert rows.max() < 30
        assert columns.min() >= 10
        assert columns.max() < 40


@pytest.mark.parametrize("name", ["resnet", "", "gaze2mask2"])
def test_unknown_names_are_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown model .*: choose one of wcsnet, egnet, egcnet, .*a folder"):
        sightline.load(name)


def test_an_unknown_device_is_said_before_weights_are_read() -> None:
    with pytest.raises(UsageError, match="`device` 'gpu'"):
        sightline.load("wcsnet", device="gpu")


def test_damaged_weights_and_wrong_configs(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    cases = [
        ({**config, "model": "gaze2mask"}, "not a model that predicts on its own"),
        ({**config, "model": None}, "not a model that predicts on its own"),
        ({**config, "colour": 1}, r"config\.json: colour: "),
        ({**config, "width": "wide"}, r"config\.json: width: "),
        ({**config, "width": 16}, r"model\.safetensors: does not fit"),
        ({**config, "levels": [1]}, r"model\.safetensors: does not fit"),
        # Networks that no memory holds are none that is tried.
        ({**config, "width": 90_000}, r"model\.safetensors: does not fit"),
        ({**config, "width": 2**40}, r"config\.json: width: .*more than 100000"),
        ({**config, "feature_limit": float("inf")}, r"config\.json: feature_limit: .*finite"),
    ]
    for changed, message in cases:
        (copy / "config.json").write_text(json.dumps(changed))
        with pytest.raises(WeightsError, match=message) as caught:
            sightline.load(copy, "cpu")
        assert "\n" not in str(caught.value)
    (copy / "config.json").write_text(json.dumps(config))
    for part in ("", "egnet", "gaze2mask"):
        path = copy / part / "model.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[:1000])
        message = f"{path}: damaged" if not part else f"{path.parent}: not the weights that"
        with pytest.raises(WeightsError, match=message):
            sightline.load(copy, "cpu")
        path.write_bytes(content)
    (copy / "config.json").write_text(json.dumps({**config, "backbone": "vgg"}))
    with pytest.raises(WeightsError, match=r"config\.json: no network can be made of it \(unknown backbone 'vgg'"):
        sightline.load(copy, "cpu")


def test_several_objects_have_numbers_boxes_and_hotspots_of_their_own(folder: Path, frames: np.ndarray) -> None:
    left, right = np.zeros((48, 64), bool), np.zeros((48, 64), bool)
    left[10:30, 5:25], right[12:40, 30:60] = True, True
    model = sightline.load(folder, "cpu")
    first, *others = model.predict(frames, mask=left, objects=[{"mask": right, "at_s": 0.04}])
    np.testing.assert_array_equal(first.mask, left)
    assert [(track.number, track.state) for track in first.tracks] == [(1, "start"), (2, "lost")]
    assert [(thing.number, thing.box) for thing in first.objects] == [(1, (5, 10, 25, 30))]
    assert first.hotspot == first.tracks[0].hotspot
    assert others[0].tracks[1].state == "start"
    assert others[0].objects[-1].box == (30, 12, 60, 40)
    assert others[0].probability.max() == 1


def test_a_cue_after_the_last_frame_of_a_stream_is_a_note_or_where_it_is_all_an_error(
    folder: Path, frames: np.ndarray
) -> None:
    model = sightline.load(folder, "cpu")
    list(model.predict(iter(frames), point=(30, 20), objects=[{"point": (9, 9), "at_s": 7.0}]))
    assert model.notes == ("`at_s` 7 of object 2: the clip ends at 0.12 s, so it was left out",)
    with pytest.raises(ValueError, match=r"`at_s` 7 of object 1: the clip ends at 0\.12 s; give an earlier time"):
        list(model.predict(iter(frames), point=(30, 20), at_s=7.0))


def test_every_listed_model_is_named_once_and_says_what_it_gives() -> None:
    models = sightline.list_models()
    assert len({model.name for model in models}) == len(models)
    assert {"wcsnet", "egnet"} <= {model.name for model in models}
    for model in models:
        assert model.gives <= {kind.name for kind in OUTPUTS}
        assert model.takes <= {"point", "not_point", "box", "mask", "at_s", "objects", "fixations", "heads"}
        assert "20" in model.paper
        assert model.folders


def test_a_file_an_array_a_folder_and_an_iterator_give_the_same(
    folder: Path, frames: np.ndarray, tmp_path: Path
) -> None:
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number:05}.png")
    model = sightline.load(folder, "cpu")
    results = [list(model.predict(source)) for source in (frames, iter(frames), tmp_path, str(tmp_path))]
    for other in results:
        assert [frame.index for frame in other] == [0, 1, 2, 3]
        assert [frame.time_s for frame in other] == pytest.approx([0, 0.04, 0.08, 0.12])
        for first, second in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(first.saliency, second.saliency)
            np.testing.assert_array_equal(first.mask, second.mask)
    assert [frame.time_s for frame in model.predict(frames, fps=2)] == pytest.approx([0, 0.5, 1, 1.5])


def test_a_video_is_streamed_with_its_own_times(folder: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4", frames=6)
    model = sightline.load(folder, "cpu")
    with open_source(video) as source:
        decoded = list(source)
    results = list(model.predict(video))
    assert [frame.time_s for frame in results] == [frame.time_s for frame in decoded]
    arrays = model.predict(np.stack([frame.image for frame in decoded]))
    for first, second in zip(results, arrays, strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.saliency, second.saliency)


def test_every_frame_has_what_the_model_promises(folder: Path, frames: np.ndarray) -> None:
    for frame in sightline.load(folder, "cpu").predict(frames):
        np.testing.assert_array_equal(frame.image, frames[frame.index])
        assert frame.saliency.shape == (48, 64)
        assert frame.saliency.dtype == np.float32
        assert 0 <= frame.saliency.min() <= frame.saliency.max() <= 1 + 1e-6
        assert frame.mask is not None
        assert frame.mask.shape == (48, 64)
        assert frame.mask.dtype == np.uint8
        assert set(np.unique(frame.mask)) <= {0, 1}
        assert (frame.hotspot is None) == (frame.state == "lost")
        assert frame.state == "start" if frame.index == 0 else frame.state in {"start", "track", "lost"}


def test_of_a_single_picture_the_saliency_is_where_people_look(
    folder: Path, frames: np.ndarray, tmp_path: Path
) -> None:
    model = sightline.load(folder, "cpu")
    Image.fromarray(frames[0]).save(tmp_path / "one.png")
    (frame,) = model.predict(tmp_path / "one.png")
    assert isinstance(model, WCSNetPredictor)
    np.testing.assert_allclose(frame.saliency, predict_saliency(frames[0], model.egnet), atol=1e-6)
    assert frame.mask is not None
    assert frame.hotspot is not None
    (alone,) = sightline.load(folder / "egnet", "cpu").predict(frames[0])
    np.testing.assert_allclose(alone.saliency, frame.saliency, atol=1e-6)
    assert alone.mask is None
    assert alone.state is None


def test_a_single_picture_has_the_input_of_a_picture(copy: Path, frames: np.ndarray) -> None:
    config = json.loads((copy / "egnet/config.json").read_text())
    (copy / "egnet/config.json").write_text(json.dumps(config | {"picture_size": 128}))
    alone = sightline.load(copy / "egnet", "cpu")
    assert isinstance(alone, EGNetPredictor)
    as_picture, as_frame = (predict_saliency(frames[0], alone.network, side) for side in (128, None))
    assert np.abs(as_picture - as_frame).max() > 1e-3
    for model in (alone, sightline.load(copy, "cpu")):
        (found,) = model.predict(frames[0])
        np.testing.assert_allclose(found.saliency, as_picture, atol=1e-6)
    first, *_ = alone.predict(frames)
    np.testing.assert_allclose(first.saliency, as_frame, atol=1e-6)
    np.testing.assert_allclose(alone.saliency(frames[0]), as_picture, atol=1e-6)


def test_results_come_while_frames_are_still_coming(folder: Path, frames: np.ndarray) -> None:
    """A generator: the model reads a few frames ahead at most, so memory does not grow with the video."""
    read = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal read
        while True:
            read += 1
            yield frames[read % 4]

    results = sightline.predict(endless(), model=str(folder), device="cpu")
    for _ in range(5):
        next(results)
    assert read < 40
    results.close()  # type: ignore[attr-defined]


def test_an_empty_source_gives_a_clear_error(folder: Path, tmp_path: Path) -> None:
    model = sightline.load(folder / "egnet", "cpu")
    for source in (tmp_path, tmp_path / "missing.mp4", np.zeros((0, 4, 4, 3), dtype=np.uint8)):
        with pytest.raises(SourceError):
            list(model.predict(source))


def test_a_name_that_is_none() -> None:
    with pytest.raises(ValueError, match="`name` is a NoneType"):
        sightline.load(None)  # type: ignore[arg-type]
