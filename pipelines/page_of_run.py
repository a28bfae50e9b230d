"""The page's documents from a finished run: what was measured, decided and would be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from components.kubernetes_api.names import PAUSE_ANNOTATION
from components.page.costs import Prices
from components.page.documents import (
    LIST_PATH,
    Chart,
    Detail,
    Row,
    Section,
    Size,
    detail_document,
    detail_path,
    list_document,
)
from pipelines import comparison
from pipelines.explanation import explanation
from pipelines.facts import Facts, PathFacts
from pipelines.savings import savings

TREND_POINTS = 45
_NAMES = {key: name for key, name in comparison.ROWS if key != "foresight"}
_CHARTS = (
    ("replicas", "Replicas", "", 1.0),
    ("cpu_m", "CPU a replica", "m", 1.0),
    ("memory_bytes", "Memory a replica", "MiB", 1 / (1 << 20)),
    ("latency_ms", "Latency at the SLO's percentile", "ms", 1.0),
)


def documents(
    facts: Facts, source: str, generated: str, prices: Prices
) -> Callable[[str], bytes | None]:
    """Return what answers a path with its JSON document, or None for an unknown path."""
    parts = {
        key: facts.again if key in facts.again.verdicts else facts.first
        for key in sorted(facts.first.verdicts)
    }
    saved = {
        key: savings({key: part.verdicts[key]}, prices)[0].saved for key, part in parts.items()
    }
    rows = [_row(facts, part, key, saved[key]) for key, part in parts.items()]
    ready = {LIST_PATH: list_document(source, generated, rows)}
    details = {detail_path(key): key for key in parts}

    def document(path: str) -> bytes | None:
        if path in ready:
            return ready[path]
        key = details.get(path)
        return detail_document(_detail(facts, parts[key], key)) if key else None

    return document


def _row(facts: Facts, part: PathFacts, key: str, saved: float) -> Row:
    entry = part.verdicts[key]
    opponent = entry["verdict"]["opponent"]
    controllers = part.traces.get(key, {}).get("controllers", {})
    rates = part.traces.get(key, {}).get("rate", [])
    drift = facts.drift.get(key)
    return Row(
        workload=key,
        phase=part.rollout.get(key, {}).get("state", "INCUMBENT"),
        verdict="accepted" if entry["verdict"]["accepted"] else "refused",
        drift=comparison.drift_finding(drift) if drift else "untested",
        current=_last(controllers.get(opponent, {})),
        recommended=_last(controllers.get("policy", {})),
        violation=entry["rows"][opponent]["violation"]["mean"],
        promised=entry["rows"]["policy"]["violation"]["mean"],
        saved_per_month=saved,
        reason=comparison.reason(entry["verdict"]),
        trend=_thinned(rates),
    )


def _last(controller: Mapping[str, list[float]]) -> Size:
    """Return what a controller asked for at the trace's end."""

    def last(name: str) -> float | None:
        values = controller.get(name)
        return values[-1] if values else None

    return Size(last("replicas"), last("cpu_m"), last("memory_bytes"))


def _thinned(values: list[float | None]) -> list[float | None]:
    step = max(1, len(values) // TREND_POINTS)
    return values[::step]


def _detail(facts: Facts, part: PathFacts, key: str) -> Detail:
    namespace, _, name = key.partition("/")
    sections = [
        Section(one.heading, one.lines)
        for one in explanation(facts, key)
        if one.heading != "What to do"
    ]
    return Detail(
        workload=key,
        sections=sections,
        charts=_charts(part, key),
        commands=[
            ("Pause", f"kubectl -n {namespace} annotate mpa {name} {PAUSE_ANNOTATION}=true"),
            ("Go on", f"kubectl -n {namespace} annotate mpa {name} {PAUSE_ANNOTATION}-"),
            ("Stop for good", f"kubectl -n {namespace} delete mpa {name}"),
            ("Explain", f"aware explain {key}"),
        ],
    )


def _charts(part: PathFacts, key: str) -> list[Chart]:
    """One held-out trace: the load, and what the policy and the incumbent make of it."""
    trace: dict[str, Any] = part.traces.get(key, {})
    if not trace:
        return []
    opponent = part.verdicts[key]["verdict"]["opponent"]
    shown = [row for row in ("policy", opponent) if row in trace["controllers"]]
    charts = [Chart("Load", "requests/s", trace["time_s"], {"load": trace["rate"]})]
    for field, title, unit, factor in _CHARTS:
        lines = {
            _NAMES[row]: [
                None if value is None else value * factor
                for value in trace["controllers"][row][field]
            ]
            for row in shown
        }
        limit = trace["slo_latency_ms"] if field == "latency_ms" else None
        charts.append(Chart(title, unit, trace["time_s"], lines, limit))
    return charts
