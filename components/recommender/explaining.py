"""Explains the recommendations that are news, all in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.parameters import SERVICE_DEMAND_MS
from components.cluster.reward import INTERVAL_STEPS
from components.recommender.decisions import Controllers, Proposals
from components.recommender.explaining_incumbent import INCUMBENT_FEATURES, incumbent_effects
from components.recommender.explaining_rule import RULE_FEATURES, Effects, rule_effects
from components.recommender.explanation import Effect, Explanation, Outlook
from components.recommender.policies import LoadedPolicy
from components.recommender.recommendation import Recommendation
from components.recommender.subject_rows import SubjectRows
from components.recommender.telemetry_batch import Batch
from components.recommender.violations import expected_violations

MOST_EFFECTS = 3
_GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class Basis:
    """What a tick's recommendations came from; `places`: the row of each workload's key."""

    places: Mapping[str, int]
    rows: SubjectRows
    batch: Batch
    proposals: Proposals
    policies: Mapping[str, LoadedPolicy]


def explained(
    news: Sequence[Recommendation], basis: Basis, controllers: Controllers
) -> list[Recommendation]:
    """The recommendations with their explanations, in their order."""
    if not news:
        return []
    outlooks = _outlooks(news, basis)
    effects: dict[str, tuple[Effect, ...]] = {}
    by_policy = [item for item in news if item.by_policy and item.subject.key in basis.policies]
    if by_policy:
        effects |= _of_rules(by_policy, basis, controllers)
    others = [item for item in news if item.subject.key not in effects]
    if others:
        effects |= _of_incumbents(others, basis)
    return [
        replace(item, explanation=Explanation(effects[item.subject.key], outlook))
        for item, outlook in zip(news, outlooks, strict=True)
    ]


def _places(items: Sequence[Recommendation], basis: Basis) -> list[int]:
    return [basis.places[item.subject.key] for item in items]


def _of_rules(
    items: Sequence[Recommendation], basis: Basis, controllers: Controllers
) -> dict[str, tuple[Effect, ...]]:
    rows = _places(items, basis)
    policies = [basis.policies[item.subject.key] for item in items]
    effects = rule_effects(
        controllers.rule_memory(rows),
        np.stack([policy.rule for policy in policies]),
        basis.rows.limits[rows],
        basis.rows.current[rows],
        np.array([policy.usual_rate_per_s for policy in policies]),
        np.array([policy.twin[SERVICE_DEMAND_MS] for policy in policies]),
    )
    names = [(name, unit) for name, unit, *_ in RULE_FEATURES]
    return _largest(items, names, effects, basis.rows.current[rows])


def _of_incumbents(items: Sequence[Recommendation], basis: Basis) -> dict[str, tuple[Effect, ...]]:
    rows = _places(items, basis)
    effects = incumbent_effects(
        basis.batch.samples[rows, -1],
        basis.rows.limits[rows],
        basis.rows.current[rows],
        basis.rows.incumbent[rows, 0],
        basis.proposals.incumbent[rows],
    )
    return _largest(items, INCUMBENT_FEATURES, effects, basis.rows.current[rows])


def _largest(
    items: Sequence[Recommendation],
    names: Sequence[tuple[str, str]],
    effects: Effects,
    current: FloatArray,
) -> dict[str, tuple[Effect, ...]]:
    """The features that moved most, relative to what is in force; none that moved nothing."""
    sizes = np.abs(effects.moved / current[:, None]).sum(axis=2)
    order = np.argsort(-sizes, axis=1, kind="stable")
    found = {}
    for row, item in enumerate(items):
        effects_of_one = []
        for feature in order[row, :MOST_EFFECTS].tolist():
            if sizes[row, feature] > 0:
                name, unit = names[feature]
                value, calm = effects.values[row, feature], effects.calm[row, feature]
                replicas, cpu_m, memory_bytes = effects.moved[row, feature].tolist()
                effects_of_one.append(
                    Effect(name, unit, float(value), float(calm), replicas, cpu_m, memory_bytes)
                )
        found[item.subject.key] = tuple(effects_of_one)
    return found


def _outlooks(items: Sequence[Recommendation], basis: Basis) -> list[Outlook]:
    rows = _places(items, basis)
    targets = np.array([item.target.values for item in items], dtype=np.float64)
    current = basis.rows.current[rows]
    violations = np.full((len(items), 2), np.nan)
    measured = np.isfinite(basis.batch.load_s[rows])
    known = [
        place
        for place, item in enumerate(items)
        if item.subject.key in basis.policies and measured[place]
    ]
    if known:
        chosen = [rows[place] for place in known]
        twins = np.stack([basis.policies[items[place].subject.key].twin for place in known])
        rates = basis.batch.samples[chosen, -INTERVAL_STEPS:, smp.REQUEST_RATE_PER_S]
        for column, allocations in enumerate((targets, current)):
            violations[known, column] = expected_violations(
                twins, basis.rows.limits[chosen], allocations[known], rates
            )
    return [
        Outlook(expected, staying, *_requested(targets[place], current[place]))
        for place, (expected, staying) in enumerate(violations.tolist())
    ]


def _requested(target: FloatArray, current: FloatArray) -> tuple[float, float, float, float]:
    """(cores, cores staying put, GiB, GiB staying put) of all replicas."""
    one, other = (
        (
            float(item[lim.REPLICAS] * item[lim.CPU_M] / 1000.0),
            float(item[lim.REPLICAS] * item[lim.MEMORY_BYTES] / _GIB),
        )
        for item in (target, current)
    )
    return one[0], other[0], one[1], other[1]
