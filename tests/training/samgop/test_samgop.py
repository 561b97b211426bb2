from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.samgop.conftest import small
from models.small import backbone
from sightline.data.samples import LookingImage, Onlooker
from sightline.errors import DataError, UsageError
from sightline.models import weights
from sightline.models.samgop.losses import Boxes
from sightline.training.recipe import read_recipe
from sightline.training.samgop import _take
from sightline.training.samgop.data import Batch, Views, classes_of, collate
from sightline.training.samgop.recipe import LossWeights, SamGOPRecipe, Variation
from sightline.training.samgop.scenes import CUT, NOBODY, Crops, Picture, crop, vary
from sightline.training.samgop.task import SamGOPTask, box_cells, noise

STILL = Variation(turn_deg=0, head_turn_deg=0, colour=0, noise=0, outside=0)


def picture(**changes: object) -> Picture:
    """A white head at (60, 30) looks at a red object around (20, 70) of a grey picture, 100 wide and 100 high."""
    image = np.full((100, 100, 3), 90, np.uint8)
    image[20:40, 50:70] = 255
    image[60:80, 10:30] = (250, 0, 0)
    regions = np.zeros((100, 100), np.int16)
    regions[60:80, 10:30] = 1
    fields: dict[str, object] = {
        "image": image,
        "boxes": np.array([[10.0, 60, 30, 80]]),
        "labels": np.array([1]),
        "regions": regions,
        "heads": np.array([[50.0, 20, 70, 40]]),
        "targets": np.array([[20.0, 70.0]]),
        "inside": np.array([1]),
        "objects": np.array([0]),
        "directions": np.full((1, 3), np.nan),
        "watched": np.zeros((0, 2)),
        **changes,
    }
    return Picture(**fields)  # type: ignore[arg-type]


def colour_at(image: NDArray[np.float32], box: torch.Tensor) -> NDArray[np.float32]:
    height, width = image.shape[1:]
    return image[:, int(box[1] * height), int(box[0] * width)]


@pytest.mark.parametrize("seed", range(12))
def test_boxes_masks_heads_and_targets_follow_the_picture(seed: int) -> None:
    variation = Variation(turn_deg=10, colour=0, noise=0, outside=0)
    sample = vary(picture(), np.random.default_rng(seed), (96, 128), variation, 6, 1.4)
    image = sample.image.numpy()
    assert image.shape == (3, 96, 128)
    assert len(sample.heads.boxes) == 1
    assert colour_at(image, sample.heads.boxes[0]).min() > 0.9
    assert sample.objects is not None
    if len(sample.objects.boxes) == 0:
        return
    red = colour_at(image, sample.objects.boxes[0])
    assert red[0] > 0.85
    assert red[1] < 0.15
    assert sample.objects.masks is not None
    mask = cv2.resize(sample.objects.masks[0].numpy().astype(np.uint8), (128, 96), interpolation=cv2.INTER_NEAREST)
    is_red = (image[0] > 0.8) & (image[1] < 0.3)
    assert (mask.astype(bool) & is_red).sum() / (mask.astype(bool) | is_red).sum() > 0.8
    people = sample.people
    size = torch.tensor([128, 96])
    aimed = (sample.objects.boxes[0, :2] - sample.heads.boxes[0, :2]) * size
    if people.inside[0] == 1 and sample.objects.boxes[0, 2] * 128 > 18:
        torch.testing.assert_close(people.direction[0], aimed / aimed.norm(), atol=0.1, rtol=0)
        torch.testing.assert_close(people.target[0], sample.objects.boxes[0, :2], atol=0.03, rtol=0)
        assert people.object.tolist() == [0]


@pytest.mark.parametrize("target", [(20.0, 70.0), (60.0, 90.0), (95.0, 30.0)])
def test_a_target_that_is_cut_away_is_out_of_view(target: tuple[float, float]) -> None:
    aimed = picture(targets=np.array([target]))
    for outside in (0, 1):
        variation = Variation(turn_deg=0, colour=0, noise=0, outside=outside)
        for seed in range(20):
            people = vary(aimed, np.random.default_rng(seed), (64, 64), variation, 6, 1.0).people
            assert people.inside.tolist() == [1 - outside]
            assert people.target.isfinite().all(1).tolist() == [not outside]


def test_a_target_beside_the_head_is_not_cut_away() -> None:
    aimed = picture(targets=np.array([[65.0, 35.0]]))
    variation = Variation(turn_deg=0, colour=0, noise=0, outside=1)
    assert vary(aimed, np.random.default_rng(0), (64, 64), variation, 6, 1.0).people.inside.tolist() == [1]


