"""From class activation maps to boxes, and the pipeline of pseudo-fixations."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.stanet.conftest import TAGS, Noise, save
from sightline.errors import DataError, WeightsError
from sightline.models import weights
from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.labeller import NO_BOX, NOT_ON_CROP, NOT_PREDICTED, Labeller
from sightline.models.stanet.network import ScamNets
from sightline.models.stanet.scam import crop_box, fuse, stage_maps, switched
from sightline.types import Clip, Frame, Prompt

CONFIG = ScamConfig(tags=TAGS, smallest_box=0.1)


def test_boxes_grow_from_cells_to_squares_of_pixels() -> None:
    coarse = torch.zeros(8, 8)
    coarse[2:4, 1:3] = 1
    assert crop_box(coarse, (80, 160), CONFIG) == (20, 10, 60, 50), "40 wide, so 40 high about 20 to 40"
    assert crop_box(coarse, (83, 161), CONFIG) == (20, 10, 61, 51)
    coarse[2:4, 1:7] = 1
    assert crop_box(coarse, (80, 160), CONFIG) == (20, 0, 140, 80), "no higher than the frame"


@pytest.mark.parametrize(("cell", "expected"), [((0, 0), (0, 0, 40, 40)), ((7, 7), (120, 40, 160, 80))])
def test_a_box_that_collapses_is_widened_and_stays_inside(cell: tuple[int, int], expected: tuple[int, ...]) -> None:
    coarse = torch.zeros(8, 8)
    coarse[cell] = 1
    config = CONFIG.model_copy(update={"smallest_box": 0.5})
    assert crop_box(coarse, (80, 160), config) == expected


def test_boxes_of_tiny_and_blank_pictures() -> None:
    coarse = torch.zeros(8, 8)
    coarse[3, 3] = 1
    assert crop_box(coarse, (1, 1), CONFIG) == (0, 0, 1, 1)
    x1, y1, x2, y2 = crop_box(coarse, (5, 3), CONFIG) or (0, 0, 0, 0)
    assert 0 <= x1 < x2 <= 3
    assert 0 <= y1 < y2 <= 5
    assert crop_box(torch.zeros(8, 8), (80, 160), CONFIG) is None


def test_the_config_says_what_is_fused() -> None:
    torch.manual_seed(0)
    maps, confidences = torch.rand(4, 2, 5, 5), torch.rand(4, 2)
    for chosen in (("S",), ("S", "SA"), ("S", "ST", "SA", "STA")):
        config = CONFIG.model_copy(update={"maps": chosen})
        rows = [CONFIG.nets.index(sources) for sources in chosen]
        weighted = (maps[rows] * confidences[rows, :, None, None]).sum(0) / confidences[rows].sum(0)[:, None, None]
        low, high = weighted.amin((1, 2), keepdim=True), weighted.amax((1, 2), keepdim=True)
        torch.testing.assert_close(fuse(maps, confidences, config), (weighted - low) / (high - low), atol=1e-3, rtol=0)
    with pytest.raises(ValidationError, match="ST of nets that are only S"):
        ScamConfig(tags=TAGS, nets=("S",), maps=("ST",))
    with pytest.raises(ValidationError, match="each needs a name of its own"):
        ScamConfig(tags=("a", "a"))


def test_the_switch_in_the_config() -> None:
    match, sound = torch.tensor([2.0, -2.0, 2.0]), torch.tensor([1.0, 1.0, 0.0])
    assert switched(match, sound, CONFIG).tolist() == [1, 0, 0]
    assert switched(match, sound, CONFIG.model_copy(update={"audio_switch": False})).tolist() == [1, 1, 0]


def predicting(nets: ScamNets, tag: str, *stages: str) -> ScamNets:
    """Nets that predict one tag everywhere, from one channel of their features."""
    nets = copy.deepcopy(nets)
    for stage in stages:
        for net in getattr(nets, stage).values():
            net.classifier.bias.data[nets.config.tags.index(tag)] = 2
            net.classifier.weight.data[nets.config.tags.index(tag), :4] = 0.1
    return nets


def test_confidences_are_those_of_the_tag(scam_nets: ScamNets) -> None:
    nets = predicting(scam_nets, "dog", "coarse")
    level4, level5 = torch.rand(2, 3, 96, 4, 4), torch.rand(2, 3, 1280, 2, 2)
    tags = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])
    found = stage_maps(nets, "coarse", level4, level5, torch.zeros(2, 384), torch.zeros(2), tags)
    assert found.maps.shape == (4, 2, 64, 64)
    logits = nets.coarse["S"](level4, level5, torch.zeros(2, 384), torch.zeros(2))[0]
    assert found.confidences[0, 0] == logits.softmax(1)[0, 0]
    assert found.confidences[:, 1].tolist() == [0] * 4
    assert found.fused[1].abs().max() == 0


def labelled(nets: ScamNets, folder: Path, clip: Clip, *tags: str) -> tuple[Labeller, list[Frame]]:
    labeller = Labeller(save(nets, folder), torch.device("cpu")).tagged(tags or ("dog",))
    return labeller, list(labeller.stream(clip, Prompt()))


@pytest.mark.parametrize("sound", [0.1, 0.0, None])
@pytest.mark.parametrize("frames", [1, 5])
def test_pseudo_fixations(scam_nets: ScamNets, tmp_path: Path, sound: float | None, frames: int) -> None:
    nets = predicting(scam_nets, "dog", "coarse", "fine")
    labeller, results = labelled(nets, tmp_path, Noise(frames, sound=sound))
    assert [frame.index for frame in results] == list(range(frames))
    assert labeller.notes == ()
    for frame in results:
        assert frame.saliency is not None
        assert frame.saliency.shape == (48, 64)
        assert frame.saliency.dtype == np.float32
        assert 0 <= frame.saliency.min() < frame.saliency.max() <= 1
        assert (frame.sound is None) == (not sound)
        names = [step.name for step in frame.steps]
        assert names == [f"{stage} {net}" for stage in ("coarse", "fine") for net in ("S", "ST", "SA", "STA", "SCAM")]
        x1, y1, x2, y2 = (int(side) for side in frame.steps[-1].box or ())
        outside = np.ones((48, 64), bool)
        outside[y1:y2, x1:x2] = False
        assert frame.saliency[outside].sum() == 0


def test_what_is_filtered_is_counted(scam_nets: ScamNets, tmp_path: Path) -> None:
    never, results = labelled(scam_nets, tmp_path / "never", Noise(3))
    assert [frame.saliency for frame in results] == [None] * 3
    assert never.notes == (
        f"3 of 3 frames have no map: {NOT_PREDICTED}",
        "no frame has a map of dog: the nets never predict it",
    )
    crop, results = labelled(predicting(scam_nets, "dog", "coarse"), tmp_path / "crop", Noise(2))
    assert crop.notes[0] == f"2 of 2 frames have no map: {NOT_ON_CROP}"
    assert [len(frame.steps) for frame in results] == [10, 10]
    flat = predicting(scam_nets, "dog", "coarse")
    for net in flat.coarse.values():
        torch.nn.init.zeros_(net.classifier.weight)
    nowhere, _ = labelled(flat, tmp_path / "flat", Noise(2))
    assert nowhere.notes == (f"2 of 2 frames have no map: {NO_BOX}",)


def test_the_coarse_stage_alone_covers_the_frame(scam_nets: ScamNets, tmp_path: Path) -> None:
    nets = predicting(scam_nets, "dog", "coarse")
    nets.config = nets.config.model_copy(update={"stage": "coarse"})
    _, results = labelled(nets, tmp_path, Noise(2))
    assert [len(frame.steps) for frame in results] == [5, 5]
    assert results[0].saliency is not None
    assert results[0].saliency.max() == pytest.approx(1, abs=0.2)


def test_the_average_asks_for_no_confidence(scam_nets: ScamNets, tmp_path: Path) -> None:
    nets = predicting(scam_nets, "bird", "coarse", "fine")
    for net in (*nets.coarse.values(), *nets.fine.values()):
        net.classifier.weight.data[0, :4] = 0.1
    nets.config = nets.config.model_copy(update={"fusion": "average"})
    labeller, results = labelled(nets, tmp_path, Noise(2))
    assert labeller.notes == ()
    assert all(frame.saliency is not None for frame in results)


def test_tags(scam_nets: ScamNets, tmp_path: Path) -> None:
    labeller = Labeller(save(scam_nets, tmp_path / "one"), torch.device("cpu"))
    with pytest.raises(DataError, match="tag 'cow': the nets know dog, bird, rain"):
        labeller.tagged(["dog", "cow"])
    with pytest.raises(DataError, match="no tag: the nets know"):
        labeller.tagged([])
    with pytest.raises(DataError, match="tags dog, bird: the nets were trained for one"):
        labeller.tagged(["dog", "bird"])
    assert labeller.tagged(["dog"]).weights_sha256 != labeller.tagged(["bird"]).weights_sha256
    several = copy.copy(scam_nets)
    several.config = scam_nets.config.model_copy(update={"several_tags": True})
    both = Labeller(save(several, tmp_path / "several"), torch.device("cpu")).tagged(["dog", "bird"])
    assert both.tags == ("dog", "bird")


def test_a_config_that_describes_no_nets(scam_nets: ScamNets, tmp_path: Path) -> None:
    weights.save(scam_nets, {"model": "scam"}, tmp_path)
    with pytest.raises(WeightsError, match=r"config\.json: tags: there are none"):
        Labeller(tmp_path, torch.device("cpu"))
