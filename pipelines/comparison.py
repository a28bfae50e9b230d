"""The run's answer in one table: each way of scaling, and what it got and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# validation.json's rows, in the order in which people compare them.
ROWS: tuple[tuple[str, str], ...] = (
    ("policy", "policy"),
    ("zero_shot", "policy, zero-shot"),
    ("hpa_default", "HPA, default"),
    ("hpa", "HPA, tuned"),
    ("hpa_vpa", "HPA + VPA memory, tuned"),
    ("foresight", "bound (perfect foresight)"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """How a field of validation.json is shown."""

    field: str
    heading: str
    digits: int
    factor: float = 1.0
    suffix: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("reward", "reward", 3),
    Column("violation", "SLO violations", 2, 100.0, " %"),
    Column("cpu_utilisation", "CPU used", 1, 100.0, " %"),
    Column("memory_utilisation", "memory used", 1, 100.0, " %"),
    Column("core_hours", "core-hours", 2),
    Column("gib_hours", "GiB-hours", 2),
    Column("actions_per_hour", "actions/h", 1),
    Column("oom_kills", "OOM kills", 1),
)


def header() -> list[str]:
    """Return the table's headings."""
    return ["", *(column.heading for column in COLUMNS)]


def named_rows(
    figures: Mapping[str, Mapping[str, Any]], interval: bool = False
) -> list[tuple[str, list[str]]]:
    """Return (row's name, its cells) for each way of scaling that `figures` has.

    Args:
        figures: {row: {field: {"mean", "low", "high"}}}, or plain numbers for the fields.
        interval: show the 95 % interval behind the mean.
    """
    return [
        (
            name,
            [
                title,
                *(_cell(figures[name].get(column.field), column, interval) for column in COLUMNS),
            ],
        )
        for name, title in ROWS
        if name in figures
    ]


def _cell(value: Any, column: Column, interval: bool = False) -> str:
    if value is None:
        return "–"
    figure = value if isinstance(value, Mapping) else {"mean": value}
    text = f"{figure['mean'] * column.factor:.{column.digits}f}"
    if interval and "low" in figure:
        low, high = (f"{figure[end] * column.factor:.{column.digits}f}" for end in ("low", "high"))
        text += f" [{low}, {high}]"
    return text + column.suffix


def verdicts(
    workloads: Mapping[str, Mapping[str, Any]],
) -> list[tuple[str, bool, tuple[str, str]]]:
    """Return (workload, accepted, (the figures, the reason)) for each workload, by name."""
    return [
        (key, bool(entry["verdict"]["accepted"]), (figures(entry), reason(entry["verdict"])))
        for key, entry in sorted(workloads.items())
    ]


def figures(entry: Mapping[str, Any]) -> str:
    """Return what the policy and the incumbent got, in one line."""
    opponent = entry["verdict"]["opponent"]
    ours, theirs = entry["rows"]["policy"], entry["rows"][opponent]
    pairs = [
        f"{column.heading} {_cell(ours.get(column.field), column)}"
        f" against {_cell(theirs.get(column.field), column)}"
        for column in COLUMNS
        if column.field in ("reward", "violation", "core_hours", "gib_hours")
    ]
    return f"{dict(ROWS)[opponent]}: {', '.join(pairs)}"


def reason(verdict: Mapping[str, Any]) -> str:
    """Return why, in one line: the check that failed, or what was proved.

    verdict: validation.json's, whose checks hold a bound on the difference at the gate's
    confidence and the limit that it had to keep.
    """
    checks = {check["name"]: check for check in verdict["checks"]}
    violation, reward, cost = checks["violation"], checks["reward"], checks["cost"]
    violations = f"violations at most {_points(violation['bound'])}"
    allowed = f"{_points(violation['limit'])} allowed"
    gains = {
        "reward": f"reward better by {reward['bound']:+.3f} at least",
        "cost": f"cheaper by {100 * cost['bound']:+.1f} % at least",
    }
    if not violation["passed"]:
        return f"{violations}, {allowed}"
    kills = checks["oom_kills"]
    if not kills["passed"]:
        return f"OOM kills at most {kills['bound']:+.2f} an hour, {kills['limit']:+.2f} allowed"
    price = checks.get("price")
    if price and reward["passed"] and not (cost["passed"] or price["passed"]):
        dearer = f"dearer by up to {100 * price['bound']:.1f} %, {100 * price['limit']:g} % allowed"
        return f"{gains['reward']}, but {dearer}"
    proved = [text for name, text in gains.items() if checks[name]["passed"]]
    if proved:
        return "; ".join([violations, *proved])
    return f"neither proved: {', nor '.join(gains.values())}"


def _points(share: float) -> str:
    return f"{100 * share:+.2f} points"


def drift_finding(entry: Mapping[str, Any]) -> str:
    """Return drift.json's finding in one word; a workload without recent telemetry has none."""
    if not entry["tests"]:
        return "untested"
    return "drifted" if entry["drifted"] else "steady"
