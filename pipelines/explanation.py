"""A run's answer for one workload, as sections of lines: what changes, why, how it is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.errors import UserError
from components.kubernetes_api.names import PAUSE_ANNOTATION
from components.policy.account import account, incumbent_line
from pipelines import comparison
from pipelines.facts import Facts, PathFacts

# The twin's own figures that say what kind of workload this is.
_TRAITS = (
    ("service_demand_ms", "CPU a request", "ms"),
    ("wait_ms", "waiting on others", "ms"),
    ("memory_base_bytes", "memory at rest", "bytes"),
    ("memory_per_request_bytes", "memory a request at work", "bytes"),
    ("startup_s", "start of a pod", "s"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


def explanation(facts: Facts, key: str) -> tuple[Section, ...]:
    """Return what the run found about the workload `key` (namespace/name).

    What was retrained on a later recording is told instead of what was learned first. Raises
    UserError, naming the workloads there are, when the run has none of that name.
    """
    part = facts.again if key in facts.again.verdicts else facts.first
    if key not in part.verdicts:
        known = ", ".join(sorted(facts.first.verdicts)) or "none"
        raise UserError(f"the run has no workload {key}; it has {known}")
    entry = part.verdicts[key]
    return (
        Section("Verdict", _verdict(entry, part, key)),
        Section("Figures (held-out telemetry, mean and 95 % interval)", _figures(entry)),
        Section("The workload, as its twin has it", _traits(part, key)),
        Section("The policy's rule", _rule(part, key, entry.get("incumbent"))),
        Section("Drift", _drift(facts, key)),
        Section("What to do", _to_do(key)),
    )


def _verdict(entry: dict[str, Any], part: PathFacts, key: str) -> tuple[str, ...]:
    published = part.rollout.get(key, {})
    reasons = published.get("reasons") or entry["verdict"]["reasons"]
    return tuple(str(reason) for reason in reasons)


def _figures(entry: dict[str, Any]) -> tuple[str, ...]:
    rows = comparison.named_rows(entry["rows"], interval=True)
    headings = comparison.header()[1:]
    return tuple(
        f"{shown}: "
        + ", ".join(f"{heading} {cell}" for heading, cell in zip(headings, cells, strict=True))
        for _, (shown, *cells) in rows
    )


def _traits(part: PathFacts, key: str) -> tuple[str, ...]:
    twin = part.twins.get(key, {})
    members, identified = twin.get("members", []), twin.get("identified", {})
    lines = []
    for name, words, unit in _TRAITS:
        values = [float(member[name]) for member in members if name in member]
        if not values:
            continue
        doubt = "" if identified.get(name, True) else " (a guess: it never varied in the telemetry)"
        lines.append(f"{words}: {_range(values, unit)}{doubt}")
    errors = twin.get("errors", {})
    if errors:
        told = ", ".join(f"{name} {100 * float(errors[name]):.0f} %" for name in sorted(errors))
        lines.append(f"median error on held-out telemetry: {told}")
    return tuple(lines)


def _range(values: list[float], unit: str) -> str:
    scale, unit = (1 << 20, "MiB") if unit == "bytes" else (1, unit)
    low, high = min(values) / scale, max(values) / scale
    return f"{low:.1f} to {high:.1f} {unit}" if high - low >= 0.05 else f"{low:.1f} {unit}"


def _rule(part: PathFacts, key: str, incumbent: dict[str, float] | None) -> tuple[str, ...]:
    """Each parameter of the rule, and beside it what the incumbent has in its place."""
    rule = part.adapted.get(key, {}).get("rule")
    if not rule:
        return ()
    lines = tuple(
        f"{row.name} {row.value:.3g} {row.unit}".rstrip()
        + f": {row.description}"
        + (f" (at its {row.at_bound} bound)" if row.at_bound else "")
        + (f"; the incumbent's {row.incumbent:.3g}" if row.incumbent is not None else "")
        for row in account(rule, incumbent)
    )
    return lines if incumbent is None else (f"instead of {incumbent_line(incumbent)}", *lines)


def _drift(facts: Facts, key: str) -> tuple[str, ...]:
    entry = facts.drift.get(key)
    if entry is None:
        return ("not checked: the run had no later telemetry",)
    return (comparison.drift_finding(entry), f"advice: {entry['recommendation']}")


def _to_do(key: str) -> tuple[str, ...]:
    namespace, _, name = key.partition("/")
    return (
        f"see the object: rollout/manifests, MultidimPodAutoscaler {key}",
        f"pause: kubectl -n {namespace} annotate mpa {name} {PAUSE_ANNOTATION}=true",
        f"stop for good (sizes stay as they are): kubectl -n {namespace} delete mpa {name}",
    )
