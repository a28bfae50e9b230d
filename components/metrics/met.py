"""What was met in a workload's series beside their values, so that the report can tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Met:
    """What was met in one stretch of time.

    `present` are the measures of which there was a value; `invalid` counts infinite and negative
    ones by measure; `series_at_once` counts, by query, series that should have been one.
    `latency_units` are the units that latency was found in, `bucket_bounds_ms` the upper bounds of
    its histogram's buckets. `copies` is how often each series is there (two replicas of
    Prometheus: 2), `sample_age_s` how old the newest sample of memory was when it was looked at.
    `errors_above_one`: a ratio of errors that is none, such as one in per cent.
    """

    present: frozenset[str] = frozenset()
    invalid: Mapping[str, int] = field(default_factory=dict)
    series_at_once: Mapping[str, int] = field(default_factory=dict)
    latency_units: frozenset[str] = frozenset()
    pods: frozenset[str] = frozenset()
    counter_resets: int = 0
    copies: float = 1.0
    sample_age_s: float = 0.0
    bucket_bounds_ms: frozenset[float] = frozenset()
    lacks_infinity: bool = False
    uneven_buckets: bool = False
    errors_above_one: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in asdict(self).items()
        }


def met_of(value: Mapping[str, Any]) -> Met:
    """Return what to_json gave."""
    fields: dict[str, Any] = {
        name: frozenset(given) if isinstance(given, list) else given
        for name, given in value.items()
    }
    return Met(**fields)


def together(one: Met, other: Met) -> Met:
    """Return what was met in two stretches of time."""
    return Met(
        present=one.present | other.present,
        invalid=_summed(one.invalid, other.invalid),
        series_at_once=_highest(one.series_at_once, other.series_at_once),
        latency_units=one.latency_units | other.latency_units,
        pods=one.pods | other.pods,
        counter_resets=one.counter_resets + other.counter_resets,
        copies=max(one.copies, other.copies),
        sample_age_s=max(one.sample_age_s, other.sample_age_s),
        bucket_bounds_ms=one.bucket_bounds_ms | other.bucket_bounds_ms,
        lacks_infinity=one.lacks_infinity or other.lacks_infinity,
        uneven_buckets=one.uneven_buckets or other.uneven_buckets,
        errors_above_one=one.errors_above_one or other.errors_above_one,
    )


def _summed(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in sorted({*one, *other})}
