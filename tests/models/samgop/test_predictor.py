from pathlib import Path

import numpy as np
import pytest
import torch

from models.samgop.conftest import save, small
from models.small import backbone
from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.samgop.predictor import SamGOPPredictor


@pytest.fixture(autouse=True)
def small_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.models.samgop.network.build_backbone", lambda _name: backbone())


def saved(folder: Path, **rules: float) -> SamGOPPredictor:
    save(folder, **rules)
    return SamGOPPredictor(folder, torch.device("cpu"))


def test_a_frame_has_all_that_is_given(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    (frame,) = saved(tmp_path).predict(picture)
    assert frame.mask is not None
    assert frame.heatmap is not None
    assert frame.mask.shape == frame.heatmap.shape == (90, 120)
    assert frame.heatmap.dtype == np.float32
    assert [one.number for one in frame.objects] == list(range(1, len(frame.objects) + 1))
    assert {one.label for one in frame.objects} <= {"cup", "book"}
    assert frame.mask.max() <= len(frame.objects)
    assert frame.people
    for person in frame.people:
        x1, y1, x2, y2 = person.head
        assert 0 <= x1 < x2 <= 120
        assert 0 <= y1 < y2 <= 90
        assert person.target is not None
        assert 0 <= person.target[0] <= 120
        assert 0 <= person.target[1] <= 90
        assert person.object is None or 1 <= person.object <= len(frame.objects)


def test_the_same_picture_gives_the_same(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    first, second = saved(tmp_path).predict(np.stack([picture, picture]))
    assert [person.target for person in first.people] == [person.target for person in second.people]


def test_what_draws_eyes_is_a_part_of_its_own_that_is_asked_for_where_the_config_says_so(tmp_path: Path) -> None:
    whole = saved(tmp_path)
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    (frame,) = whole.predict(picture)
    assert whole.sight is not None
    whole.sight.forward = lambda images: torch.full((1, 1, 8, 8), -9.0)  # type: ignore[method-assign]
    whole._engines.clear()
    (other,) = whole.predict(picture)
    assert frame.details is not None
    assert other.details is not None
    assert np.abs(frame.details.heat - other.details.heat).max() > 1e-4
    network = small({"saliency": False})
    weights.save(network, network.config.model_dump(mode="json"), tmp_path / "without")
    assert SamGOPPredictor(tmp_path / "without", torch.device("cpu")).sight is None
    unnamed = small()
    weights.save(unnamed, unnamed.config.model_dump(mode="json"), tmp_path / "unnamed")
    with pytest.raises(WeightsError, match="egnet is not named"):
        SamGOPPredictor(tmp_path / "unnamed", torch.device("cpu"))


def test_nobody_and_nothing_is_an_empty_frame(tmp_path: Path) -> None:
    (frame,) = saved(tmp_path, head_score=1.0, object_score=1.0).predict(np.zeros((64, 80, 3), np.uint8))
    assert (frame.people, frame.objects) == ((), ())
    assert frame.heatmap is not None
    assert frame.mask is not None
    assert frame.heatmap.max() == 0
    assert frame.mask.max() == 0


def test_a_target_out_of_view_is_said_and_not_forced_onto_an_object(tmp_path: Path) -> None:
    (frame,) = saved(tmp_path, inside_score=1.0).predict(
        np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8)
    )
    assert frame.people
    assert all(person.target is None and person.object is None for person in frame.people)
    assert all(0 <= person.target_score <= 1 for person in frame.people)
    assert frame.heatmap is not None
    assert frame.heatmap.max() == 0
    assert frame.details.heat.shape == (len(frame.people), 64, 64)


def test_heads_that_are_given_take_the_place_of_those_found(tmp_path: Path) -> None:
    picture = np.random.default_rng(3).integers(0, 255, (64, 96, 3), np.uint8)
    given = np.array([[10.0, 5, 30, 30], [50.0, 40, 60, 50], [80.0, 50, 96, 64]])
    (frame,) = saved(tmp_path).predict(picture, heads=given)
    assert [person.number for person in frame.people] == [1, 2, 3]
    np.testing.assert_allclose([person.head for person in frame.people], given, atol=1e-3)
    assert {person.head_score for person in frame.people} == {1.0}


def test_the_heatmap_is_the_highest_of_the_people_in_view(tmp_path: Path) -> None:
    (frame,) = saved(tmp_path).predict(np.random.default_rng(4).integers(0, 255, (64, 64, 3), np.uint8))
    assert frame.heatmap is not None
    np.testing.assert_allclose(frame.heatmap, frame.details.heat.max(axis=0), atol=1e-6)
    for person, point in zip(frame.people, frame.details.points, strict=True):
        assert person.target == pytest.approx(tuple(64 * point))


def test_people_and_objects_keep_their_numbers_and_rows_their_order(tmp_path: Path) -> None:
    picture = np.random.default_rng(5).integers(0, 255, (64, 96, 3), np.uint8)
    heads = {0: np.array([[10.0, 5, 30, 30], [50.0, 40, 70, 60]]), 1: np.array([[51.0, 41, 71, 61], [11.0, 6, 31, 31]])}
    first, second = saved(tmp_path).predict(np.stack([picture, picture]), heads=heads)
    assert [person.number for person in second.people] == [1, 2]
    assert second.people[0].head[0] == pytest.approx(11, abs=1e-3)
    x, y = second.details.points[0] * (96, 64)
    alone = next(iter(saved(tmp_path).predict(picture, heads=heads[1][1:])))
    assert alone.people[0].target == pytest.approx((x, y), abs=0.05)
    assert [one.number for one in first.objects] == [one.number for one in second.objects]
    assert second.mask is not None
    assert {*np.unique(second.mask)} - {0} <= {one.number for one in second.objects}


def test_nobody_is_the_same_after_a_cut_and_a_head_over_the_border_is_cut(tmp_path: Path) -> None:
    dark, light = np.zeros((64, 96, 3), np.uint8), np.full((64, 96, 3), 250, np.uint8)
    first, second = saved(tmp_path).predict(np.stack([dark, light]), heads=np.array([[-10.0, 5, 30, 80]]))
    assert first.people[0].head == pytest.approx((0, 5, 30, 64), abs=1e-3)
    assert (first.people[0].number, second.people[0].number) == (1, 2)


def test_thirty_people_have_a_target_each(tmp_path: Path) -> None:
    heads = np.array([[10.0 * x, 20.0 * y, 10.0 * x + 8, 20.0 * y + 12] for x in range(6) for y in range(5)])
    (frame,) = saved(tmp_path).predict(np.random.default_rng(6).integers(0, 255, (100, 64, 3), np.uint8), heads=heads)
    assert [person.number for person in frame.people] == list(range(1, 31))
    assert len({person.target for person in frame.people}) > 10


def test_a_config_of_something_else_is_said(tmp_path: Path) -> None:
    saved(tmp_path)
    text = (tmp_path / "config.json").read_text().replace('"queries": 12', '"queries": 0')
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"detector\.queries"):
        SamGOPPredictor(tmp_path, torch.device("cpu"))