def test_a_teachers_direction_turns_with_the_head_and_a_look_at_the_camera_leaves_the_picture() -> None:
    taught = picture(targets=np.full((1, 2), np.nan), inside=np.array([-1]), directions=np.array([[0.6, 0.0, -0.8]]))
    people = vary(taught, np.random.default_rng(0), (64, 64), STILL, 6, 1.0).people
    assert abs(people.direction[0, 0]) == pytest.approx(1.0)
    assert people.inside.tolist() == [-1]
    assert people.weight.tolist() == [1.0]
    camera = picture(targets=np.full((1, 2), np.nan), directions=np.array([[0.05, 0.05, -0.99]]))
    people = vary(camera, np.random.default_rng(0), (64, 64), STILL, 6, 1.0).people
    assert people.inside.tolist() == [0]
    assert people.weight.tolist() == [0.0]


def test_a_fixation_where_somebody_looks_to_stands_for_the_target() -> None:
    taught = {"targets": np.full((1, 2), np.nan), "inside": np.array([-1]), "objects": np.array([-1])}
    right = np.array([[0.9, 0.1, -0.4]])
    watched = np.array([[62.0, 31], [90, 34], [15, 30], [60, 90]])  # on the head, to the right, to the left, below
    given = picture(**taught, directions=right, watched=watched)
    for seed in range(6):
        found = given.likely_target(0, np.random.default_rng(seed))
        assert found is not None
        assert found.tolist() == [90, 34]
    sample = vary(given, np.random.default_rng(0), (64, 64), STILL, 6, 1.0)
    aimed = (sample.people.target[0] - sample.heads.boxes[0, :2]) * 64
    assert abs(aimed[1] / aimed[0]) == pytest.approx(4 / 30, abs=0.03)
    assert sample.people.inside.tolist() == [1]
    assert sample.people.object.tolist() == [-1]
    away = picture(**taught, directions=right, watched=watched[2:])
    to_camera = picture(**taught, directions=np.array([[0.1, 0.0, -0.99]]), watched=watched)
    for none in (away, to_camera, picture(**taught, directions=right)):
        assert none.likely_target(0, np.random.default_rng(0)) is None


def test_a_head_alone_turns_with_its_gaze() -> None:
    image = np.zeros((80, 80, 3), np.uint8)
    image[36:44, 40:60] = 255  # a nose to the right
    nose = picture(image=image, regions=None, heads=np.array([[20.0, 20, 60, 60]]), targets=np.array([[79.0, 40.0]]))
    for seed in range(8):
        pixels, gaze, middle = crop(
            nose, 0, np.random.default_rng(seed), 64, 1.3, Variation(colour=0, head_shift=0.06, head_scale=0.12)
        )
        bright = np.argwhere(pixels.mean(0).numpy() > 0.5)[:, ::-1].mean(0)
        towards = bright - np.argwhere(pixels.mean(0).numpy() >= 0)[:, ::-1].mean(0)
        cosine = float(towards @ gaze.numpy() / np.linalg.norm(towards))
        assert cosine > 0.8
        assert float(gaze.norm()) == pytest.approx(1, abs=1e-4)
        # The head is in the middle of its picture, but for how else that could have been cut.
        assert float(middle.norm()) < 4 * CUT


def test_the_way_to_the_middle_of_the_picture_turns_with_the_head() -> None:
    corner = picture(heads=np.array([[0.0, 0, 10, 10]]), targets=np.array([[95.0, 95.0]]))
    cosines = []
    for seed in range(12):
        _, gaze, middle = crop(corner, 0, np.random.default_rng(seed), 32, 2.0, Variation(head_turn_deg=90))
        cosines.append(float(gaze @ middle / middle.norm()))
    assert np.mean(cosines) > 0.9


def recipe(**changes: object) -> SamGOPRecipe:
    fields = {
        "train": "samgop",
        "optimisation": {"steps": 2, "learning_rate": 1e-3},
        "network": small().config.model_dump(mode="json"),
        "batch_size": 2,
        "canvas": (64, 64),
        "crops": 3,
        "half": False,
        **changes,
    }
    return SamGOPRecipe.model_validate(fields)


