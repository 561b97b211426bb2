from pathlib import Path

import numpy as np
import pytest
import torch

from sightline.models.samgop import losses
from sightline.models.samgop.detector import Layer, Proposals
from sightline.models.samgop.losses import Boxes, LayerLoss
from sightline.nn.boxes import focal_loss, giou, match, to_xyxy

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "goldens" / "modules" / "samgop_losses.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    if not GOLDEN.is_file():
        pytest.skip(f"needs {GOLDEN}")
    return {key: torch.from_numpy(value) for key, value in np.load(GOLDEN).items()}


def test_heat_loss_is_that_of_the_released_code(golden: dict[str, torch.Tensor]) -> None:
    found = losses.heat_loss(golden["inputs/x_gaze"][:, 0], golden["inputs/heatmap"])
    torch.testing.assert_close(found, golden["outputs/loss_gaze"])


def test_direction_loss_sums_to_that_of_the_released_code(golden: dict[str, torch.Tensor]) -> None:
    found = losses.direction_loss(golden["inputs/pred_dir"], golden["inputs/gt_dir"])
    torch.testing.assert_close(found.sum(), golden["outputs/loss_direction"])


def test_energy_loss_is_that_of_the_released_code_but_for_the_clamp(golden: dict[str, torch.Tensor]) -> None:
    heat, mask = golden["inputs/x_gaze"][:, 0], golden["inputs/mask"].float()
    found = losses.energy_loss(heat, mask)
    assert bool(((found >= 0) & (found <= 1)).all())
    clamped_away = ((heat - heat.clamp(0, 1)) * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))
    torch.testing.assert_close((found - clamped_away).mean(), golden["outputs/loss_mask_energy"])


def test_head_losses_are_those_of_the_released_code(golden: dict[str, torch.Tensor]) -> None:
    logits, boxes, truth = (golden[f"inputs/{name}"] for name in ("head_logits", "head_boxes", "gt_head_boxes"))
    total = dict.fromkeys(("ce", "bbox", "giou"), torch.zeros(()))
    for number in range(2):
        # Its classes are background and head; ours is one logit, so the head's column is matched.
        (row,), _ = match(logits[number, :, 1], boxes[number], truth[number : number + 1], (1.0, 5.0, 2.0))
        target = torch.zeros_like(logits[number])
        target[row, 1] = 1
        total["ce"] = total["ce"] + focal_loss(logits[number], target).sum() / 2
        total["bbox"] = total["bbox"] + (boxes[number, row] - truth[number]).abs().sum() / 2
        total["giou"] = total["giou"] + (1 - giou(to_xyxy(boxes[number, row]), to_xyxy(truth[number]))) / 2
    for name, value in total.items():
        torch.testing.assert_close(value, golden[f"outputs/loss_{name}_head"][0], rtol=1e-4, atol=1e-4)


def test_a_gaussian_peaks_in_the_cell_of_its_point() -> None:
    heat = losses.gaussian(torch.tensor([[0.25, 0.75], [0.99, 0.01]]), 64)
    assert heat.shape == (2, 64, 64)
    assert divmod(int(heat[0].argmax()), 64) in {(47, 15), (47, 16), (48, 15), (48, 16)}
    assert divmod(int(heat[1].argmax()), 64) == (0, 63)
    row = heat[0, 47, :]
    assert float(row[15] / row[18]) == pytest.approx(np.exp((2.5**2 - 0.5**2) / 18), rel=1e-4)


def test_the_small_box_gets_the_cells_of_a_large_one_around_it() -> None:
    truth = torch.tensor([[0.5, 0.5, 0.9, 0.9], [0.5, 0.5, 0.2, 0.2]])
    owner, weight, counted = losses.assign(truth, (20, 20))
    owner, weight, counted = (one.view(20, 20) for one in (owner, weight, counted))
    assert owner[10, 10] == 1
    assert owner[7, 7] == 0
    assert owner[0, 0] == -1
    assert weight[10, 10] == pytest.approx(0.25)  # shared by sixteen cells, but never less than a quarter
    assert counted[10, 13] < counted[10, 16] < counted[0, 0]  # near a centre, less near, far
    assert counted[0, 0] > 0.99


def test_a_box_between_cells_has_one_that_answers() -> None:
    owner, _, _ = losses.assign(torch.tensor([[0.5, 0.5, 0.01, 0.01]]), (4, 4))
    assert (owner >= 0).sum() == 1


