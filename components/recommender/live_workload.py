"""One workload's own page: what acts and why, shadow beside what is in force, what to type."""

from __future__ import annotations

from collections.abc import Sequence

from components.cluster.compiled import FloatArray
from components.kubernetes_api.names import PAUSE_ANNOTATION, PHASE_ANNOTATION
from components.page.costs import Prices
from components.page.documents import Chart, Section
from components.recommender.explanation import Explanation
from components.recommender.history import (
    BY_INCUMBENT,
    BY_POLICY,
    IN_FORCE,
    LATENCY,
    RATE,
    RECOMMENDED,
    none_for_nan,
)
from components.recommender.policies import LoadedPolicy
from components.recommender.recommendation import Recommendation

_LINES = (
    ("in force", IN_FORCE),
    ("recommended", RECOMMENDED),
    ("policy proposes", BY_POLICY),
    ("incumbent proposes", BY_INCUMBENT),
)
_DIMENSIONS = (
    ("Replicas", "", 1.0),
    ("CPU a replica", "m", 1.0),
    ("Memory a replica", "MiB", 2.0**20),
)


def drift_words(policy: LoadedPolicy | None, newest_rates: Sequence[float | None]) -> str:
    """Whether the load is like what the policy was trained on: steady, unlike or untested."""
    rate_per_s = newest_rates[-1] if newest_rates else None
    if policy is None or rate_per_s is None:
        return "untested"
    return "unlike" if policy.is_unlike(rate_per_s) else "steady"


def sections(
    item: Recommendation,
    policy: LoadedPolicy | None,
    explanation: Explanation | None,
    drift: str,
    prices: Prices,
) -> list[Section]:
    """What is said of a workload, the most important first."""
    told = [condition for condition in item.conditions() if condition.type != "Explained"]
    why = [effect.words() for effect in explanation.effects] if explanation else []
    outlook = [explanation.outlook.words()] if explanation else []
    found = [Section("What is recommended", [f"{one.type}: {one.message}" for one in told])]
    found.append(Section("What moved it most, when it changed last", why))
    found.append(Section("Against staying put", outlook))
    if policy is not None:
        low, high = policy.usual_rates_per_s
        gate = [f"bundle {policy.digest}", *policy.gate.reasons, *compared(policy, prices)]
        found.append(Section("Gate", gate))
        words = f"{drift}: the policy knows {low:.3g} to {high:.3g} requests a second"
        found.append(Section("Drift", [words]))
    return found


def compared(policy: LoadedPolicy, prices: Prices) -> list[str]:
    """Policy and incumbent on the telemetry that validation held back, a line each."""
    return [
        f"{name} on held-out telemetry: violations {held.violation:.2%}, reward {held.reward:.3f},"
        f" {held.cores:.2f} cores, {held.gib:.2f} GiB ({prices.monthly(held.cores, held.gib):.2f} a"
        f" month), {held.oom_kills:.2f} OOM kills"
        for name, held in (("policy", policy.gate.policy), ("incumbent", policy.gate.opponent))
        if held is not None
    ]


def saved_per_month(policy: LoadedPolicy | None, prices: Prices) -> float | None:
    """What the policy costs less than the incumbent, by validation; None where it says nothing."""
    if policy is None or policy.gate.policy is None or policy.gate.opponent is None:
        return None
    mine, other = policy.gate.policy, policy.gate.opponent
    return prices.monthly(other.cores, other.gib) - prices.monthly(mine.cores, mine.gib)


def charts(item: Recommendation, times_s: list[float], values: FloatArray) -> list[Chart]:
    """The load, the latency and what each asks for, values [T, FIELD_COUNT]."""
    if not times_s:
        return []
    slo_ms = item.subject.workload.slo.latency_ms if item.subject.has_objective else None
    made = [
        Chart("Load", "requests/s", times_s, {"load": none_for_nan(values[:, RATE])}),
        Chart(
            "Latency at the SLO's percentile",
            "ms",
            times_s,
            {"latency": none_for_nan(values[:, LATENCY])},
            slo_ms,
        ),
    ]
    for dimension, (title, unit, scale) in enumerate(_DIMENSIONS):
        lines = {name: none_for_nan(values[:, start + dimension] / scale) for name, start in _LINES}
        known = {
            name: line for name, line in lines.items() if any(value is not None for value in line)
        }
        made.append(Chart(title, unit, times_s, known))
    return made


def commands(item: Recommendation, store: str) -> list[tuple[str, str]]:
    """What to type, by what it does."""
    mine = item.subject.autoscaler
    object_of = f"kubectl -n {mine.namespace}"
    typed = [
        ("See the object", f"{object_of} describe mpa {mine.name}"),
        ("Pause", f"{object_of} annotate mpa {mine.name} {PAUSE_ANNOTATION}=true"),
        ("Go on", f"{object_of} annotate mpa {mine.name} {PAUSE_ANNOTATION}-"),
        (
            "Incumbent only",
            f"{object_of} annotate --overwrite mpa {mine.name} {PHASE_ANNOTATION}=INCUMBENT",
        ),
    ]
    if store:
        typed.append(("Roll back", f"aware rollback {item.subject.workload.key} --store {store}"))
    return [*typed, ("Stop for good", f"{object_of} delete mpa {mine.name}")]
