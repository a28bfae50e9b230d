"""One rule for all applications: where the meta-policy begins, before it tells them apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.agent.environment import Population, draw_traces, episode_metrics
from components.cluster.compiled import FloatArray
from components.cluster.reward import REWARD, VIOLATION
from components.policy.rule_parameters import RULE_COUNT, default_rule, to_unit

_CANDIDATES = 40
_ELITES = 7
_DECISIONS = 60
_FIRST_DEVIATION = 0.25
_LEAST_DEVIATION = 0.02
_SMOOTHING = 0.7


def common_start(
    population: Population,
    iterations: int,
    violation_penalty: float,
    rng: np.random.Generator,
    report: Callable[[int], None],
) -> FloatArray:
    """The rule in the unit box, [K], that serves the whole population best with one setting.

    The cross-entropy method (Rubinstein 1999) from the default rule; each iteration has fresh
    traces. `report` is called with the number of each finished iteration.
    """
    mean = to_unit(default_rule())
    deviation = np.full(RULE_COUNT, _FIRST_DEVIATION)
    batch = population.parameters.shape[0]
    for iteration in range(iterations):
        traces = draw_traces(population, _DECISIONS, rng)
        drawn = mean + deviation * rng.standard_normal((_CANDIDATES, RULE_COUNT))
        candidates = np.clip(drawn, 0.0, 1.0)
        scores = np.empty(_CANDIDATES)
        for index, candidate in enumerate(candidates):
            everywhere = np.broadcast_to(candidate, (batch, RULE_COUNT))
            metrics = episode_metrics(population, everywhere, traces).mean(axis=0)
            scores[index] = metrics[REWARD] - violation_penalty * metrics[VIOLATION]
        elites = candidates[np.argsort(scores, kind="stable")[-_ELITES:]]
        mean = mean + _SMOOTHING * (elites.mean(axis=0) - mean)
        deviation = deviation + _SMOOTHING * (elites.std(axis=0) - deviation)
        deviation = np.maximum(deviation, _LEAST_DEVIATION)
        report(iteration + 1)
    return mean
