"""The weights that ship, on real pictures: they do what they are for, in both engines."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import sightline
import sightline.nn.engine
from models.clips import FrameClip
from sightline.data import image_fixations
from sightline.data.files import load_image, load_mask
from sightline.errors import UsageError
from sightline.metrics.functional.fixation import nss
from sightline.models import list_models, weights
from sightline.models.wcsnet.predictor import EGNetPredictor, WCSNetPredictor
from sightline.models.wcsnet.tracker import _Step
from sightline.nn.engine import Engine, has_onnxruntime
from sightline.types import Prompt
from sightline.video import open_source

pytestmark = pytest.mark.skipif(not all(model.shipped for model in list_models()), reason="the weights do not ship yet")


@pytest.fixture(scope="module")
def model() -> WCSNetPredictor:
    loaded = sightline.load("wcsnet", "cpu")
    assert isinstance(loaded, WCSNetPredictor)
    return loaded


def test_the_dog_is_found_and_followed(model: WCSNetPredictor, shared_data: Path) -> None:
    davis = shared_data / "vos/davis2016_dev"
    numbers = range(0, 24, 3)
    frames = np.stack([load_image(davis / f"JPEGImages/480p/dog/{number:05}.jpg") for number in numbers])
    overlaps = []
    for number, frame in zip(numbers, model.predict(frames), strict=True):
        truth = load_mask(davis / f"Annotations/480p/dog/{number:05}.png") > 0
        assert frame.mask is not None
        overlaps.append((truth & (frame.mask > 0)).sum() / (truth | (frame.mask > 0)).sum())
        assert frame.hotspot is not None
        assert truth[round(frame.hotspot.y_px), round(frame.hotspot.x_px)]
    assert np.mean(overlaps) > 0.6


def test_a_video_is_tracked_as_its_frames_are_one_by_one(model: WCSNetPredictor, shared_data: Path) -> None:
    """What a video's predictor finds out ahead, on another thread, is what the tracker would."""
    folder = shared_data / "vos/davis2016_dev/JPEGImages/480p"
    frames = [load_image(folder / f"dog/{number:05}.jpg") for number in range(3)]
    frames += [load_image(folder / f"cows/{number:05}.jpg") for number in range(2)]  # after a shot cut
    tracker = model.tracker()
    alone = [
        tracker.step(frame) if number else tracker.start(frame, following=frames[1:])
        for number, frame in enumerate(frames)
    ]
    for expected, frame in zip(alone, model.predict(np.stack(frames)), strict=True):
        assert frame.state == expected.state
        assert frame.mask is not None
        np.testing.assert_array_equal(frame.mask > 0, expected.mask)
        np.testing.assert_array_equal(frame.saliency, expected.hotspot)


def test_a_click_chooses_the_target(model: WCSNetPredictor, shared_data: Path) -> None:
    davis = shared_data / "vos/davis2016_dev"
    frame = load_image(davis / "JPEGImages/480p/blackswan/00000.jpg")
    truth = load_mask(davis / "Annotations/480p/blackswan/00000.png") > 0
    y, x = (float(np.median(place)) for place in truth.nonzero())
    mask = model.tracker().start(frame, point=(x, y)).mask
    assert (truth & mask).sum() / (truth | mask).sum() > 0.5
    (alone,) = model.predict(frame, point=(x, y))
    assert alone.mask is not None
    np.testing.assert_array_equal(alone.mask > 0, mask)
    with pytest.raises(UsageError, match="`fixations`: wcsnet takes none"):
        model.predict(frame, fixations={})


def test_a_click_on_a_small_ball_does_not_take_the_table(model: WCSNetPredictor, shared_data: Path) -> None:
    with open_source(shared_data / "clips/cups.mp4") as source:
        frame = next(iter(source)).image
    rows, columns = np.indices(frame.shape[:2])
    ball = np.hypot(rows - 466, columns - 400) < 37
    mask = model.tracker().start(frame, point=(400, 465)).mask
    assert (ball & mask).sum() / (ball | mask).sum() > 0.7


def test_a_click_on_the_dog_does_not_end_on_the_woman_whose_hand_it_touches(
    model: WCSNetPredictor, shared_data: Path
) -> None:
    with open_source(shared_data / "clips/dog.mp4") as source:
        frames = list(islice(source, 12))
    *_, last = model.stream(FrameClip(frames), Prompt(point=(620, 440)))
    assert last.mask is not None
    assert last.mask.sum() > 20000
    assert last.mask[:, :430].mean() < 0.05 * last.mask[:, 430:].mean()  # she stands on the left


def test_people_look_where_it_says(shared_data: Path) -> None:
    """NSS of a uniform map is 0; the docs have the score over all of OSIE."""
    model = sightline.load("egnet", "cpu")
    assert isinstance(model, EGNetPredictor)
    scores = []
    for sample in image_fixations.images(shared_data / "image_fixations/osie_dev")[::40]:
        image = load_image(sample.image_path)
        columns, rows = sample.fixations_at(*image.shape[:2]).astype(int).T
        counts = np.zeros(image.shape[:2])
        np.add.at(counts, (rows, columns), 1)
        scores.append(float(nss(torch.from_numpy(model.saliency(image)), torch.from_numpy(counts))))
    assert np.mean(scores) > 2


@pytest.mark.skipif(not has_onnxruntime(), reason="onnxruntime, onnx and onnxscript are not installed")
@pytest.mark.parametrize("name", ["egnet", "backbone", "step"])
def test_both_engines_agree(name: str, model: WCSNetPredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    search = torch.rand(1, 3, 96, 128)
    network: torch.nn.Module = model.egnet if name == "egnet" else model.network.backbone
    example = [search]
    if name == "step":
        network = _Step(model.network, 5).eval()
        with torch.inference_mode():
            template = torch.rand(1, 3, 96, 96), torch.rand(1, 1, 96, 96), torch.rand(1, 1, 12, 12)
            kernels = model.network.template(model.network.backbone(template[0]), *template[1:])
            features = model.network.backbone(search)
        example = [
            *(level.clone() for level in features),
            *(kernel.clone() for kernel in (*kernels.mask, *kernels.hotspot)),
        ]
    slow = Engine(network, example)
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", has_onnxruntime)
    fast = Engine(network, example)
    assert slow.session is None
    assert fast.session is not None
    for ours, theirs in zip(fast(*example), slow(*example), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_the_shipped_folders_are_what_was_listed() -> None:
    lines = (weights.SHIPPED / "SHA256SUMS").read_text().split("\n")
    listed = {path: digest for digest, path in (line.split() for line in lines if line)}
    assert listed
    for path, digest in listed.items():
        assert weights.sha256((weights.SHIPPED / path).parent) == digest
