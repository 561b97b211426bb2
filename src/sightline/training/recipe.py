"""Training recipes: YAML that is checked before anything is read or trained.

A recipe is a chain of stages, mostly of one. Fields beside `stages` hold for every stage:

    train: wcsnet
    seed: 0
    stages:
      stills: {optimisation: {steps: 550, learning_rate: 0.001}, ...}
      videos: {init: $OUT/stills, optimisation: {steps: 300, learning_rate: 0.0004}, ...}

`$DATA` is the folder of data sets that a run is given, `$OUT/<stage>` the weights of an earlier stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sightline.data.families import FAMILIES
from sightline.data.samples import VideoSequence
from sightline.errors import UsageError
from sightline.training.fields import override, replaced, stages_of, texts_of
from sightline.untrusted import parse_yaml

RECIPES = {
    "egnet": "sightline.training.egnet:EGNetRecipe",
    "gaze2mask": "sightline.training.wcsnet:Gaze2MaskRecipe",
    "wcsnet": "sightline.training.wcsnet:WCSNetRecipe",
    "egcnet": "sightline.training.egcnet:EGCNetRecipe",
    "scam": "sightline.training.stanet:ScamRecipe",
    "stanet": "sightline.training.stanet:STANetRecipe",
    "scam-plus": "sightline.training.stanet_plus:ScamPlusRecipe",
    "stanet-plus": "sightline.training.stanet_plus:STANetPlusRecipe",
    "samgop": "sightline.training.samgop:SamGOPRecipe",
    "stanet-fixations": "sightline.training.stanet:WatchedRecipe",
}
"""What can be trained: the package, which has `build(recipe)`, and its recipe class."""
SHIPPED = Path(__file__).parents[1] / "recipes"
PSEUDO = "pseudo"
"""The family of photographs with fixations whose objects DeepLab finds."""
TAUGHT = "taught"
"""The family of photographs with fixations whose objects a salient-object network shows."""


class Checked(BaseModel):
    """A group of fields; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid")


class DataSource(Checked):
    """One data set: its family (of `sightline.data.FAMILIES`, PSEUDO or TAUGHT), its folder, and which part of it.

    split: of the families that have some. keep: sequences of a family of videos to use, None for all; skip: those to
    leave out. teacher: U2-Net as .onnx, or a folder with that, for TAUGHT.
    """

    family: str
    root: Path
    split: str | None = None
    keep: list[str] | None = None
    skip: list[str] = Field(default_factory=list)
    teacher: Path | None = None

    @property
    def layout(self) -> str:
        """The family whose reader reads this one."""
        return "fixations" if self.family in (PSEUDO, TAUGHT) else self.family

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.layout not in FAMILIES:
            raise ValueError(
                f"unknown family {self.family!r}; one of {', '.join([*FAMILIES, PSEUDO, TAUGHT])} is expected"
            )
        if (self.family == TAUGHT) != (self.teacher is not None):
            raise ValueError(f"`teacher` goes with the family {TAUGHT}, and with no other; set both, or none")
        FAMILIES[self.layout].check_split(self.split)
        if (self.keep is not None or self.skip) and FAMILIES[self.layout].sample is not VideoSequence:
            raise ValueError(f"{self.family} has no sequences; leave `keep` and `skip` out")
        return self


class Optimisation(Checked):
    """An optimiser with a linear warm-up and a cosine decay to zero."""

    steps: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    rates: dict[str, float] = Field(
        default_factory=dict,
        description="learning rates of modules by name, where they differ; the longest name that fits counts, and 0 "
        "leaves a module as it is",
    )
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(0.0, ge=0)
    warmup_steps: int = Field(50, ge=0)
    ema: float = Field(0.0, ge=0, lt=1, description="decay of the running average of the weights; 0 for none")
    start_share: float = Field(
        0.0, ge=0, lt=1, description="share of the weights at the start in those that are saved; 0 for none"
    )

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.momentum and self.optimiser != "sgd":
            raise ValueError(f"{self.optimiser} has no momentum; leave `momentum` out")
        if min(self.rates.values(), default=0) < 0:
            raise ValueError("rates: a learning rate must not be negative")
        return self


class Recipe(Checked):
    """What the recipes of all networks say."""

    train: str
    optimisation: Optimisation
    seed: int = 0
    precision: Literal["32-true", "bf16-mixed"] = Field(
        "32-true", description="bf16-mixed makes convolutions about twice as fast on processors that know bfloat16"
    )


