"""STANet on clips with and without sound, and on pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hostile.corpus import write_video
from models.stanet.conftest import TAGS, Noise
from sightline.apps.predict import Run
from sightline.errors import UsageError, WeightsError
from sightline.models import weights
from sightline.models.stanet.config import MovementConfig, STANetConfig
from sightline.models.stanet.loading import trunk_of
from sightline.models.stanet.network import STANet
from sightline.models.stanet.predictor import STANetPredictor, saliency_of
from sightline.nn.egnet import EGNet, EGNetConfig
from sightline.results.outputs import choose
from sightline.types import Frame, Prompt, VideoFrame
from sightline.video import open_source


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = STANet(STANetConfig(tags=TAGS, width=8, decoder_width=8, input_size=64))
    torch.nn.init.constant_(network.switch.seen.bias, 9.0)  # on, whatever is heard
    path = tmp_path_factory.mktemp("stanet")
    weights.save(network, network.config.model_dump(mode="json"), path)
    return path


@pytest.fixture
def model(folder: Path) -> STANetPredictor:
    return STANetPredictor(folder, torch.device("cpu"))


def results(model: STANetPredictor, clip: Noise) -> list[Frame]:
    return list(model.stream(clip, Prompt()))


def test_saliency_and_sound_of_every_frame(model: STANetPredictor) -> None:
    frames = results(model, Noise(7))
    assert [frame.index for frame in frames] == list(range(7))
    for frame in frames:
        assert frame.saliency is not None
        assert frame.saliency.shape == (48, 64)
        assert frame.saliency.max() == pytest.approx(1)
        assert frame.saliency.min() >= 0
        assert frame.sound is not None
        assert frame.sound.switch
        assert (frame.sound.start_s, frame.sound.end_s) == (frame.time_s - 0.5, frame.time_s + 0.5)
        assert frame.sound.tag in TAGS


@pytest.mark.parametrize("sound", [None, 0.0])
def test_no_track_and_a_silent_one_are_the_same(model: STANetPredictor, sound: float | None) -> None:
    """Both are what a closed switch gives."""
    silent = results(model, Noise(3, sound=sound))
    assert [frame.sound for frame in silent] == [None] * 3
    torch.nn.init.constant_(model.network.switch.seen.bias, -9.0)
    for off, quiet in zip(results(model, Noise(3)), silent, strict=True):
        assert off.sound is not None
        assert not off.sound.switch
        np.testing.assert_array_equal(off.saliency, quiet.saliency)


def test_sound_counts_where_the_switch_is_on(model: STANetPredictor) -> None:
    heard, silent = results(model, Noise(2)), results(model, Noise(2, sound=None))
    assert not np.allclose(heard[0].saliency, silent[0].saliency)


def test_without_a_switch_all_sound_counts(folder: Path, tmp_path: Path) -> None:
    config = STANetConfig.model_validate(weights.read_config(folder) | {"audio_switch": False})
    network = STANet(config)
    weights.load_into(network, folder)
    torch.nn.init.constant_(network.switch.seen.bias, -9.0)
    weights.save(network, config.model_dump(mode="json"), tmp_path)
    (frame,) = results(STANetPredictor(tmp_path, torch.device("cpu")), Noise(1))
    assert frame.sound is not None
    assert frame.sound.switch
    assert frame.sound.switch_score < 0.5


def test_a_picture_alone(model: STANetPredictor) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    (frame,) = model.predict(picture)
    assert frame.saliency is not None
    assert frame.saliency.shape == (30, 50)
    assert frame.sound is None


def test_no_prompt(model: STANetPredictor) -> None:
    with pytest.raises(UsageError, match="`point`: stanet takes none"):
        model.predict(np.zeros((8, 8, 3), np.uint8), point=(1, 1))


def test_frames_are_given_while_they_come(model: STANetPredictor) -> None:
    """A frame waits for the neighbour after it, 0.12 s or three frames on, and for no more."""
    taken: list[int] = []

    class Counted(Noise):
        def frames(self) -> Iterator[VideoFrame]:
            for frame in super().frames():
                taken.append(frame.index)
                yield frame

    for frame in model.stream(Counted(12), Prompt()):
        assert taken[-1] <= frame.index + 3


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that learned from recorded fixations: EG-Net's backbone is a part, there is no switch."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("watched")
    eyes = EGNetConfig(backbone="mobilenet-v2", width=8)
    egnet = EGNet(eyes)
    weights.save(egnet, eyes.model_dump(mode="json"), root / "egnet")
    config = STANetConfig(
        model="stanet-fixations",
        parts={"egnet": weights.part(root / "egnet")},
        width=8,
        decoder_width=8,
        input_size=64,
        egnet_decoder=True,
        output="density",
        centre_prior=True,
        movement=MovementConfig(),
        audio_switch=False,
    )
    weights.save(STANet(config, egnet.backbone), config.model_dump(mode="json"), root / "net")
    return root / "net"


@pytest.mark.parametrize("sound", [None, 0.0, 0.1])
@pytest.mark.parametrize("size", [(48, 64), (64, 48)])
def test_recorded_fixations(watched: Path, sound: float | None, size: tuple[int, int]) -> None:
    """With sound, a silent track, none; one frame is enough. All sound counts, and no tag is named."""
    model = STANetPredictor(watched, torch.device("cpu"))
    for count in (1, 5):
        frames = results(model, Noise(count, size, sound))
        assert len(frames) == count
        for frame in frames:
            assert frame.saliency is not None
            assert frame.saliency.shape == size
            assert frame.saliency.max() == pytest.approx(1)
            said = None if frame.sound is None else (frame.sound.switch, frame.sound.switch_score, frame.sound.tag)
            assert said == ((True, 1.0, "") if sound else None)


def test_a_silent_track_is_like_none(watched: Path) -> None:
    model = STANetPredictor(watched, torch.device("cpu"))
    heard, silent, none = (results(model, Noise(4, sound=level)) for level in (0.1, 0.0, None))
    for one, other in zip(silent, none, strict=True):
        np.testing.assert_allclose(one.saliency, other.saliency, atol=1e-5)
    assert not np.allclose(heard[3].saliency, none[3].saliency)


def test_sound_shorter_than_a_window(watched: Path, tmp_path: Path) -> None:
    """A track of 0.2 s under 0.8 s of pictures: heard as long as a window reaches it, zeros where there is none."""
    film = write_video(tmp_path / "short.mp4", frames=40, fps=25, size=(48, 64), sound_s=0.2)
    frames = list(STANetPredictor(watched, torch.device("cpu")).predict(film))
    assert len(frames) == 40
    heard = [frame.sound is not None for frame in frames]
    assert heard[0]
    assert not heard[-1]
    assert heard == sorted(heard, reverse=True)


def test_the_film_with_what_is_heard(watched: Path, tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4", frames=4, fps=25, size=(48, 64), sound_s=0.2)
    model = STANetPredictor(watched, torch.device("cpu"))
    Run(model, choose(model.gives, ["sound", "overlay", "overlay-sound"], model.name)).to_folder(film, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "overlay-sound.mp4",
        "overlay.mp4",
        "sound.csv",
        "summary.json",
    ]
    for name in ("overlay.mp4", "overlay-sound.mp4"):
        with open_source(tmp_path / "out" / name) as source:
            assert len(list(source.frames())) == 4


def test_the_part_belongs_to_the_weights(watched: Path, tmp_path: Path) -> None:
    model = STANetPredictor(watched, torch.device("cpu"))
    assert model.weights_sha256 != weights.sha256(watched)
    config = weights.read_config(watched)
    config["parts"]["egnet"]["sha256"] = "0" * 64
    weights.save(model.network, config, tmp_path / "other")
    with pytest.raises(WeightsError, match="not the weights that"):
        STANetPredictor(tmp_path / "other", torch.device("cpu"))


def test_a_borrowed_trunk_is_left_out_and_found_again(tmp_path: Path) -> None:
    """Weights without the trunk give what the whole ones give; another trunk is refused."""
    torch.manual_seed(0)
    whole = STANet(STANetConfig(tags=TAGS, width=8, decoder_width=8, input_size=64))
    weights.round_as_saved(whole)
    backbone = {f"backbone.{name}": value for name, value in whole.encoders.backbone.state_dict().items()}
    lender = {name: value.half() for name, value in backbone.items() if ".stages.0." in f".{name}"}
    (tmp_path / "trunk").mkdir()
    save_file(lender, tmp_path / "trunk" / "model.safetensors")
    weights.save(whole, whole.config.model_dump(mode="json"), tmp_path / "whole")
    assert whole.borrow(trunk_of(tmp_path / "trunk"))
    trunk = weights.Part(weights="./../trunk", sha256=weights.sha256(tmp_path / "trunk"))
    config = whole.config.model_copy(update={"parts": {"trunk": trunk}})
    weights.save(whole, config.model_dump(mode="json"), tmp_path / "less")
    held = load_file(tmp_path / "less" / "model.safetensors")
    assert not any(name.startswith("encoders.backbone.stages.0.") for name in held)
    assert any(name.startswith("encoders.backbone.stages.1.") for name in held)
    maps = [results(STANetPredictor(tmp_path / name, torch.device("cpu")), Noise(2)) for name in ("whole", "less")]
    for ours, theirs in zip(*maps, strict=True):
        np.testing.assert_array_equal(ours.saliency, theirs.saliency)
    other = {name: value + 1 for name, value in lender.items()}
    save_file(other, tmp_path / "trunk" / "model.safetensors")
    assert not whole.borrow(trunk_of(tmp_path / "trunk"))
    with pytest.raises(WeightsError, match="not the weights that"):
        STANetPredictor(tmp_path / "less", torch.device("cpu"))


def test_an_empty_map_stays_empty() -> None:
    assert saliency_of(torch.full((1, 1, 2, 2), -40.0), (4, 4)).max() < 1e-6
    assert saliency_of(torch.full((1, 1, 2, 2), -3.0), (4, 4)).max() == 1


def test_a_config_of_something_else(folder: Path, tmp_path: Path) -> None:
    weights.save(STANet(STANetConfig(tags=TAGS)), {"model": "scam"}, tmp_path)
    with pytest.raises(WeightsError, match=r"config\.json: model: "):
        STANetPredictor(tmp_path, torch.device("cpu"))
