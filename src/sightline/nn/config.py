"""What every part of a model's config has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Settings that are saved beside weights. They are frozen, and an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