def test_batches_are_the_same_again_and_a_run_that_goes_on_leaves_out_the_first(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture().image)
    person = Onlooker(head=(50, 20, 70, 40), target=(20.0, 70.0), inside=True, object=0)
    boxes = np.array([[10.0, 60, 30, 80]])
    known = LookingImage(tmp_path / "a.png", (100, 100), (person,), boxes, ("cup",), name="a")
    unseen = LookingImage(tmp_path / "a.png", (100, 100), (Onlooker(head=(50, 20, 70, 40)),), name="b")
    sources = [(1.0, [known]), (1.0, [unseen])]
    assert classes_of(sources) == ("cup",)

    def batches(start: int) -> list[Batch]:
        views = Views(recipe(), sources, ("cup",))
        views.start = start
        return [batch for batch, _ in zip(views, range(3 - start), strict=False)]

    first, again, later = batches(0), batches(0), batches(1)
    torch.testing.assert_close(first[2].images, again[2].images)
    torch.testing.assert_close(first[1].images, later[0].images)
    assert first[0].crops is not None
    assert first[0].crops.images.shape == (3, 3, 32, 32)


def batch() -> Batch:
    known = vary(picture(), np.random.default_rng(0), (64, 64), STILL, 6, 1.0)
    photograph = vary(picture(boxes=None, regions=None), np.random.default_rng(1), (64, 64), STILL, 6, 1.0)
    return collate([known, photograph])


def test_every_weighted_term_teaches_something() -> None:
    network = small()
    task = SamGOPTask(network, recipe())
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[assignment]
    loss = task.training_step(batch(), 0)
    assert bool(loss.isfinite())
    loss.backward()
    silent = {
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.grad is None and "tower.point" not in name
    }
    assert not silent
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all(name.startswith("features.backbone.stages") for name in frozen)


@pytest.mark.parametrize(
    ("branches", "learns", "stays"),
    [
        ("proposals", "detector.propose.weight", ("detector.object_decoder", "gaze.mix")),
        ("detector", "detector.outline.weight", ("gaze.",)),
    ],
)
def test_parts_of_the_detector_learn_alone(
    branches: Literal["proposals", "detector"], learns: str, stays: tuple[str, ...]
) -> None:
    network = small()
    task = SamGOPTask(network, recipe(branches=branches))
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[assignment]
    task.training_step(batch(), 0).backward()
    taught = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert learns in taught
    assert not any(name.startswith(stays) for name in taught)


def test_the_tower_learns_alone() -> None:
    network = small()
    task = SamGOPTask(network, recipe(branches="directions"))
    task.log = lambda *_, **__: None  # type: ignore[assignment]
    heads = Crops(torch.rand(3, 3, 32, 32), torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8]]), torch.zeros(3, 2))
    task.training_step(batch()._replace(crops=heads), 0).backward()
    taught = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert taught
    assert all(name.startswith("gaze.tower.") for name in taught)
    with pytest.raises(UsageError, match="no head"):
        task.training_step(batch(), 0)


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    network = small()
    task = SamGOPTask(network, recipe(frozen=["gaze.tower"]))
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[assignment]
    heads = Crops(torch.rand(3, 3, 32, 32), torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8]]), torch.zeros(3, 2))
    task.training_step(batch()._replace(crops=heads), 0).backward()
    taught = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert "gaze.ridge.weight" in taught
    assert not any(name.startswith("gaze.tower.") for name in taught)
    SamGOPTask(small({"crop_side": 0}), recipe(frozen=["gaze.tower"]))  # it has none
    with pytest.raises(UsageError, match="no module gaze\\.towel"):
        SamGOPTask(network, recipe(frozen=["gaze.towel"]))


def test_the_twin_learns_alone_and_from_a_tower() -> None:
    network = small({"twin": True})
    task = SamGOPTask(network, recipe(branches="directions", frozen=["gaze.tower"]))
    task.log = lambda *_, **__: None  # type: ignore[assignment]
    heads = Crops(torch.rand(3, 3, 32, 32), torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8]]), torch.zeros(3, 2))
    task.training_step(batch()._replace(crops=heads), 0).backward()
    taught = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert taught
    assert all(name.startswith("gaze.twin.") for name in taught)


