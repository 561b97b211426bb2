"""Audio taggers on real sounds and with random weights; tags and their labels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from sightline.errors import DataError, WeightsError
from sightline.nn.tagger import AstTagger, AudioTagger, MobileNetTagger, load_tagger, read_tags


class Parrot(AudioTagger):
    """Hears what its samples say: entry k of a window is the probability of label k."""

    rate = 4
    labels = ("Dog", "Bark", "Fixed-wing aircraft, airplane", "Banjo")

    def _batch(self, windows: np.ndarray) -> np.ndarray:
        return windows.astype(np.float32)


def decode(path: Path, rate: int) -> np.ndarray:
    with av.open(path) as container:
        resample = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        blocks = [block for frame in container.decode(audio=0) for block in resample.resample(frame)]
    return np.concatenate([block.to_ndarray()[0] for block in blocks])


def test_a_tag_is_as_sure_as_the_strongest_of_its_labels() -> None:
    windows = np.array([[0.1, 0.8, 0.3, 0.0], [0.5, 0.2, 0.0, 0.9]])
    tags = ["Dog", "dog_bark", "aeroplane", "BANJO", "unicorn"]
    expected = [[0.8, 0.8, 0.3, 0, 0], [0.5, 0.5, 0, 0.9, 0]]
    np.testing.assert_allclose(Parrot().scores(windows, tags), expected, atol=1e-6)
    assert Parrot().unheard(tags) == ["unicorn"]
    own = {"unicorn": ("Bark",), "dog": ("Banjo",)}
    np.testing.assert_allclose(Parrot().scores(windows, ["unicorn", "dog"], own), [[0.8, 0], [0.2, 0.9]], atol=1e-6)


def test_no_windows_and_many_windows() -> None:
    assert Parrot().scores(np.zeros((0, 4)), ["dog"]).shape == (0, 1)
    windows = np.random.default_rng(0).random((37, 4))
    np.testing.assert_allclose(Parrot().probabilities(windows), windows, atol=1e-6)


def test_the_default_map_speaks_of_audioset_alone(shared_data: Path) -> None:
    with (shared_data / "weights" / "mn04_as" / "labels.csv").open(newline="") as file:
        known = {row["display_name"] for row in csv.DictReader(file)}
    tags = read_tags()
    assert {label for labels in tags.values() for label in labels} <= known
    voc = (shared_data / "weights" / "pascal_voc_segmentation_labels.txt").read_text().splitlines()[1:21]
    silent = {"bottle", "chair", "diningtable", "pottedplant", "sofa"}
    assert set(voc) - set(tags) <= silent
    esc10 = {folder.name.replace("_", " ") for folder in (shared_data / "audio" / "esc10").iterdir() if folder.is_dir()}
    assert esc10 <= set(tags)


def test_mn04_hears_what_its_authors_report(shared_data: Path) -> None:
    folder = shared_data / "weights" / "mn04_as"
    check = np.load(folder / "check.npz")
    tagger = load_tagger(folder)
    assert isinstance(tagger, MobileNetTagger)
    heard = tagger.probabilities(check["waveform"][None])
    np.testing.assert_allclose(heard[0], check["probabilities"], atol=1e-3)
    assert tagger.labels[int(heard[0].argmax())] == "Dog"


def test_mn04_tells_the_classes_of_esc10_apart(shared_data: Path) -> None:
    tagger = load_tagger(shared_data / "weights" / "mn04_as")
    classes = ["baby_cry", "clock_tick", "dog_bark", "helicopter", "person_sneeze", "rain"]
    assert tagger.unheard(classes) == []
    right = 0
    for number, name in enumerate(classes):
        for path in sorted((shared_data / "audio" / "esc10" / name).glob("4-*.ogg"))[:2]:
            scores = tagger.scores(decode(path, tagger.rate)[None], classes)
            right += int(scores[0].argmax()) == number
    assert right >= 11


@pytest.fixture(scope="module")
def small_ast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    folder = tmp_path_factory.mktemp("ast")
    torch.manual_seed(0)
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=128,
        num_mel_bins=32,
        id2label={0: "Rain", 1: "Dog", 2: "Speech"},
        label2id={"Rain": 0, "Dog": 1, "Speech": 2},
    )
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor(num_mel_bins=32, max_length=128).save_pretrained(folder)
    return folder


def test_an_ast_of_transformers_is_a_tagger(small_ast: Path) -> None:
    tagger = load_tagger(str(small_ast))
    assert isinstance(tagger, AstTagger)
    assert (tagger.rate, tagger.labels) == (16_000, ("Rain", "Dog", "Speech"))
    windows = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 16_000))
    heard = tagger.probabilities(windows)
    assert heard.shape == (3, 3)
    assert ((heard > 0) & (heard < 1)).all()
    np.testing.assert_allclose(heard[1:2], tagger.probabilities(windows[1:2]), atol=1e-5)
    np.testing.assert_allclose(tagger.scores(windows, ["dog", "cat"]), np.stack([heard[:, 1], 0 * heard[:, 1]], 1))


def test_what_is_no_tagger_is_said(tmp_path: Path, small_ast: Path) -> None:
    with pytest.raises(WeightsError, match="no such folder"):
        load_tagger(tmp_path / "absent")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(WeightsError, match="a model of type 'bert'"):
        load_tagger(tmp_path / "bert")
    (tmp_path / "cut").mkdir()
    for path in small_ast.iterdir():
        (tmp_path / "cut" / path.name).write_bytes(path.read_bytes()[:4000])
    with pytest.raises(WeightsError, match="cannot be loaded as an audio tagger"):
        load_tagger(tmp_path / "cut")
    (tmp_path / "mn").mkdir()
    (tmp_path / "mn" / "labels.csv").write_text("index,display_name\n")
    with pytest.raises(WeightsError, match="no such weights"):
        load_tagger(tmp_path / "mn")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("dog: Bark", "tag 'dog': a list"), ("", "no tags"), ("- a", "no tags"), ("dog: [1]", "a list"), ("a: [", "YAML")],
)
def test_a_map_of_another_form_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "tags.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        read_tags(path)
    with pytest.raises(DataError, match="no such file"):
        read_tags(tmp_path / "absent.yaml")


def test_a_map_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tags.yaml"
    path.write_text("Guard_Dog: [Dog, Growling]\n")
    assert read_tags(path) == {"guard dog": ("Dog", "Growling")}
