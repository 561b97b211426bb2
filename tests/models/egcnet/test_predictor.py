"""EGCNet as a predictor: videos, pictures, an eye tracker's gaze."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from models.clips import FrameClip
from sightline import models
from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.egcnet import predictor as module
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.network import EGCNet
from sightline.models.egcnet.predictor import EGCNetPredictor, input_size, probability_of
from sightline.models.egcnet.slq import Queries
from sightline.nn.egnet import EGNetConfig
from sightline.nn.motion import Motion
from sightline.types import Frame, Prompt
from sightline.video import VideoFrame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    sight = EGNetConfig(backbone="mobilenet-v2", width=16, input_size=64)
    network = EGCNet(EGCNetConfig(sight=sight, width=8, query_width=32, input_size=96))
    place = tmp_path_factory.mktemp("egcnet")
    weights.save(network, network.config.model_dump(mode="json"), place)
    return place


@pytest.fixture(scope="module")
def predictor(folder: Path) -> EGCNetPredictor:
    loaded = models.load(folder, device="cpu")
    assert isinstance(loaded, EGCNetPredictor)
    return loaded


def video(count: int) -> Iterator[VideoFrame]:
    generator = np.random.default_rng(0)
    for index in range(count):
        yield VideoFrame(index, index / 25, index, generator.integers(0, 255, (72, 128, 3), dtype=np.uint8))


def run(
    predictor: EGCNetPredictor, frames: Iterable[VideoFrame], gaze: dict[int, np.ndarray] | None = None
) -> Iterator[Frame]:
    return predictor.stream(FrameClip(frames), Prompt(fixations=gaze))


@pytest.mark.parametrize("count", [2, 3, 9])
def test_every_frame_has_its_result(predictor: EGCNetPredictor, count: int) -> None:
    found = list(run(predictor, video(count)))
    assert [frame.index for frame in found] == list(range(count))
    for frame, source in zip(found, video(count), strict=True):
        assert np.array_equal(frame.image, source.image)
        assert frame.saliency.shape == (72, 128)
        assert frame.mask is not None
        assert np.array_equal(frame.mask > 0, frame.probability >= 0.5)
        assert (frame.hotspot is None) == (not frame.mask.any())
        if frame.hotspot is not None:
            assert frame.mask[int(frame.hotspot.y_px), int(frame.hotspot.x_px)]
        assert frame.saliency is not None
        assert frame.saliency.max() == pytest.approx(1, abs=0.2)


def test_queries_tell_who_won_and_why(predictor: EGCNetPredictor) -> None:
    queries = next(iter(run(predictor, video(4)))).details
    assert isinstance(queries, Queries)
    assert queries.total.shape == (6,)
    assert queries.winner == queries.total.argmax()
    assert queries.masks.shape == (6, 16, 32)
    rates = torch.nn.functional.softplus(predictor.network.competitor.rates).detach().numpy()
    expected = rates[0] * queries.semantic + rates[1] * queries.locality + queries.score
    np.testing.assert_allclose(queries.total, expected, atol=1e-4)


def test_the_first_frame_of_a_still_video_and_the_picture_alone_have_the_same_saliency(
    predictor: EGCNetPredictor,
) -> None:
    frame = next(video(1))
    first = next(run(predictor, [VideoFrame(index, index / 25, index, frame.image) for index in range(3)]))
    (alone,) = run(predictor, [frame])
    np.testing.assert_allclose(first.saliency, alone.saliency, atol=1e-6)
    np.testing.assert_allclose(first.probability, alone.probability, atol=1e-6)


def test_gaze_moves_attention_there_and_lasts_a_moment(predictor: EGCNetPredictor) -> None:
    def still() -> Iterator[VideoFrame]:
        image = next(video(1)).image
        return (VideoFrame(index, index / 5, index, image) for index in range(3))

    gaze = {1: np.array([[100.0, 20.0], [104.0, 22.0]], np.float32)}
    own, guided = list(run(predictor, still())), list(run(predictor, still(), gaze))
    for frame in guided[1:3]:
        assert frame.saliency is not None
        row, column = np.unravel_index(frame.saliency.argmax(), (72, 128))
        assert abs(row - 21) < 8
        assert abs(column - 102) < 8
    np.testing.assert_allclose(guided[0].saliency, own[0].saliency, atol=1e-6)  # nobody has looked yet


def darkened(count: int, first: int) -> Iterator[VideoFrame]:
    """A shot cut before frame `first`."""
    for frame in video(count):
        image = frame.image if frame.index < first else frame.image // 4
        yield VideoFrame(frame.index, frame.time_s, frame.index, image)


def test_gaze_of_another_shot_counts_for_nothing(predictor: EGCNetPredictor) -> None:
    gaze = {2: np.array([[100.0, 20.0]], np.float32)}
    own, guided = list(run(predictor, darkened(5, 3))), list(run(predictor, darkened(5, 3), gaze))
    assert np.abs(guided[2].saliency - own[2].saliency).max() > 1e-3
    for index in (3, 4):
        np.testing.assert_array_equal(guided[index].saliency, own[index].saliency)


def test_gaze_outside_of_the_frame_counts_as_none(predictor: EGCNetPredictor) -> None:
    gaze = {1: np.array([[-5.0, 20.0], [200.0, 22.0]], np.float32)}
    for own, guided in zip(run(predictor, video(3)), run(predictor, video(3), gaze), strict=True):
        np.testing.assert_array_equal(guided.saliency, own.saliency)


def test_of_two_that_look_alike_the_mask_keeps_the_one_that_is_attended() -> None:
    winner = torch.full((1, 1, 32, 64), -3.0)
    winner[..., 8:24, 4:20] = winner[..., 8:24, 44:60] = 0.5
    images = 0.2 + 0.6 * (winner > 0).float().expand(-1, 3, -1, -1)
    images = torch.nn.functional.interpolate(images, scale_factor=4)
    density = torch.full((1, 1, 16, 32), 1e-4)
    density[..., 4:12, 2:10] = 1
    still, recalled = torch.zeros(1, 1, 16, 32), torch.zeros(1, 1, 16, 32)
    even = probability_of(winner, images, still, torch.ones_like(density), recalled, EGCNetConfig())
    guided = probability_of(winner, images, still, density, recalled, EGCNetConfig())
    left, right = (slice(40, 88), slice(24, 72)), (slice(40, 88), slice(184, 232))
    torch.testing.assert_close(even[0, 0][left].mean(), even[0, 0][right].mean())
    assert guided[0, 0][left].mean() > 0.9
    assert guided[0, 0][right].mean() < even[0, 0][right].mean() - 0.05


def test_input_keeps_proportions_and_area() -> None:
    assert input_size(480, 854, 320) == (256, 416)
    assert input_size(320, 320, 320) == (320, 320)
    assert input_size(16, 16, 320) == (320, 320)
    assert input_size(1, 4000, 320) == (32, 1280)


def test_memory_does_not_grow(predictor: EGCNetPredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    step = EGCNetPredictor._step

    def watched(self: EGCNetPredictor, frame: VideoFrame, motion: Motion, shot: module._Shot) -> Frame:
        result = step(self, frame, motion, shot)
        assert shot.memory is not None
        sizes.append(sum(part.numel() for part in shot.memory))
        return result

    monkeypatch.setattr(EGCNetPredictor, "_step", watched)
    list(run(predictor, video(12)))
    assert len(set(sizes)) == 1


def test_every_second_frame_is_remembered_and_a_shot_cut_empties_the_memory(
    predictor: EGCNetPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = []
    step = EGCNetPredictor._step

    def watched(self: EGCNetPredictor, frame: VideoFrame, motion: Motion, shot: module._Shot) -> Frame:
        result = step(self, frame, motion, shot)
        assert shot.memory is not None
        filled.append(int(shot.memory.filled.sum()))
        return result

    monkeypatch.setattr(EGCNetPredictor, "_step", watched)
    list(run(predictor, darkened(6, 4)))
    assert filled == [1, 1, 2, 2, 1, 1]


def test_a_config_that_is_not_its_own_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model": "egcnet", "queries": 1}')
    with pytest.raises(WeightsError, match="queries"):
        models.load(tmp_path, device="cpu")