def test_modules_are_taken_from_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.models.samgop.network.build_backbone", lambda _name: backbone())
    given, own = small(), small({"interaction": "none"})
    with torch.no_grad():
        for parameter in given.parameters():
            parameter.add_(1)
    weights.save(given, given.config.model_dump(mode="json"), tmp_path)
    before = own.gaze.mix.weight.clone()
    for name in ("gaze.tower", "detector"):
        _take(own, name, tmp_path, name)
    torch.testing.assert_close(own.gaze.tower.out.bias, given.gaze.tower.out.bias, atol=1e-3, rtol=1e-3)  # type: ignore[union-attr]
    torch.testing.assert_close(own.detector.outline.bias, given.detector.outline.bias, atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(own.gaze.mix.weight, before)
    without = small({"crop_side": 0})
    _take(without, "gaze.tower", tmp_path, "gaze.tower")  # it has none, so it takes nothing
    assert without.gaze.tower is None
    with pytest.raises(UsageError, match="has no module"):
        _take(given, "gaze.attend", _saved_without(tmp_path / "other"), "gaze.attend")
    both = small({"twin": True})
    _take(both, "gaze.twin", tmp_path, "gaze.tower")
    torch.testing.assert_close(both.gaze.twin.out.bias, given.gaze.tower.out.bias, atol=1e-3, rtol=1e-3)  # type: ignore[union-attr]


def _saved_without(folder: Path) -> Path:
    network = small({"interaction": "none"})
    weights.save(network, network.config.model_dump(mode="json"), folder)
    return folder


def test_gaze_learns_alone() -> None:
    network = small()
    task = SamGOPTask(network, recipe(branches="gaze", frozen=["gaze.tower"]))
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[assignment]
    task.training_step(batch(), 0).backward()
    taught = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert {"gaze.ridge.weight", "gaze.scene.0.weight", "gaze.inside.weight"} < taught
    assert all(name.startswith("gaze.") and not name.startswith("gaze.tower") for name in taught)


def test_gaze_alone_learns_nothing_from_pictures_without_people() -> None:
    network = small()
    task = SamGOPTask(network, recipe(branches="gaze"))
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[assignment]
    nobody = batch()._replace(people=NOBODY, picture=torch.zeros(0, dtype=torch.int64))
    task.training_step(nobody, 0).backward()
    assert not any(bool(p.grad.any()) for p in network.parameters() if p.grad is not None)


def test_steps_bring_the_loss_down() -> None:
    torch.manual_seed(0)
    task = SamGOPTask(small(), recipe(weights=LossWeights(inside=0)))
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[assignment]
    optimiser = torch.optim.Adam([p for p in task.parameters() if p.requires_grad], 3e-3)
    given, losses = batch(), []
    for step in range(12):
        torch.manual_seed(0)
        loss = task.training_step(given, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_denoising_boxes_are_near_the_true_ones() -> None:
    truth = Boxes(torch.tensor([[0.5, 0.5, 0.2, 0.2]]).expand(30, 4), torch.ones(30, dtype=torch.int64))
    made = batch()._replace(objects=[truth, None])
    noised = noise(made, 2)
    assert noised is not None
    assert noised.boxes.shape == (2, 30, 4)
    assert float((noised.boxes[0, :, :2] - 0.5).abs().max()) <= 0.4 * 0.1 + 1e-6
    assert 0.12 - 1e-6 <= float(noised.boxes[0, :, 2:].min()) <= float(noised.boxes[0, :, 2:].max()) <= 0.28 + 1e-6
    assert (noised.labels[0] == 1).float().mean() > 0.6
    assert noise(made._replace(objects=[None, None]), 2) is None


def test_a_small_box_still_has_a_cell() -> None:
    assert box_cells(torch.tensor([0.5, 0.5, 0.001, 0.001]), 9).sum() >= 1


def test_unknown_names_and_nothing_to_train_on_are_said(tmp_path: Path) -> None:
    from sightline.training.samgop.data import read_sources

    with pytest.raises(DataError, match="scenes"):
        read_sources(recipe())


def test_the_shipped_recipe_is_read_and_its_table_rows_are_changes_of_it() -> None:
    chain = read_recipe("samgop", data=Path("/data"))
    assert list(chain.stages) == ["products", "objects", "directions", "shoppers", "twin", "gaze"]
    for change in ("network.pixel_shuffle=false", "network.gaze.attention=cone", "network.gaze.interaction=decoder"):
        read_recipe("samgop", [change], Path("/data"))
    towers = ["stages.directions=null", "stages.shoppers=null", "stages.twin=null"]
    without = ["network.gaze.crop_side=0", *towers, "stages.gaze.parts={}", "stages.gaze.network={}"]
    assert list(read_recipe("samgop", without, Path("/data")).stages) == ["products", "objects", "gaze"]
    alone = read_recipe("samgop", ["heads=[]"], Path("/data"))
    assert list(alone.stages) == ["products", "objects", "directions", "shoppers", "twin", "gaze"]