def test_right_proposals_cost_nothing_but_their_doubt() -> None:
    truth = Boxes(torch.tensor([[0.5, 0.5, 0.5, 0.5]]), torch.tensor([0]))
    owner, _, _ = losses.assign(truth.boxes, (8, 8))
    logits = torch.where(owner.view(1, 8, 8) >= 0, 20.0, -20.0)
    boxes = truth.boxes[0].expand(1, 8, 8, 4)
    focal, box = losses.proposal_loss(Proposals(logits, boxes), 0, truth)
    assert float(focal) == pytest.approx(0, abs=1e-6)
    assert float(box) == pytest.approx(0, abs=1e-5)
    _, off = losses.proposal_loss(Proposals(logits, boxes + torch.tensor([0.1, 0, 0, 0])), 0, truth)
    assert float(off) > 0.1


def layer_of(boxes: torch.Tensor, logits: torch.Tensor) -> Layer:
    count = len(boxes)
    kinds = torch.tensor([[4.0, -4.0]]).expand(count, 2)
    return Layer(
        torch.zeros(1, count, 8),
        boxes[None],
        logits[None],
        kinds[None],
        torch.zeros(1, count, 4),
        torch.zeros(1, count, 8),
    )


def test_the_terms_of_a_layer_are_of_what_is_matched() -> None:
    truth = Boxes(torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]]), torch.tensor([0, 1]))
    boxes = torch.cat([truth.boxes.flip(0), torch.tensor([[0.5, 0.5, 0.1, 0.1]])])
    found = losses.layer_loss(layer_of(boxes, torch.tensor([20.0, 20.0, -20.0])), 0, truth, torch.zeros(4, 6, 6))
    assert isinstance(found, LayerLoss)
    assert float(found.present) == pytest.approx(0, abs=1e-5)
    assert float(found.box) == pytest.approx(0, abs=1e-5)
    assert float(found.kind) == pytest.approx((np.log1p(np.exp(-8)) + np.log1p(np.exp(8))) / 2, rel=1e-4)
    nothing = losses.layer_loss(
        layer_of(boxes, torch.zeros(3)), 0, Boxes(truth.boxes[:0], truth.labels[:0]), torch.zeros(4, 6, 6)
    )
    assert float(nothing.box) == 0
    assert float(nothing.present) > 0


def test_presence_learns_how_well_a_box_fits_and_near_ones_are_the_object_too() -> None:
    truth = Boxes(torch.tensor([[0.3, 0.3, 0.2, 0.2]]), torch.tensor([0]))
    boxes = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.32, 0.3, 0.2, 0.2], [0.4, 0.3, 0.2, 0.2]])
    fits = torch.tensor([1.0, 0.18 / 0.22, 0.0])  # their IoU; the third has a third, which is too little

    def present(chance: torch.Tensor) -> float:
        layer = layer_of(boxes, torch.logit(chance.clamp(1e-6, 1 - 1e-6)))
        return float(losses.layer_loss(layer, 0, truth, torch.zeros(4, 6, 6)).present)

    assert present(fits) == pytest.approx(0, abs=1e-3)
    for row in range(3):
        other = fits.clone()
        other[row] = 0.4
        assert present(other) > 0.01
    moved = torch.tensor([[0.305, 0.3, 0.2, 0.2], *boxes[1:].tolist()], requires_grad=True)
    layer = layer_of(boxes, torch.zeros(3))._replace(boxes=moved[None])
    losses.layer_loss(layer, 0, truth, torch.zeros(4, 6, 6)).box.backward()
    assert moved.grad is not None
    assert moved.grad.abs().sum(dim=1).gt(0).tolist() == [True, True, False]


def test_masks_are_compared_near_their_box_and_dice_sees_all() -> None:
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[0, 2:4, 2:4] = True
    box = torch.tensor([[3 / 8, 3 / 8, 2 / 8, 2 / 8]])
    right = torch.where(truth, 12.0, -12.0)
    mask, dice = losses.mask_losses(right, truth, box)
    assert float(mask) == pytest.approx(0, abs=1e-4)
    assert float(dice) == pytest.approx(0, abs=1e-3)
    spilt = right.clone()
    spilt[0, 7, 7] = 12.0  # far from the box
    assert losses.mask_losses(spilt, truth, box)[1] > 0.05
