"""STANet+ frame by frame: what stands beside a frame, first passes, odd input, bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.stanet.conftest import Noise
from models.stanet_plus.conftest import TAGS, calibrate
from sightline.errors import UsageError, WeightsError
from sightline.models import weights
from sightline.models.stanet.config import STANetConfig
from sightline.models.stanet.network import STANet
from sightline.models.stanet.predictor import STANetPredictor, saliency_of
from sightline.models.stanet_plus.config import ContextConfig, Output, Readout, STANetPlusConfig
from sightline.models.stanet_plus.context import Reservoir
from sightline.models.stanet_plus.fusion import fuse
from sightline.models.stanet_plus.network import STANetPlus
from sightline.models.stanet_plus.predictor import Node, STANetPlusPredictor
from sightline.nn.audiovisual import SpatialFeatures
from sightline.nn.blocks import resize
from sightline.types import Frame, Prompt


@pytest.fixture(scope="module")
def sta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = STANetConfig(tags=TAGS, backbone="mobilenet-v2", width=8, input_size=64, decoder_width=8)
    network = STANet(config)
    calibrate(network.encoders.backbone)
    for module in network.modules():
        if isinstance(module, SpatialFeatures):
            module.mix.weight.data *= 0.1
    folder = tmp_path_factory.mktemp("sta")
    weights.save(network, config.model_dump(mode="json"), folder)
    return folder


def saved(sta: Path, folder: Path, **changes: object) -> STANetPlusPredictor:
    torch.manual_seed(1)
    config = STANetPlusConfig(width=8, parts={"sta": weights.part(sta)}, **changes)  # type: ignore[arg-type]
    network = STANetPlus(config)
    for head in (network.short, network.long):  # as if trained: not the zeros that it begins with
        torch.nn.init.normal_(head.readout.head.weight)
    weights.save(network, config.model_dump(mode="json"), folder)
    return STANetPlusPredictor(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def model(sta: Path, tmp_path_factory: pytest.TempPathFactory) -> STANetPlusPredictor:
    return saved(sta, tmp_path_factory.mktemp("plus"))


def slow(frames: int) -> Noise:
    """Frames 0.25 s apart: short-term context are the second neighbours."""
    clip = Noise(frames)
    clip.fps = 4.0
    return clip


def run(model: STANetPredictor, clip: Noise) -> list[Frame]:
    return list(model.stream(clip, Prompt()))


@pytest.mark.parametrize("sound", [0.1, 0.0, None])
@pytest.mark.parametrize("frames", [1, 4])
def test_every_frame_gets_a_map(model: STANetPlusPredictor, frames: int, sound: float | None) -> None:
    found = run(model, Noise(frames, sound=sound))
    assert [frame.index for frame in found] == list(range(frames))
    for frame in found:
        assert frame.saliency is not None
        assert frame.saliency.shape == (48, 64)
        assert frame.saliency.dtype == np.float32
        assert 0 <= frame.saliency.min() < frame.saliency.max() == 1
        assert (frame.sound is None) == (not sound)


@pytest.mark.parametrize("readout", ["residual", "map"])
@pytest.mark.parametrize("output", ["sta", "short", "long", "max", "sum", "product", "fusion"])
def test_the_map_is_the_fusion_of_three(sta: Path, tmp_path: Path, output: Output, readout: Readout) -> None:
    """By hand for a picture, whose context is itself, so that there is nothing to recall."""
    model = saved(sta, tmp_path, output=output, readout=readout)
    clip = Noise(1)
    (frame,) = run(model, clip)
    with torch.inference_mode():
        (node,) = model._nodes(clip)
        maps = [node.logits]
        for head in (model.plus.short, model.plus.long):
            target = head(torch.stack([node.fused] * 3, dim=1), torch.stack([node.spatial] * 3, dim=1))[:, 0]
            base = node.logits if readout == "residual" else node.matches
            maps.append(resize(target, node.logits.shape[-2:], model.network.encoders.backbone.shift(4)) + base)
        small = [logits.sigmoid() for logits in maps]
        expected = resize(fuse(*small, output), (48, 64))[0, 0]  # type: ignore[call-arg]
    np.testing.assert_allclose(frame.saliency, expected / expected.max(), atol=1e-4)


def test_sta_alone_is_stanets_map(sta: Path, tmp_path: Path) -> None:
    alone = STANetPredictor(sta, torch.device("cpu"))
    model = saved(sta, tmp_path, output="sta")
    for own, other in zip(run(model, Noise(3)), run(alone, Noise(3)), strict=True):
        np.testing.assert_allclose(own.saliency, other.saliency, atol=1e-5)
        assert own.sound == other.sound
    assert saliency_of(torch.zeros(1, 1, 2, 2), (2, 2)).max() == 1


def contexts(model: STANetPlusPredictor, clip: Noise) -> list[tuple[float, list[float], list[float]]]:
    """(time, times of the short-term, of the long-term context) of each frame."""
    seen = []
    result = model._result

    def noted(now: Node, near: list[Node], distant: list[Node]) -> Frame:
        times = [[node.frame.time_s for node in nodes] for nodes in (near, distant)]
        seen.append((now.frame.time_s, times[0], times[1]))
        return result(now, near, distant)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_result", noted)
        run(model, clip)
    return seen


def test_what_was_heard_is_recalled(sta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame barks: maps differ where it is context, by the places that show a dog."""
    model = saved(sta, tmp_path)
    bark = torch.tensor([[0.75, 0.25, 0.0]])
    monkeypatch.setattr(model, "_heard", lambda moment: bark * (moment.now.frame.index == 0))
    seen: dict[str, list[torch.Tensor]] = {}
    parts = model._parts

    def noted(now: Node, near: list[Node], distant: list[Node]) -> tuple[torch.Tensor, ...]:
        found = parts(now, near, distant)
        for name, maps in zip(("sta", "short", "long"), found, strict=True):
            seen.setdefault(name, []).append(maps.logit())
        if model.network.switch is not None and now.frame.index == 4:
            with torch.inference_mode():
                seen["dog"] = [model.network.switch.places(*now.levels)[:, :2]]
        return found

    monkeypatch.setattr(model, "_parts", noted)
    run(model, slow(5))
    with_it = {name: list(maps) for name, maps in seen.items()}
    seen.clear()
    for head in (model.plus.short, model.plus.long):
        assert head.recall is not None
        head.recall.data.zero_()
    run(model, slow(5))
    differs = {name: [not torch.equal(*both) for both in zip(with_it[name], seen[name], strict=True)] for name in seen}
    assert differs["sta"] == [False] * 5
    assert differs["short"] == [False, True, True, False, False], "its neighbour, and the one half a second on"
    assert differs["long"] == [False, False, True, True, True], "more than 0.48 s on"
    heard = torch.tensor([0.75, 0.25]) / 3  # in one of three frames
    dog = (with_it["dog"][0] * heard[:, None, None]).sum(dim=1, keepdim=True)
    shift = model.network.encoders.backbone.shift(4)
    added = with_it["long"][4] - seen["long"][4]
    torch.testing.assert_close(added, resize(dog, added.shape[-2:], shift), atol=1e-4, rtol=1e-3)


