import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from models.samgop.conftest import small
from sightline.models.samgop.config import GazeConfig, SamGOPConfig
from sightline.models.samgop.detector import Noised, Proposals, choose, masks_of
from sightline.models.samgop.gaze import Heads, head_crops
from sightline.models.samgop.network import SamGOP

HEADS = Heads(torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.4, 0.1, 0.1], [0.5, 0.9, 0.2, 0.2]]), torch.tensor([0, 1, 1]))
ROWS: list[dict[str, Any]] = [
    {"attention": "original"},
    {"attention": "cone"},
    {"attention": "none"},
    {"interaction": "decoder"},
    {"interaction": "encoder"},
    {"interaction": "none"},
    {"roi_reconstruction": False},
]


def test_shapes_of_what_is_seen_and_looked_at(network: SamGOP) -> None:
    images = torch.rand(2, 3, 64, 96)
    seen, looks = network(images, HEADS)
    assert [tuple(level.shape[-2:]) for level in seen.raw] == [(32, 48), (16, 24), (8, 12), (4, 6)]
    assert seen.pixels.shape == (2, 8, 32, 48)
    assert [layer.boxes.shape for layer in seen.objects] == [(2, 12, 4)] * 3
    assert seen.objects[-1].classes.shape == (2, 12, 2)
    assert [layer.boxes.shape for layer in seen.heads] == [(2, 5, 4)] * 3
    assert looks.heat.shape == (3, 64, 64)
    assert bool(((looks.heat >= 0) & (looks.heat <= 1)).all())
    torch.testing.assert_close(looks.direction.norm(dim=1), torch.ones(3))
    assert masks_of(seen.objects[-1], 0, torch.arange(12), seen.pixels[0]).shape == (12, 32, 48)


def test_masks_begin_as_their_boxes_with_round_corners(network: SamGOP) -> None:
    with torch.no_grad():
        last = network.see(torch.rand(1, 3, 64, 64)).objects[-1]
    boxes = torch.tensor([[0.5, 0.5, 0.5, 0.25], [0.25, 0.75, 0.25, 0.25]])
    layer = last._replace(boxes=boxes[None], outlines=last.outlines[:, :2], embeddings=last.embeddings[:, :2] * 0)
    masks = masks_of(layer, 0, torch.arange(2), torch.rand(8, 64, 64)) > 0
    assert masks[0, 32, 32]
    assert masks[1, 48, 16]
    for mask, box in zip(masks, boxes, strict=True):
        area, (rows, columns) = float(box[2] * box[3]) * 64**2, mask.nonzero().T
        assert 0.85 * area < mask.sum() <= area
        assert columns.float().mean() + 0.5 == pytest.approx(float(box[0]) * 64, abs=0.6)
        assert rows.float().mean() + 0.5 == pytest.approx(float(box[1]) * 64, abs=0.6)


def test_outlines_lean_with_what_they_are_told(network: SamGOP) -> None:
    with torch.no_grad():
        last = network.see(torch.rand(1, 3, 64, 64)).objects[-1]
    leaning = torch.tensor([[[1.0, 0, 0, -2, -2, 3.5, 0, 0]]])  # along u = v, from the top left to the bottom right
    layer = last._replace(
        boxes=torch.tensor([[[0.5, 0.5, 0.5, 0.5]]]), outlines=leaning, embeddings=last.embeddings[:, :1] * 0
    )
    mask = masks_of(layer, 0, torch.arange(1), torch.rand(8, 64, 64))[0] > 0
    assert mask[40, 40]
    assert mask[24, 24]
    assert not mask[24, 40]
    assert not mask[40, 24]


def test_without_the_shuffle_levels_are_half_as_large() -> None:
    seen = small(pixel_shuffle=False).see(torch.rand(1, 3, 64, 64))
    assert [tuple(level.shape[-2:]) for level in seen.raw] == [(16, 16), (8, 8), (4, 4), (2, 2)]


