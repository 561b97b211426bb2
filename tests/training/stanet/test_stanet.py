"""The chain of STANet's stages on miniature videos: rows, boxes, pseudo-fixations, and a few steps of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from hostile.corpus import write_video
from sightline.errors import DataError, UsageError
from sightline.models import weights
from sightline.models.stanet.labeller import Labeller
from sightline.models.stanet.loading import load_nets
from sightline.models.stanet.predictor import STANetPredictor
from sightline.nn.tagger import AudioTagger
from sightline.training.recipe import builder, read_recipe
from sightline.training.run import train
from sightline.training.stanet import rows
from sightline.training.stanet.counterfactual import other_sounds, with_other_sounds
from sightline.types import Prompt
from sightline.video import open_source

RATE = 32_000


class Loud(AudioTagger):
    """Hears a dog in whatever is not silent, as the first of the labels."""

    rate, labels = RATE, ("Dog", "Bird")

    def _batch(self, windows: np.ndarray) -> np.ndarray:
        return np.stack([[0.9, 0.0] if np.abs(window).max() > 1e-3 else [0.0, 0.0] for window in windows]).astype("f4")


@pytest.fixture(autouse=True)
def tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "load_tagger", lambda source: Loud())


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos of a second or less, two of each tag; one has no sound, one a single frame."""
    root = tmp_path_factory.mktemp("tagged")
    (root / "videos").mkdir()
    write_video(root / "videos/a.mp4", frames=20, fps=20, size=(48, 64), sound_s=1)
    write_video(root / "videos/b.mp4", frames=20, fps=20, size=(48, 64), sound_s=1)
    write_video(root / "videos/c.mp4", frames=16, fps=20, size=(64, 48))
    write_video(root / "videos/d.mp4", frames=1, fps=20, size=(48, 64))
    (root / "tags.csv").write_text("video,tag\na,dog\nb,bird\nc,dog\nd,bird\n")
    return root


@pytest.fixture
def settings(films: Path, tmp_path: Path, backbone: Path) -> Callable[..., Path]:
    """A recipe of three stages, small; some fields changed."""
    net = {"width": 8, "coarse_size": 64, "fine_size": 64, "box_factor": 0.5}
    steps = {"steps": 2, "learning_rate": 0.001, "warmup_steps": 1}
    common = {"train": "scam", "network": net, "backbone_weights": str(backbone)}

    def write(**changes: Any) -> Path:
        values = {
            "videos": [{"videos": str(films / "videos"), "tags": str(films / "tags.csv")}],
            "every_s": 0.4,
            "switch": {"tagger": "unused"},
            "batch_size": 3,
            "optimisation": steps,
            "stages": {
                "coarse": {**common, "stage": "coarse"},
                "fine": {**common, "stage": "fine", "init": "$OUT/coarse"},
                "sta": {
                    "train": "stanet",
                    "scam": "$OUT/fine",
                    "network": {"input_size": 64, "decoder_width": 8},
                    "kl_weight": 0.1,
                },
            },
            **changes,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("mobilenet")
    MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=1001, tf_padding=True)).save_pretrained(folder)
    return folder


def test_the_whole_chain(settings: Callable[..., Path], films: Path, tmp_path: Path) -> None:
    chain = read_recipe(settings(), ["stages.coarse.network.fusion=average", "stages.fine.network.fusion=average"])
    out = train(chain, tmp_path / "out")
    nets = load_nets(out / "fine")
    assert nets.config.tags == ("bird", "dog")
    before = load_nets(out / "coarse")
    for name, value in nets.coarse.state_dict().items():
        torch.testing.assert_close(value, before.coarse.state_dict()[name], atol=0, rtol=0, msg=name)
    moved = [not torch.equal(v, before.fine.state_dict()[k]) for k, v in nets.fine.state_dict().items()]
    assert any(moved)

    model = STANetPredictor(out, torch.device("cpu"))
    assert model.network.config.tags == ("bird", "dog")
    torch.testing.assert_close(model.network.switch.state_dict(), nets.switch.state_dict(), atol=0, rtol=0)
    (frame,) = model.predict(films / "videos/d.mp4")
    assert frame.saliency is not None
    assert frame.saliency.shape == (48, 64)
    labeller = Labeller(out / "fine", torch.device("cpu")).tagged(["dog"])
    with open_source(films / "videos/a.mp4") as source:
        assert len(list(labeller.stream(source, Prompt()))) == 20


