"""A training recipe: one YAML file, shipped in sightline/recipes or a user's own, checked before anything is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sightline.errors import UsageError
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.nn.egnet import EGNetConfig

VIDEOS = frozenset(
    {"davis2016", "davsod", "fbms", "s-davis", "s-davsod", "segtrackv2", "visal", "vos", "youtube-objects"}
)
"""The families of data that are videos."""


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DataSource(_Checked):
    """One data set: its family, its folder, and which part of it.

    root: may start with `$DATA`, which the --data option (or the environment variable DATA) replaces. split: of the
    families that have some. keep: sequences of a family of videos to use, None for all; skip: those to leave out.
    """

    family: Literal[
        "fixations",
        "salicon",
        "bsds500",
        "pseudo",
        "voc",
        "duts",
        "davis2016",
        "davsod",
        "fbms",
        "s-davis",
        "s-davsod",
        "segtrackv2",
        "visal",
        "vos",
        "youtube-objects",
    ]
    root: str
    split: str | None = None
    keep: list[str] | None = None
    skip: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _used(self) -> DataSource:
        if self.split is not None and self.family not in {"salicon", "voc", "duts", "davis2016", "fbms"}:
            raise ValueError(f"{self.family} has no splits; leave `split` out")
        if (self.keep is not None or self.skip) and self.family not in VIDEOS:
            raise ValueError(f"{self.family} has no sequences; leave `keep` and `skip` out")
        return self

    @property
    def folder(self) -> Path:
        """The root with $DATA replaced. Raises UsageError where it is not set."""
        return Path(expand(self.root))


def expand(path: str) -> str:
    """A path of a recipe with its variables ($DATA) replaced. Raises UsageError where one is not set."""
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise UsageError(f"{path}: the variable is not set; pass the folder of the data with --data")
    return expanded


class Optimisation(_Checked):
    """Adam with a linear warm-up and a cosine decay to zero."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    backbone_rate: float = Field(0.0, ge=0, description="learning rate of the backbone's trained stages; 0 freezes all")
    weight_decay: float = Field(0.0, ge=0)
    warmup_steps: int = Field(50, ge=0)
    ema: float = Field(0.0, ge=0, lt=1, description="decay of the running average of the weights; 0 for none")


class EGNetRecipe(_Checked):
    """Train EG-Net on photographs with fixations (Sec. 3.3)."""

    train: Literal["egnet"]
    network: EGNetConfig = EGNetConfig()
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    data: list[DataSource]
    held_out: float = Field(0.1, ge=0, lt=1, description="share of the photographs to validate on")
    optimisation: Optimisation
    frozen_stages: int = Field(3, ge=0, le=3, description="first backbone stages that stay as they are")
    views: int = Field(4, ge=1, description="augmented copies of a photograph whose frozen features are kept")
    density_sigma: float = Field(0.034, gt=0, description="blur of the fixations, in parts of the longer side")
    nss_weight: float = Field(0.0, ge=0, description="weight of the NSS term beside the cross-entropy")
    seed: int = 0


class Views(_Checked):
    """The targets that Gaze2Mask-Net and WCS-Net train on; equal values share one bank of features on disk.

    backbone: the network's, which is also what is taken where it is left out.
    """

    backbone: str = "deeplab-mobilenet-v2"
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    gaze: str = Field(description="the EG-Net that makes the gaze maps: a folder, or a shipped model's name")
    sources: list[DataSource]
    stills: int = Field(4, ge=2, description="views of a target in a still; videos have 2 a frame")
    seed: int = 0


class _MaskRecipe(_Checked):
    network: Gaze2MaskConfig | WCSNetConfig
    views: Views
    kinds: dict[Literal["pseudo", "photo", "video"], float] = Field(description="share of each kind in a batch")
    keep: list[str] | None = Field(None, description="videos to train on; None is all")
    init: str | None = Field(None, description="weights to start from: a folder")
    optimisation: Optimisation
    validation: list[str] = Field(default_factory=list, description="videos to validate on, never trained on")
    seed: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> _MaskRecipe:
        if min(self.kinds.values(), default=0) < 0 or not sum(self.kinds.values()):
            raise ValueError("kinds: shares must not be negative, and one must be above 0")
        if "backbone" not in self.views.model_fields_set:
            self.views.backbone = self.network.backbone
        if self.network.backbone != self.views.backbone:
            raise ValueError(
                f"network.backbone is {self.network.backbone} and views.backbone {self.views.backbone}; "
                "both must name the same"
            )
        return self