def test_resnet_50_by_name() -> None:
    detector = small().config.detector
    config = SamGOPConfig(backbone="resnet-50", labels=("cup",), detector=detector, gaze=GazeConfig(crop_side=32))
    with torch.no_grad():
        seen, looks = SamGOP(config).eval()(torch.rand(2, 3, 64, 64), HEADS)
    assert [tuple(level.shape[-2:]) for level in seen.raw] == [(32, 32), (16, 16), (8, 8), (4, 4)]
    assert looks.heat.shape == (3, 64, 64)
    assert bool(looks.heat.isfinite().all())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_of_the_tables_is_another_network(row: dict[str, Any], network: SamGOP) -> None:
    images = torch.rand(2, 3, 64, 64)
    other = small(row)
    own, given = other.state_dict(), network.state_dict()
    # A heatmap begins as the ridge along the cone alone: here as after training, it tells of all that comes before.
    given["gaze.rise.2.weight"] = torch.randn_like(given["gaze.rise.2.weight"])
    shared = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    network = small()
    network.load_state_dict(given)
    other.load_state_dict(shared, strict=False)
    with torch.no_grad():
        _, whole = network(images, HEADS)
        _, changed = other(images, HEADS)
    assert changed.heat.shape == whole.heat.shape
    assert (changed.logits - whole.logits).abs().max() > 1e-6


def test_whether_a_target_is_in_view_teaches_nothing_else_and_begins_undecided(network: SamGOP) -> None:
    _, looks = network(torch.rand(2, 3, 64, 64), HEADS)
    torch.testing.assert_close(looks.inside, network.gaze.inside.bias.expand(len(looks.inside)))
    looks.inside.sum().backward()
    taught = {name for name, one in network.named_parameters() if one.grad is not None and bool(one.grad.any())}
    assert taught == {"gaze.inside.weight", "gaze.inside.bias"}
    network.zero_grad()


def test_less_room_along_the_gaze_is_less_in_view(network: SamGOP) -> None:
    logits, gaze, room = torch.zeros(2, 4, 4), torch.tensor([[0.6, 0.0], [0.6, 0.0]]), torch.tensor([[0.5], [5.0]])
    with torch.no_grad():
        network.gaze.inside.weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0]]))
        near, far = network.gaze._in_view(logits, gaze, room, room / 10).tolist()
        network.gaze.inside.weight.zero_()
    assert far - near == pytest.approx(2 * math.log(10), rel=1e-4)


def test_a_crop_at_the_border_goes_on_with_what_is_there() -> None:
    image = torch.zeros(2, 3, 40, 60)
    image[1, 0] = torch.linspace(0.2, 0.8, 60)
    heads = Heads(torch.tensor([[0.0, 0.5, 0.2, 0.3], [0.5, 0.5, 0.1, 0.1]]), torch.tensor([1, 1]))
    edge, middle = head_crops(image, heads, 16, 2.0)
    assert float(edge[0].min()) == pytest.approx(0.2, abs=1e-5)
    assert edge[0, :, 0].max() < 0.21  # what lies outside of the picture looks like its border
    assert float(middle[0].mean()) == pytest.approx(0.5, abs=0.01)
    assert middle[0, 0, 0] < 0.47
    assert middle[0, 0, -1] > 0.53


def test_a_crop_is_turned_with_its_matrix() -> None:
    image = torch.zeros(1, 3, 64, 64)
    image[:, :, 30:34, 40:44] = 1.0  # to the right of the head
    heads = Heads(torch.tensor([[0.5, 0.5, 0.25, 0.25]]), torch.zeros(1, dtype=torch.int64))
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # what was to the right is now above: (1, 0) @ matrix = (0, -1)
    turned = head_crops(image, heads, 32, 3.0, quarter)[0, 0]
    row, column = divmod(int(turned.argmax()), 32)
    assert row < 10
    assert 13 <= column <= 18


def test_a_direction_that_the_tower_reads_off_the_crop_comes_back_in_the_picture() -> None:
    tower = small().gaze.tower
    assert tower is not None
    tower.forward = lambda crops, middle: (middle, middle)  # type: ignore[method-assign]
    images = torch.rand(1, 3, 48, 96)
    heads = Heads(torch.tensor([[0.25, 0.25, 0.1, 0.2]]), torch.zeros(1, dtype=torch.int64))
    _, told = tower.told(images, heads, 32, 2.0, (-30.0, 0.0, 50.0))
    torch.testing.assert_close(told, torch.tensor([[0.25, 0.125]]))  # the way to the middle, in longer sides


def test_a_twin_has_a_say_in_the_direction_and_in_nothing_else() -> None:
    images = torch.rand(2, 3, 64, 64)
    torch.manual_seed(1)
    own = small({"twin": True})
    alone = small()
    missing = alone.load_state_dict(own.state_dict(), strict=False)
    assert not missing.missing_keys
    with torch.no_grad():
        (_, both), (_, one) = own(images, HEADS), alone(images, HEADS)
    torch.testing.assert_close(both.face, one.face)
    assert (both.direction - one.direction).abs().max() > 1e-3
    with pytest.raises(ValidationError, match="twin"):
        SamGOPConfig(gaze=GazeConfig(crop_side=0, twin=True))