def stage(path: Path, name: str, *overrides: str) -> Any:
    chain = read_recipe(path, overrides)
    recipe = chain.stages[name]
    task, data = builder(recipe)(recipe)
    task.log = lambda *args: None  # no trainer is there to take it
    return task, data


def test_rows_of_videos(settings: Callable[..., Path], films: Path) -> None:
    task, data = stage(settings(), "coarse")
    clips = {clip.video.path.stem: clip for clip in data.frames.clips}
    assert {name: len(clip) for name, clip in clips.items()} == {"a": 3, "b": 3, "c": 2, "d": 1}
    assert clips["c"].size == (64, 48)
    a, b, c = (clips[name].rows() for name in "abc")
    assert a.level4.shape == (3, 3, 96, 4, 4)
    assert a.tags.tolist() == [[0, 1]] * 3
    assert a.sound.tolist() == [1, 1, 1]
    assert a.switch.tolist() == [1, 1, 1], "a dog is heard"
    assert b.switch.tolist() == [0, 0, 0], "a dog is heard, a bird is tagged"
    assert c.sound.tolist() == c.switch.tolist() == [0, 0]
    assert c.audio.abs().sum() == 0
    assert task.network.config.tags == ("bird", "dog")


def test_a_sound_of_several_tags_belongs_to_each(settings: Callable[..., Path], films: Path, tmp_path: Path) -> None:
    """Speech is one of the sounds of a person, and a tag as well."""
    (tmp_path / "labels.yaml").write_text("dog: [Dog]\nhound: [Dog, Bird]\nbird: [Bird]\n")
    (tmp_path / "tags.csv").write_text("video,tag\na,dog\nb,hound\nc,bird\nd,bird\n")
    videos = [{"videos": str(films / "videos"), "tags": str(tmp_path / "tags.csv")}]
    switch = {"tagger": "unused", "labels": str(tmp_path / "labels.yaml")}
    _, data = stage(settings(videos=videos, switch=switch), "coarse")
    belongs = {clip.video.path.stem: clip.rows().switch.tolist() for clip in data.frames.clips}
    assert belongs == {"a": [1, 1, 1], "b": [1, 1, 1], "c": [0, 0], "d": [0]}


def test_what_a_stage_trains(settings: Callable[..., Path], tmp_path: Path) -> None:
    task, data = stage(settings(), "coarse")
    parts = {name.split(".")[0] for name, p in task.network.named_parameters() if p.requires_grad}
    assert parts == {"coarse", "switch"}
    batch = next(iter(data.frames))
    assert batch.rows.tags.sum(dim=1).tolist() == [1, 1, 1]
    task.training_step(batch, 0).backward()
    idle = [n for n, p in task.network.named_parameters() if p.requires_grad and p.grad is None]
    assert idle in ([], ["switch.heard.1.weight", "switch.heard.1.bias"])  # no sound of its tag among the three
    weights.save(task.network, task.network.config.model_dump(mode="json"), tmp_path / "coarse")
    with pytest.raises(UsageError, match="`init`: the fine stage crops what the coarse nets find"):
        stage(settings(), "fine", "stages.coarse=null", "stages.sta=null", "init=null")


def test_batches_are_the_same_again_and_can_be_gone_on_with(settings: Callable[..., Path]) -> None:
    _, data = stage(settings(), "coarse")
    whole = [batch for _, batch in zip(range(4), data.frames, strict=False)]
    data.frames.start = 2
    later = next(iter(data.frames))
    torch.testing.assert_close(later.rows.level5, whole[2].rows.level5)


def test_sources(settings: Callable[..., Path], films: Path, tmp_path: Path) -> None:
    nowhere = settings(videos=[{"videos": str(tmp_path / "none"), "tags": str(films / "tags.csv")}])
    with pytest.raises(DataError, match=r"none: no such folder of videos"):
        stage(nowhere, "coarse")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"none: no videos in it"):
        stage(nowhere, "coarse")
    with pytest.raises(DataError, match=r"tag bird: not among network\.tags"):
        stage(settings(), "coarse", "stages.coarse.network.tags=[dog]")


def test_no_pseudo_fixations_at_all(settings: Callable[..., Path], tmp_path: Path) -> None:
    task, _ = stage(settings(), "coarse")
    for net in (*task.network.coarse.values(), *task.network.fine.values()):
        torch.nn.init.zeros_(net.classifier.weight)
        torch.nn.init.zeros_(net.classifier.bias)
    folder = tmp_path / "blind"
    weights.save(task.network, task.network.config.model_dump(mode="json"), folder)
    with pytest.raises(DataError, match="no frame has pseudo-fixations"):
        stage(settings(), "sta", "stages.coarse=null", "stages.fine=null", f"stages.sta.scam={folder}")