class Gaze2MaskRecipe(_MaskRecipe):
    """Train Gaze2Mask-Net on targets and the gaze that falls inside them (Sec. 3.3)."""

    train: Literal["gaze2mask"]
    network: Gaze2MaskConfig = Gaze2MaskConfig()


class WCSNetRecipe(_MaskRecipe):
    """Train WCS-Net on pairs of views of one target: stage 1 on stills, stage 2 on video with `init` (Sec. 3.3)."""

    train: Literal["wcsnet"]
    network: WCSNetConfig = WCSNetConfig()


class EGCNetLosses(_Checked):
    """Weights of EGCNet's losses, and where fixations say object or background."""

    coherence: float = Field(4.0, ge=0)
    sharpening: float = Field(2.0, ge=0, description="towards the mask that colours make of the network's own")
    consistency: float = Field(1.0, ge=0)
    contrast: float = Field(0.3, ge=0, description="IIMC, where the network has it")
    inter: float = Field(0.5, ge=0, description="share of the contrast between videos")
    scribbles: float = Field(0.3, ge=0, description="on the strokes, where there are some")
    peak: float = Field(0.5, gt=0, lt=1, description="object where the evidence is above this part of its maximum")
    floor: float = Field(
        0.12, gt=0, lt=1, description="background where the evidence is below this part of its maximum"
    )


class EGCNetRecipe(_Checked):
    """Train EGCNet from fixations: recorded ones on photographs and videos, simulated ones on other videos.

    sight: the EG-Net that becomes the fixation head. scribbles: videos have a set's own, or some that are simulated
    from masks; without them no mask is seen.
    """

    train: Literal["egcnet"]
    network: EGCNetConfig = EGCNetConfig()
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    sight: str = Field(description="the EG-Net: a folder, or a shipped model's name")
    photographs: list[DataSource] = Field(default_factory=list)
    watched: list[str] = Field(default_factory=list, description="folders of videos with recorded fixations")
    videos: list[DataSource] = Field(default_factory=list, description="observers are simulated where a set has none")
    scribbles: bool = Field(False, description="label with scribbles of `videos`, or simulated from their masks")
    observers: int = Field(12, ge=1, description="simulated observers of a video")
    clips: dict[Literal["photo", "watched", "video"], int] = Field(description="clips of each kind in a batch")
    losses: EGCNetLosses = EGCNetLosses()
    optimisation: Optimisation
    seed: int = 0


Recipe = EGNetRecipe | Gaze2MaskRecipe | WCSNetRecipe | EGCNetRecipe
SHIPPED = Path(__file__).parents[1] / "recipes"
_RECIPES: dict[str, type[_Checked]] = {
    "egnet": EGNetRecipe,
    "gaze2mask": Gaze2MaskRecipe,
    "wcsnet": WCSNetRecipe,
    "egcnet": EGCNetRecipe,
}


def shipped_recipes() -> list[str]:
    """The names of the recipes in the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_recipe(name: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read and check a YAML recipe.

    name: that of a shipped recipe (see `shipped_recipes`), or the path of a file.
    overrides: `field.field=value` strings, the value in YAML, applied before the check.
    Raises UsageError naming the file, the field and what is wrong with it.
    """
    path = SHIPPED / f"{name}.yaml" if str(name) in shipped_recipes() else Path(name)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such recipe; give a file or one of {', '.join(shipped_recipes())}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict) or values.get("train") not in [*_RECIPES]:
        raise UsageError(f"{path}: needs a line `train: NAME` with NAME one of {', '.join(_RECIPES)}")
    for override in overrides or []:
        _override(values, override)
    try:
        return _RECIPES[values["train"]].model_validate(values)  # type: ignore[return-value]
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"{path}: {problems}") from None


def _override(values: dict[str, Any], override: str) -> None:
    name, equals, value = override.partition("=")
    if not equals:
        raise UsageError(f"--set {override}: write field=value, e.g. --set optimisation.steps=100")
    *parents, last = name.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set {override}: {parent} is a value, not a group of fields")
    try:
        values[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {override}: the value is no YAML ({' '.join(str(error).split())})") from None