def test_a_heatmap_leans_to_what_draws_eyes_and_to_the_direction(network: SamGOP) -> None:
    images = torch.rand(2, 3, 64, 64)
    drawn = torch.full((2, 1, 8, 8), -2.0)
    drawn[:, :, 6, 1] = 3.0
    with torch.no_grad():
        _, plain = network(images, HEADS)
        seen, drawn_to = network(images, HEADS, drawn)
        other = network.look(images, seen, HEADS, None, torch.full((3,), 3.14159))
    spot = (slice(None), slice(48, 56), slice(8, 16))
    rest = drawn_to.logits - plain.logits
    assert (rest[spot].mean(dim=(1, 2)) > rest.mean(dim=(1, 2)) + 1).all()
    torch.testing.assert_close(other.direction, plain.direction)  # what is told is not turned, the heatmap's is
    assert (other.logits - plain.logits).abs().max() > 0.5


def test_people_of_one_picture_do_not_change_each_other(network: SamGOP) -> None:
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        _, together = network(images, HEADS)
        _, alone = network(images, Heads(HEADS.boxes[1:2], HEADS.picture[1:2]))
    torch.testing.assert_close(alone.logits[0], together.logits[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.direction[0], together.direction[1], rtol=1e-4, atol=1e-5)


def test_denoising_queries_do_not_change_what_is_found(network: SamGOP) -> None:
    images = torch.rand(1, 3, 64, 64)
    noised = Noised(torch.rand(1, 4, 4) * 0.5 + 0.2, torch.tensor([[0, 1, 2, 2]]))
    with torch.no_grad():
        plain, with_noise = network.see(images), network.see(images, noised)
    torch.testing.assert_close(plain.objects[-1].queries, with_noise.objects[-1].queries, rtol=1e-4, atol=1e-5)
    assert plain.denoised is None
    assert with_noise.denoised is not None
    assert with_noise.denoised[0].boxes.shape == (1, 4, 4)


def proposals(own: dict[int, tuple[float, tuple[float, float, float, float]]]) -> Proposals:
    """Of 5 x 5 cells: logit and box of some, the others sure of nothing and lying upon nothing."""
    logits, boxes = torch.full((1, 25), -9.0), torch.full((1, 25, 4), 0.01)
    boxes[0, :, :2] = torch.linspace(0.02, 0.98, 25)[:, None]
    for cell, (logit, box) in own.items():
        logits[0, cell], boxes[0, cell] = logit, torch.tensor(box)
    return Proposals(logits.view(1, 5, 5), boxes.view(1, 5, 5, 4))


def test_of_proposals_upon_each_other_the_surest_is_chosen_and_neighbours_both_are() -> None:
    given = proposals(
        {
            6: (3.0, (0.3, 0.3, 0.2, 0.2)),
            7: (2.5, (0.31, 0.3, 0.2, 0.2)),  # upon the first
            8: (2.0, (0.42, 0.3, 0.1, 0.2)),  # beside it, in the next cell
            24: (1.0, (0.8, 0.8, 0.2, 0.2)),
        }
    )
    found, boxes, content = choose(given, torch.arange(25.0).view(1, 1, 5, 5), 3)
    assert found[0].tolist() == [3.0, 2.0, 1.0]
    assert content[0, :, 0].tolist() == [6.0, 8.0, 24.0]
    torch.testing.assert_close(boxes[0, 1], torch.tensor([0.42, 0.3, 0.1, 0.2]))


def test_what_only_a_left_out_one_lies_upon_is_chosen() -> None:
    row = {cell: (3.0 - cell, (0.3 + 0.04 * cell, 0.3, 0.2, 0.2)) for cell in range(5)}  # 1/6 of a side apart
    found, *_ = choose(proposals(row), torch.zeros(1, 1, 5, 5), 3)
    assert found[0].tolist() == [3.0, 1.0, -1.0]


def test_a_cone_needs_a_direction() -> None:
    with pytest.raises(ValidationError, match="direction"):
        SamGOPConfig(gaze=GazeConfig(roi_reconstruction=False, crop_side=0))
    assert SamGOPConfig(gaze=GazeConfig(roi_reconstruction=False, crop_side=0, attention="original"))


def test_labels_are_told_apart() -> None:
    with pytest.raises(ValidationError, match="name of its own"):
        SamGOPConfig(labels=("a", "a"))