@dataclass(frozen=True)
class Chain:
    """The stages of a recipe, in the order in which they are trained, by name.

    A chain of one stage is trained in the output folder itself; one of several has a folder a stage inside of it.
    """

    stages: dict[str, Recipe]

    @property
    def last(self) -> Recipe:
        """The recipe whose weights the chain is for."""
        return next(reversed(self.stages.values()))

    def folders(self, output: Path) -> dict[str, Path]:
        """Where each stage is trained."""
        return {name: output / name if len(self.stages) > 1 else output for name in self.stages}

    def recipe(self, stage: str, output: Path) -> Recipe:
        """The recipe of a stage with $OUT replaced. Raises UsageError where a variable is left."""
        recipe = self.stages[stage]
        values = replaced(recipe.model_dump(mode="json", exclude_unset=True), "$OUT", str(output.resolve()))
        left = next((text for text in texts_of(values) if "$" in text), None)
        if left is not None and "$DATA" in left:
            raise UsageError(f"{left}: where $DATA is, is not known; give `data`, the folder of the data sets")
        if left is not None:
            raise UsageError(f"{left}: an unknown variable; a recipe has $DATA, and $OUT in a chain of stages")
        return type(recipe).model_validate(values)


def shipped_recipes() -> list[str]:
    """Give the names of the recipes in the package.

    Returns
    -------
    list of str

    Examples
    --------
    >>> "wcsnet" in shipped_recipes()
    True
    """
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_recipe(name: str | Path, overrides: Sequence[str] = (), data: Path | None = None) -> Chain:
    """Read and check a YAML recipe.

    Parameters
    ----------
    name : str or Path
        A shipped recipe (`shipped_recipes`), or the path of a file.
    overrides : sequence of str, optional
        `field.field=value`, the value in YAML. It is set in every stage, before the check. `stages.NAME.field=value`
        sets it in one stage, and `stages.NAME=null` leaves that stage out.
    data : Path, optional
        What $DATA stands for. Where it is not given, $DATA stays, and training refuses the recipe.

    Returns
    -------
    Chain
        The checked recipe of every stage.

    Raises
    ------
    UsageError
        With the file, the field and what is wrong with it.

    Examples
    --------
    >>> from pathlib import Path
    >>> chain = read_recipe("wcsnet", ["stages.videos.optimisation.steps=9"], Path("/data"))
    >>> [(stage, recipe.optimisation.steps) for stage, recipe in chain.stages.items()]
    [('stills', 550), ('videos', 9)]
    """
    path = SHIPPED / f"{name}.yaml" if str(name) in shipped_recipes() else Path(name)
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such recipe; give a file or one of {', '.join(shipped_recipes())}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({error})") from None
    try:
        stages = stages_of(values if isinstance(values, dict) else {})
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    for text in overrides:
        override(stages, text)
    try:
        stages = {stage: fields for stage, fields in stages.items() if fields is not None}
        if not stages:
            raise ValueError("no stage is left to train")
        if data is not None:
            stages = replaced(stages, "$DATA", str(data.resolve()))
        recipes = {stage: _recipe(fields, stage if len(stages) > 1 else "") for stage, fields in stages.items()}
        _check_references(recipes)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    return Chain(recipes)


def builder(recipe: Recipe) -> Callable[[Any], Any]:
    """Give the function that makes a recipe's network and data: `build(recipe)` gives a task and its data module."""
    build: Callable[[Any], Any] = import_module(RECIPES[recipe.train].partition(":")[0]).build
    return build


_WANTED = f"needs a line `train: NAME` with NAME one of {', '.join(RECIPES)}"


def _trained(fields: dict[str, Any]) -> str:
    """What a stage trains."""
    name = fields.get("train")
    if not isinstance(name, str) or name not in RECIPES:
        raise ValueError(_WANTED)
    return name


def _recipe(fields: dict[str, Any], stage: str) -> Recipe:
    """The checked recipe of a stage. Raises ValueError with all that is wrong with it, in one line."""
    place = f"stages.{stage}." if stage else ""
    module, _, name = RECIPES[_trained(fields)].partition(":")
    kind: type[Recipe] = getattr(import_module(module), name)
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        problems = (f"{place}{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError("; ".join(problems)) from None


def _check_references(recipes: dict[str, Recipe]) -> None:
    """Raise ValueError for a stage that wants the weights of one that does not come before it."""
    earlier: list[str] = []
    for stage, recipe in recipes.items():
        for text in texts_of(recipe.model_dump(mode="json")):
            if text.startswith("$OUT") and text.removeprefix("$OUT/") not in earlier:
                known = ", ".join(f"$OUT/{name}" for name in earlier) or "none, as it is the first"
                raise ValueError(f"stages.{stage}: {text} is no earlier stage ({known})")
        earlier.append(stage)
