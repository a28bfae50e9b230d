"""The single values of the workloads file: names, quantities and times, as text and checked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema

from components.workload.quantities import WRITTEN_QUANTITY, parse_cpu, parse_memory

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Subdomain = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253
    ),
]


def _above_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must be above zero")
    return value


def _quantity(examples: list[str | float]) -> WithJsonSchema:
    written = {"type": "string", "pattern": WRITTEN_QUANTITY}
    number = {"type": "number", "exclusiveMinimum": 0}
    return WithJsonSchema({"anyOf": [written, number], "examples": examples})


CpuMillicores = Annotated[
    int, BeforeValidator(parse_cpu), AfterValidator(_above_zero), _quantity(["250m", 1.5])
]
MemoryBytes = Annotated[
    int, BeforeValidator(parse_memory), AfterValidator(_above_zero), _quantity(["64Mi", "1G"])
]


def _time(value: object) -> object:
    """Return the time of a text; YAML itself reads a plain one as a time."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(
                f"{value!r} is no ISO time (write it like 2026-01-31T12:00:00Z)"
            ) from error
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _zoned(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Time = Annotated[
    datetime,
    BeforeValidator(_time),
    AfterValidator(_zoned),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
