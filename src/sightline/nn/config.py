"""What every part of a model's config has in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

MOST = 100_000
"""No width, count, window or side in pixels of a model is larger; what says so is damaged, and would eat memory."""
Layers = Annotated[int, Field(ge=1, le=100)]


class Config(BaseModel):
    """Settings that are saved beside weights: frozen, without unknown names, and without numbers beyond reason."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _within_reason(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, int) and value > MOST and info.field_name != "seed":
            raise ValueError(f"{value} is more than {MOST}")
        return value