def test_features_are_kept_from_stage_to_stage(
    settings: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights are saved as float16; the encoders of the first stage are already what the second one loads."""
    task, _ = stage(settings(), "coarse")
    folder = tmp_path / "coarse"
    weights.save(task.network, task.network.config.model_dump(mode="json"), folder)
    made: list[str] = []
    write = rows.RowStore._write

    def counted(store: rows.RowStore, video: Any, boxes: Any, writer: Any) -> None:
        made.append("whole" if boxes is None else "crop")
        write(store, video, boxes, writer)

    monkeypatch.setattr(rows.RowStore, "_write", counted)
    stage(settings(), "fine", "stages.coarse=null", "stages.sta=null", f"init={folder}")
    assert set(made) == {"crop"}


def test_matches_and_mismatches_of_the_switch_count_alike(settings: Callable[..., Path]) -> None:
    """A switch that says p for everything costs -(log p + log(1 - p)) / 2, however many of each there are."""
    task, data = stage(settings(), "coarse")
    clip = {clip.video.path.stem: clip for clip in data.frames.clips}["a"]
    seen, heard = task.network.switch.seen, task.network.switch.heard[1]
    for layer in (seen, heard):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.constant_(seen.bias, 1.0)
    p = torch.sigmoid(torch.tensor(1.0))
    q = torch.sigmoid(torch.tensor(1 / 3))  # against the other tag and none
    one = clip.rows([0, 1, 2])
    mixed = one._replace(switch=torch.tensor([1.0, 0.0, 0.0]), tags=torch.eye(2)[[0, 1, 1]])
    heard_tags = torch.log(torch.tensor(2.0))
    seen_tags = -(p.log() + (1 - p).log()) / 2
    expected = -(q.log() + (1 - q).log()) / 2 + heard_tags + seen_tags
    torch.testing.assert_close(task._switch_loss(mixed), expected, atol=1e-5, rtol=0)


class Sees(torch.nn.Module):
    """Shows one tag or both everywhere; by their logits."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def places(self, level4: torch.Tensor, level5: torch.Tensor) -> torch.Tensor:
        return self.logits[None, :, None, None].expand(len(level4), -1, 4, 4)


def test_other_sounds_are_those_of_another_tag_that_is_seen(settings: Callable[..., Path]) -> None:
    task, data = stage(settings(), "coarse")
    clips = {clip.video.path.stem: clip for clip in data.frames.clips}
    a, b = clips["a"], clips["b"]  # a dog that is heard; a bird, and a dog is heard
    nets = task.network
    nets.switch = Sees(2.0, 3.0)
    assert list(other_sounds(nets, [a, b], 0)) == [1], "of birds there is no sound"
    other = other_sounds(nets, [a, b], 0)[1]
    assert other.video.tags == ("dog",)
    rows = other.rows()
    assert rows.tags.tolist() == [[0, 1]] * 3
    assert rows.switch.tolist() == [1, 1, 1]
    assert all((a.rows().audio == sound).all(dim=1).any() for sound in rows.audio)
    torch.testing.assert_close(rows.level5, b.rows().level5)
    nets.switch = Sees(2.0, -3.0)
    assert other_sounds(nets, [a, b], 0) == {}, "no dog is seen"


def test_silence_has_the_mean_of_what_sounds_give(settings: Callable[..., Path]) -> None:
    _, data = stage(settings(), "coarse")
    clips = {clip.video.path.stem: clip for clip in data.frames.clips}
    a, b = clips["a"], clips["b"]
    own = [torch.full((3, 2, 2), 0.2), torch.full((3, 2, 2), 0.4)]
    other = torch.full((3, 2, 2), 0.8)
    other[2] = 0
    seen, pseudo = with_other_sounds([a, b], own, {1: replace(b, sounds=a.rows().audio)}, [other])
    assert len(seen) == len(pseudo) == 5
    silent = seen[3:]
    assert [clip.rows().sound.tolist() for clip in silent] == [[0, 0, 0]] * 2
    assert [clip.rows([1]).switch.tolist() for clip in silent] == [[0]] * 2
    torch.testing.assert_close(pseudo[3], own[0])
    torch.testing.assert_close(pseudo[4][:, 0, 0], torch.tensor([0.6, 0.6, 0.4]))
