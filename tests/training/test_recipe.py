"""Recipes: what is wrong with one is said before anything is read or trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sightline.errors import UsageError
from sightline.training.recipe import EGCNetRecipe, EGNetRecipe, WCSNetRecipe, expand, read_recipe, shipped_recipes

Recipe = Callable[..., Path]


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_valid_and_says_where_its_data_are(name: str) -> None:
    recipe = read_recipe(name)
    match recipe:
        case EGNetRecipe():
            sources = recipe.data
        case EGCNetRecipe():
            sources = recipe.photographs + recipe.videos
        case _:
            sources = recipe.views.sources
    assert all(source.root.startswith("$DATA/") for source in sources)


def test_there_are_recipes_for_all_networks() -> None:
    assert {read_recipe(name).train for name in shipped_recipes()} == {"egnet", "gaze2mask", "wcsnet", "egcnet"}


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("egnet", {"train": "nonsense"}, "needs a line `train: NAME` with NAME one of egnet, gaze2mask, wcsnet"),
        ("egnet", {"train": ["egnet"]}, "needs a line `train: NAME`"),
        ("egnet", {"optimisation": {"steps": 0, "batch_size": 1, "learning_rate": 1}}, "optimisation.steps: "),
        ("egnet", {"optimisation": {"steps": 1, "batch_size": 1}}, "optimisation.learning_rate: Field required"),
        ("egnet", {"optimiser": "sgd"}, "optimiser: Extra inputs are not permitted"),
        ("egnet", {"frozen_stages": 4}, "frozen_stages: "),
        ("egnet", {"data": [{"family": "magic", "root": "."}]}, "data.0.family: "),
        ("egnet", {"data": [{"family": "fixations", "root": ".", "skip": ["a"]}]}, "data.0: .*has no sequences"),
        ("egnet", {"data": [{"family": "fixations", "root": ".", "split": "val"}]}, "data.0: .*has no splits"),
        ("wcsnet", {"kinds": {"film": 1}}, r"kinds\.film"),
        ("wcsnet", {"kinds": {}}, "kinds: shares must not be negative"),
        ("wcsnet", {"kinds": {"photo": 0.0, "video": 0.0}}, "one must be above 0"),
        ("wcsnet", {"kinds": {"photo": 1.5, "video": -0.5}}, "must not be negative"),
        ("wcsnet", {"views": {"backbone": "resnet-50", "gaze": "egnet", "sources": []}}, "both must name the same"),
        ("wcsnet", {"network": {"correlation": "none"}}, "network.correlation: "),
    ],
)
def test_errors_name_the_file_and_the_field(recipe: Recipe, kind: str, changes: dict[str, Any], message: str) -> None:
    path = recipe(kind, **changes)
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such recipe"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read as YAML"):
        read_recipe(tmp_path)
    for content in (
        b"train: [egnet",
        b"\xff\xfe\x00",
        b"- a\n- b\n",
        b"",
        b"train: !!python/object/apply:os.getcwd []",
    ):
        (tmp_path / "bad.yaml").write_bytes(content)
        with pytest.raises(UsageError, match=r"bad\.yaml: ") as caught:
            read_recipe(tmp_path / "bad.yaml")
        assert "\n" not in str(caught.value)


def test_set_changes_fields_and_groups_that_were_left_out(recipe: Recipe) -> None:
    changed = read_recipe(
        recipe("wcsnet"), ["optimisation.steps=7", "network.levels=[4, 5]", "keep=[boat]", "init=null"]
    )
    assert isinstance(changed, WCSNetRecipe)
    assert changed.optimisation.steps == 7
    assert changed.network.levels == (4, 5)
    assert changed.keep == ["boat"]
    assert changed.init is None
    path = recipe("egnet")
    path.write_text(yaml.safe_dump({k: v for k, v in yaml.safe_load(path.read_text()).items() if k != "network"}))
    assert read_recipe(path, ["network.width=5"]).network.width == 5


def test_the_views_are_those_of_the_networks_backbone(recipe: Recipe) -> None:
    changed = read_recipe(recipe("wcsnet"), ["network.backbone=resnet-101"])
    assert isinstance(changed, WCSNetRecipe)
    assert changed.views.backbone == "resnet-101"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "write field=value"),
        ("held_out.more=1", "held_out is a value, not a group"),
        ("keep=[a", "the value is no YAML"),
        ("optimisation.steps=many", "optimisation.steps: "),
    ],
)
def test_set_that_cannot_be_followed(recipe: Recipe, override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_recipe(recipe("egnet"), [override])


def test_variables_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", "/somewhere")
    assert expand("$DATA/vos") == "/somewhere/vos"
    monkeypatch.delenv("DATA")
    with pytest.raises(UsageError, match=r"\$DATA/vos: the variable is not set; .*--data"):
        expand("$DATA/vos")
