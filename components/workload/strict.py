"""What the mappings of the workloads file have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A mapping that refuses unknown keys and doesn't turn one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
