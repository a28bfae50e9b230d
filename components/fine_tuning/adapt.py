"""One workload's rule: searched in its worlds, in a retraining held against the one in force."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.twin import Twin
from components.fine_tuning.challenge import challenge
from components.fine_tuning.config import FineTuningConfig
from components.fine_tuning.members import Applications
from components.fine_tuning.variants import Variants, variants_of
from components.policy.measured import MeasuredWorkload
from components.policy.prices import Prices
from components.policy.rule_parameters import RULE_NAMES, default_rule, from_unit, to_unit
from components.policy.search import SearchResult, search_rule
from components.policy.watched import watched


@dataclass(frozen=True, slots=True)
class Task:
    """A workload, its twin, the proposal [K] in the unit box, and the rule in force [K] if any."""

    measured: MeasuredWorkload
    twin: Twin
    proposed: FloatArray
    in_force: FloatArray | None


def prices_of(config: FineTuningConfig) -> Prices:
    """What violations and OOM kills cost in the search."""
    return Prices(config.violation_penalty, config.oom_penalty, config.violation_budget)


def rivals_of(workloads: int) -> FloatArray:
    """What competes with every proposal, in the unit box [workloads, R, K]: the default rule."""
    return np.tile(to_unit(default_rule()), (workloads, 1, 1))


def adapt(
    config: FineTuningConfig,
    task: Task,
    population: Applications,
    report: Callable[[int, int], None],
) -> dict[str, Any]:
    """What adapted.json says of a workload: the same whichever others are adapted beside it."""
    started = time.process_time()
    seed = [config.seed, *task.measured.workload.key.encode()]
    worlds_rng, search_rng, challenge_rng = np.random.default_rng(seed).spawn(3)
    variants = variants_of(task.measured, task.twin, config, population, worlds_rng)
    result = _search(config, task, variants, search_rng, report)
    rule, score, said = result.rule[0], float(result.score[0]), {}
    if task.in_force is not None:
        prices = replace(prices_of(config), violation=float(result.violation_price[0]))
        services = variants.parameters
        outcome = challenge(
            config, task.measured, services, task.in_force, rule, prices, challenge_rng
        )
        said = {"in_force": outcome.to_json()}
        if outcome.kept:
            rule, score = outcome.rule, score - outcome.advantage.mean
    cpu_s = time.process_time() - started
    return said | {
        "rule": dict(zip(RULE_NAMES, rule.tolist(), strict=True)),
        "proposed": dict(zip(RULE_NAMES, from_unit(task.proposed).tolist(), strict=True)),
        "curve": result.curve[0].tolist(),
        "score": score,
        "proposed_score": float(result.start_score[0]),
        "violation": float(result.violation[0]),
        "oom_kills_per_h": float(result.kills_per_h[0]),
        "violation_price": float(result.violation_price[0]),
        "cpu_seconds": cpu_s,
    }


def _search(
    config: FineTuningConfig,
    task: Task,
    variants: Variants,
    rng: np.random.Generator,
    report: Callable[[int, int], None],
) -> SearchResult:
    """A search of one workload alone: a batch is no faster, and chance would tie them together."""
    one, rivals = task.measured, rivals_of(1)
    if task.in_force is not None:
        rivals = np.concatenate([rivals, to_unit(task.in_force)[None, None]], axis=1)
    return search_rule(
        parameters=variants.parameters[None],
        limits=limits_of([one.workload]),
        rates=variants.rates_per_s[None],
        initial_allocation=one.usual_allocation[None],
        start_unit=task.proposed[None],
        start_deviation=config.start_deviation,
        rng=rng,
        iterations=config.iterations,
        candidates=config.candidates,
        traces=config.traces,
        prices=prices_of(config),
        pasts=watched([one]),
        rivals=rivals,
        held_back=config.held_back,
        caution=config.caution,
        on_iteration=report,
    )
