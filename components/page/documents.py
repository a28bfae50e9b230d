"""What the page shows, as the JSON documents that it fetches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

LIST_PATH = "/workloads.json"


@dataclass(frozen=True, slots=True)
class Size:
    """Replicas, and per replica CPU in millicores and memory in bytes; None where unknown."""

    replicas: float | None
    cpu_m: float | None
    memory_bytes: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One workload in the list.

    `violation` is the share of time outside the SLO now, `promised` what validation found for the
    policy; `saved_per_month` is None where nothing was compared; `trend` is a short series of the
    load for the sparkline.
    """

    workload: str
    phase: str
    verdict: str
    drift: str
    current: Size
    recommended: Size
    violation: float | None
    promised: float | None
    saved_per_month: float | None
    reason: str
    trend: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over time: `time_s` [T] and by name `lines` [T]; `limit` is drawn dashed."""

    title: str
    unit: str
    time_s: Sequence[float]
    lines: Mapping[str, Sequence[float | None]]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """One workload's own page; `commands` are (what it does, what to type)."""

    workload: str
    sections: Sequence[Section]
    charts: Sequence[Chart]
    commands: Sequence[tuple[str, str]]


def detail_path(workload: str) -> str:
    """Return where the page asks for one workload's document."""
    return f"/workloads/{workload}.json"


def list_document(source: str, generated: str, rows: Sequence[Row], note: str = "") -> bytes:
    """Return the list as JSON; `generated` is an RFC 3339 time, `source` says where it is from.

    `note` is shown where there are no rows, instead of how to get some.
    """
    return _json(
        {
            "source": source,
            "generated": generated,
            "note": note,
            "workloads": [asdict(row) for row in rows],
        }
    )


def detail_document(detail: Detail) -> bytes:
    """Return one workload's document as JSON."""
    return _json(asdict(detail))


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
