"""Configs of the models: every constant is told of, saved beside the weights, and at its default where it is absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from sightline.models import weights
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.samgop.config import SamGOPConfig
from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.nn.config import Config
from sightline.nn.egnet import EGNetConfig

MODELS: dict[str, type[Config]] = {
    "egnet": EGNetConfig,
    "gaze2mask": Gaze2MaskConfig,
    "wcsnet": WCSNetConfig,
    "egcnet": EGCNetConfig,
    "samgop": SamGOPConfig,
}


def numbers(config: type[Config], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every number of a config and of its groups."""
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            yield from numbers(field.annotation, f"{prefix}{name}.")
        elif field.annotation in (int, float):
            yield prefix + name, field


@pytest.mark.parametrize("config", [*MODELS.values(), ScamConfig, STANetConfig])
def test_every_number_says_what_it_is_and_why(config: type[Config]) -> None:
    silent = [name for name, field in numbers(config) if len(field.description or "") < 15]
    assert not silent


@pytest.mark.parametrize("model", MODELS)
def test_the_shipped_config_holds_every_constant(model: str) -> None:
    shipped = json.loads((weights.SHIPPED / model / "config.json").read_text())
    config = MODELS[model].model_validate({k: v for k, v in shipped.items() if k in MODELS[model].model_fields})
    whole = config.model_dump(mode="json")
    assert {k: v for k, v in shipped.items() if k in whole} == whole


@pytest.mark.parametrize("model", ["wcsnet", "egcnet"])
def test_weights_from_before_the_constants_were_saved_load_with_the_defaults(model: str) -> None:
    config = MODELS[model]
    assert config.model_validate({"model": model, "width": 16}).model_dump() == config(width=16).model_dump()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("wcsnet", {"tracker": {"evidence": {"rivals": 1}}}),
        ("wcsnet", {"tracker": {"lost": {"score": "high"}}}),
        ("wcsnet", {"tracker": {"motion": {"retention": 1.0}}}),
        ("egcnet", {"refinement": {"rounds": -1}}),
    ],
)
def test_a_constant_that_is_unknown_or_out_of_range_is_refused(model: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"rivals|score|retention|rounds"):
        MODELS[model].model_validate(changes)
