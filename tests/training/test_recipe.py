"""Recipes: what is wrong with one is said before anything is read or trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sightline.data.families import FAMILIES
from sightline.errors import UsageError
from sightline.training.egnet import EGNetRecipe
from sightline.training.recipe import RECIPES, Chain, DataSource, Optimisation, builder, read_recipe, shipped_recipes
from sightline.training.wcsnet import WCSNetRecipe

Write = Callable[..., Path]
Read = Callable[..., Chain]


def texts(values: Any) -> list[str]:
    """Every text among values."""
    if isinstance(values, dict | list):
        inner = values.values() if isinstance(values, dict) else values
        return [text for value in inner for text in texts(value)]
    return [values] if isinstance(values, str) else []


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_valid_and_finds_its_data_below_one_folder(name: str, tmp_path: Path) -> None:
    chain = read_recipe(name, (), tmp_path)
    for stage in chain.stages:
        found = texts(chain.recipe(stage, tmp_path / "out").model_dump(mode="json"))
        assert not [text for text in found if "$" in text]
        assert any(text.startswith(f"{tmp_path}/") for text in found)
    assert name.split("-")[0] == chain.last.train.split("-")[0], "a recipe is named after what it is for"


def test_everything_that_can_be_trained_has_a_recipe_in_the_package_and_a_builder() -> None:
    recipes = [recipe for name in shipped_recipes() for recipe in read_recipe(name).stages.values()]
    assert {recipe.train for recipe in recipes} == {*RECIPES}
    assert all(callable(builder(recipe)) for recipe in recipes)


def test_the_shipped_chains_hand_weights_on() -> None:
    assert [*read_recipe("wcsnet").stages] == [*read_recipe("gaze2mask").stages] == ["stills", "videos"]
    chain = read_recipe("wcsnet", (), Path("/data"))
    videos = chain.recipe("videos", Path("/out"))
    assert isinstance(videos, WCSNetRecipe)
    assert videos.init == "/out/stills"
    assert chain.folders(Path("/out")) == {"stills": Path("/out/stills"), "videos": Path("/out/videos")}
    assert videos.views.sources[0].root == Path("/data/image_fixations/mit1003")
    assert read_recipe("egnet").folders(Path("/out")) == {"egnet": Path("/out")}


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("egnet", {"train": "nonsense"}, "needs a line `train: NAME` with NAME one of egnet, gaze2mask"),
        ("egnet", {"train": ["egnet"]}, "needs a line `train: NAME`"),
        ("egnet", {"optimisation": {"steps": 0, "learning_rate": 1}}, "optimisation.steps: "),
        ("egnet", {"optimisation": {"steps": 1}}, "optimisation.learning_rate: Field required"),
        ("egnet", {"optimisation": {"steps": 1, "learning_rate": 1, "optimiser": "lion"}}, "optimisation.optimiser: "),
        ("egnet", {"optimisation": {"steps": 1, "learning_rate": 1, "momentum": 0.9}}, "adam has no momentum"),
        ("egnet", {"optimisation": {"steps": 1, "learning_rate": 1, "rates": {"head": -1}}}, "must not be negative"),
        ("egnet", {"optimiser": "sgd"}, "optimiser: Extra inputs are not permitted"),
        ("egnet", {"frozen_stages": 4}, "frozen_stages: "),
        ("egnet", {"data": [{"family": "magic", "root": "."}]}, "data.0: .*unknown family 'magic'; one of .*bsds500"),
        ("egnet", {"data": [{"family": "fixations", "root": ".", "skip": ["a"]}]}, "data.0: .*has no sequences"),
        ("egnet", {"data": [{"family": "fixations", "root": ".", "split": "val"}]}, "data.0: .*no split 'val'"),
        ("egnet", {"data": [{"family": "salicon", "root": ".", "split": "test"}]}, "known splits: train, val"),
        ("wcsnet", {"kinds": {"film": 1}}, r"kinds\.film"),
        ("wcsnet", {"kinds": {}}, "kinds: shares must not be negative"),
        ("wcsnet", {"kinds": {"photo": 0.0, "video": 0.0}}, "one must be above 0"),
        ("wcsnet", {"kinds": {"photo": 1.5, "video": -0.5}}, "must not be negative"),
        ("wcsnet", {"views": {"backbone": "resnet-50", "saliency": "egnet", "sources": []}}, "both must name the same"),
        ("wcsnet", {"network": {"correlation": "none"}}, "network.correlation: "),
        ("wcsnet", {"init": "$OUT/stills"}, r"\$OUT/stills is no earlier stage"),
        ("egcnet", {"batch_size": 2}, "batch_size: Extra inputs"),
        ("chain", {"stages": {}}, "stages: each needs a name and fields"),
        ("chain", {"stages": {"stills": None}}, "stages: each needs a name and fields"),
        ("chain", {"stages": {"../up": {}}}, r"stages\.\.\./up: a stage's name is that of a folder"),
        ("chain", {"stages": {"a": {"kinds": {"photo": 1}}, "b": {}}}, r"stages\.b\.kinds: Field required"),
    ],
)
def test_errors_name_the_file_and_the_field(recipe: Write, kind: str, changes: dict[str, Any], message: str) -> None:
    path = recipe(kind, **changes)
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such recipe; give a file or one of egcnet, egnet"):
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


def test_a_file_beside_is_not_the_shipped_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "egnet").mkdir()
    (tmp_path / "egnet.yaml").write_text("train: nonsense\n")
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_recipe("egnet").last, EGNetRecipe)
    with pytest.raises(UsageError, match=r"egnet\.yaml: needs a line"):
        read_recipe("./egnet.yaml")


def test_set_changes_fields_and_groups_that_were_left_out(chain: Read, recipe: Write) -> None:
    changed = chain("wcsnet", "optimisation.steps=7", "network.levels=[4, 5]", "keep=[boat]", "init=null").last
    assert isinstance(changed, WCSNetRecipe)
    assert changed.optimisation.steps == 7
    assert changed.network.levels == (4, 5)
    assert changed.keep == ["boat"]
    assert changed.init is None
    path = recipe("egnet")
    path.write_text(yaml.safe_dump({k: v for k, v in yaml.safe_load(path.read_text()).items() if k != "network"}))
    shallow = read_recipe(path, ["network.width=5"]).last
    assert isinstance(shallow, EGNetRecipe)
    assert shallow.network.width == 5


def test_set_changes_every_stage_or_one(chain: Read) -> None:
    changed = chain("chain", "seed=3", "optimisation.steps=9", "stages.videos.optimisation.steps=7").stages
    assert [(stage.seed, stage.optimisation.steps) for stage in changed.values()] == [(3, 9), (3, 7)]
    assert [*chain("chain", "stages.videos=null", "seed=1").stages] == ["stills"]
    with pytest.raises(UsageError, match=r"\$OUT/stills is no earlier stage \(none, as it is the first\)"):
        chain("chain", "stages.stills=null")
    with pytest.raises(UsageError, match="no stage is left"):
        chain("chain", "stages.stills=null", "stages.videos=null")
    with pytest.raises(UsageError, match="name one of the stages stills, videos"):
        chain("chain", "stages.film.seed=1")


def test_groups_of_a_stage_are_merged_with_what_all_share(recipe: Write) -> None:
    stages = {"a": {"kinds": {"photo": 1.0}, "optimisation": {"steps": 9}}, "b": {"kinds": {"video": 1.0}}}
    read = read_recipe(recipe("chain", stages=stages)).stages
    assert [stage.optimisation.steps for stage in read.values()] == [9, 4]
    assert {stage.optimisation.ema for stage in read.values()} == {0.9}


def test_the_views_are_those_of_the_networks_backbone(chain: Read, tmp_path: Path) -> None:
    changed = chain("wcsnet", "network.backbone=resnet-101")
    for recipe in (changed.last, changed.recipe("wcsnet", tmp_path)):
        assert isinstance(recipe, WCSNetRecipe)
        assert recipe.views.backbone == "resnet-101"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "`overrides` steps: write field=value"),
        ("held_out.more=1", "held_out is a value, not a group"),
        ("keep=[a", "the value is no YAML"),
        ("optimisation.steps=many", "optimisation.steps: "),
    ],
)
def test_set_that_cannot_be_followed(chain: Read, override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chain("egnet", override)


def test_variables_of_paths(recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recipe("egnet")
    monkeypatch.setenv("DATA", "/from/the/environment")
    there = read_recipe(path, ["backbone_weights=$DATA/other"], tmp_path).recipe("egnet", tmp_path)
    assert isinstance(there, EGNetRecipe)
    assert there.backbone_weights == f"{tmp_path}/other"
    assert there.data[0].root == tmp_path / "fixations"
    with pytest.raises(UsageError, match=r"\$DATA/backbone: where \$DATA is, is not known; give `data`"):
        read_recipe(path).recipe("egnet", tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    with pytest.raises(UsageError, match=r"\$HOME/weights: an unknown variable"):
        read_recipe(path, ["backbone_weights=$HOME/weights"], tmp_path).recipe("egnet", tmp_path)


@pytest.mark.parametrize("family", [*FAMILIES, "pseudo"])
def test_every_family_of_data_may_stand_in_a_recipe(family: str) -> None:
    assert DataSource(family=family, root=Path("x")).layout in FAMILIES


def test_the_recipe_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/training.md").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    videos = read_recipe(tmp_path / "mine.yaml", (), tmp_path).stages["videos"]
    assert isinstance(videos, WCSNetRecipe)
    assert videos.optimisation.optimiser == "sgd"
    fields = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert {*Optimisation.model_fields} <= fields, "every field is described"
    assert {*shipped_recipes()} <= fields


def test_the_documentation_names_the_stages_of_every_shipped_recipe() -> None:
    text = (Path(__file__).parents[2] / "docs/training.md").read_text(encoding="utf-8")
    table = text.split("| recipe |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| [^|]+ \| (one|`[^|]+`) \|$", table, re.MULTILINE)
    told = {name: re.findall(r"`([^`]+)`", stages) for name, stages in rows}
    assert set(told) == set(shipped_recipes())
    for name, stages in told.items():
        chain = read_recipe(name, (), Path("data"))
        assert stages == (list(chain.stages) if len(chain.stages) > 1 else []), name