def test_what_stands_beside_a_frame(model: STANetPlusPredictor) -> None:
    """A stream knows what has been: at the first frames nothing lies far enough behind."""
    found = contexts(model, slow(9))
    assert [near for _, near, _ in found] == [
        [0.5], [0.0, 0.75], [0.0, 1.0], [0.25, 1.25], [0.5, 1.5], [0.75, 1.75], [1.0, 2.0], [1.25, 2.0], [1.5],
    ]  # fmt: skip
    assert [len(distant) for _, _, distant in found] == [0, 0, 1, 2, 3, 4, 5, 6, 7], (
        "of the first ones the graph reads two"
    )
    assert all(now - time >= 0.48 for now, _, distant in found for time in distant)


def test_a_first_pass_shows_all_of_the_clip(model: STANetPlusPredictor) -> None:
    model.look_ahead(slow(9))
    found = contexts(model, slow(9))
    assert [len(distant) for _, _, distant in found] == [7, 6, 6, 6, 6, 6, 6, 6, 7], "all but itself and its neighbours"
    assert min(found[0][2]) >= 0.5
    assert all(abs(now - time) >= 0.48 for now, _, distant in found for time in distant)
    assert [len(distant) for _, _, distant in contexts(model, slow(3))] == [0, 0, 1], "the next clip has its own"


def test_the_same_again(model: STANetPlusPredictor) -> None:
    for one, other in zip(run(model, slow(5)), run(model, slow(5)), strict=True):
        np.testing.assert_array_equal(one.saliency, other.saliency)


def test_memory_is_bounded(sta: Path, tmp_path: Path) -> None:
    """The reservoir keeps no pictures, and no more than it says."""
    model = saved(sta, tmp_path, context=ContextConfig(samples=3))
    held = []
    reservoir = model._reservoir

    def kept() -> Reservoir[Node]:
        held.append(reservoir())
        return held[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_reservoir", kept)
        run(model, slow(12))
    assert len(held[0]) == 3
    assert all(node.frame.image.size == 0 for node in held[0])


def test_first_passes_of_sources(sta: Path, tmp_path: Path) -> None:
    model = saved(sta, tmp_path)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
    assert len(list(model.predict(pictures, two_pass=True, fps=4.0))) == 3
    alone = STANetPredictor(sta, torch.device("cpu"))
    with pytest.raises(UsageError, match="`two_pass`: stanet makes one pass; leave it out"):
        alone.predict(pictures, two_pass=True)
    with pytest.raises(UsageError, match="`two_pass`: stanet makes one pass; leave it out"):
        alone.look_ahead(slow(1))


def test_bad_weights(sta: Path, tmp_path: Path) -> None:
    network = STANetPlus(STANetPlusConfig(width=8))
    for config, said in (
        ({"model": "stanet"}, "model: Input should be 'stanet-plus'"),
        ({"model": "stanet-plus", "width": 8}, "parts: sta is not named there"),
        ({"model": "stanet-plus", "width": 4, "parts": {}}, "does not fit the network"),
    ):
        weights.save(network, config, tmp_path / "bad")
        with pytest.raises(WeightsError, match=said):
            STANetPlusPredictor(tmp_path / "bad", torch.device("cpu"))
