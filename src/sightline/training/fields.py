"""The fields of a recipe as YAML has them: stages, what they share, overrides and variables."""

from __future__ import annotations

import copy
import re
from typing import Any

from sightline.errors import UsageError
from sightline.untrusted import parse_yaml


def stages_of(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of every stage, those that all share included. Raises ValueError where they are no stages."""
    common = {field: value for field, value in values.items() if field != "stages"}
    if "stages" not in values:
        return {str(common.get("train")): common}
    stages = values["stages"]
    if not isinstance(stages, dict) or not stages or not all(isinstance(fields, dict) for fields in stages.values()):
        raise ValueError("stages: each needs a name and fields, as in `stages: {first: {train: egnet, ...}, ...}`")
    wrong = next((name for name in stages if not re.fullmatch(r"[A-Za-z0-9][\w-]*", str(name))), None)
    if wrong is not None:
        raise ValueError(f"stages.{wrong}: a stage's name is that of a folder: letters, digits, - and _")
    # Copies, as what is overridden in one stage must not change in another.
    return {str(name): copy.deepcopy(_merged(common, fields)) for name, fields in stages.items()}


def _merged(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Fields of a stage and those that it shares; groups of fields are merged, too."""
    merged = dict(common)
    for field, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(field), dict)
        merged[field] = _merged(merged[field], value) if both else value
    return merged


def override(stages: dict[str, Any], change: str) -> None:
    """Set a field of every stage, or of one. Raises UsageError where `override` says neither."""
    name, equals, text = change.partition("=")
    if not equals:
        raise UsageError(f"`overrides` {change}: write field=value, e.g. optimisation.steps=100")
    try:
        value = parse_yaml(text)
    except ValueError as error:
        raise UsageError(f"`overrides` {change}: the value is no YAML ({error})") from None
    first, *path = name.split(".")
    if first != "stages":
        for stage in [stage for stage in stages if stages[stage] is not None]:
            _set(stages, [stage, first, *path], value, change)
    elif not path or path[0] not in stages:
        raise UsageError(
            f"`overrides` {change}: name one of the stages {', '.join(stages)}, as in stages.NAME.field=value"
        )
    else:
        _set(stages, path, value, change)


def _set(values: dict[str, Any], path: list[str], value: Any, change: str) -> None:
    """Set the field at a path of names; groups that are not there are made."""
    *parents, last = path
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(f"`overrides` {change}: {parent} is a value, not a group of fields")
    values[last] = value


def replaced(values: Any, variable: str, text: str) -> Any:
    """Values with a variable replaced in every text."""
    if isinstance(values, str):
        return values.replace(variable, text)
    if isinstance(values, dict):
        return {field: replaced(value, variable, text) for field, value in values.items()}
    return [replaced(value, variable, text) for value in values] if isinstance(values, list) else values


def texts_of(values: Any) -> list[str]:
    """Every text among values."""
    if isinstance(values, str):
        return [values]
    inner = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
    return [text for value in inner for text in texts_of(value)]
