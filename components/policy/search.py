"""Search of the rule's parameters per workload: cross-entropy over its twin ensemble and traces.

Rubinstein, Methodology and Computing in Applied Probability 1 (1999): sample candidates around a
mean, keep the best, move mean and deviation to them. Candidates of one iteration meet the same
variants and the same chance; each iteration draws others, so that nothing is fitted to one trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.reward import INTERVAL_STEPS, RewardWeights
from components.cluster.rollout import whole_intervals
from components.policy.prices import Prices, PricesInForce
from components.policy.rule_parameters import RULE_COUNT, from_unit
from components.policy.rule_rollout import nothing_seen
from components.policy.rule_scores import SCORE_COUNT, SCORE_KILLS, SCORE_VIOLATION, score_rules

ELITE_SHARE = 0.18
SMOOTHING = 0.75
LEAST_DEVIATION = 0.01
# How many finalists are compared on all variants, and how often with other chance.
FINALISTS = 6
FINAL_VARIANTS = 32
FINAL_ROUNDS = 2
DEFAULT_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """rule [B, K] and unit [B, K] found; curve [B, iterations]: the mean candidate's score.

    score [B] and start_score [B] are those of the rule found and of the start, both on all
    variants with the same chance and the same prices; violation [B] and kills_per_h [B] are the
    found rule's there. violation_price [B] is what the budget made a violation cost at the end.
    """

    rule: FloatArray
    unit: FloatArray
    curve: FloatArray
    score: FloatArray
    start_score: FloatArray
    violation: FloatArray
    kills_per_h: FloatArray
    violation_price: FloatArray
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class _Problem:
    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    allocations: FloatArray
    pasts: FloatArray
    weights: FloatArray

    def measure(
        self, units: FloatArray, variants: NDArray[np.intp], rng: np.random.Generator
    ) -> FloatArray:
        """[B, C, W, SCORE_COUNT] of units [B, C, K] on variants [B, W] (indices), fresh chance."""
        batch, count = variants.shape
        rows = np.arange(batch)[:, None]
        rates = contiguous(self.rates[rows, variants])
        steps = rates.shape[2]
        noise = draw_noise(rng, steps, batch * count).reshape(batch, count, steps, -1)
        out = np.zeros((batch, units.shape[1], count, SCORE_COUNT))
        score_rules(
            contiguous(from_unit(units)),
            contiguous(self.parameters[rows, variants]),
            self.limits,
            rates,
            contiguous(noise),
            self.allocations,
            self.pasts,
            self.weights,
            steps // INTERVAL_STEPS,
            out,
        )
        return out


def search_rule(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    initial_allocation: FloatArray,
    start_unit: FloatArray,
    start_deviation: float,
    rng: np.random.Generator,
    iterations: int = 16,
    candidates: int = 56,
    traces: int = 6,
    prices: Prices = DEFAULT_PRICES,
    weights: RewardWeights | None = None,
    pasts: FloatArray | None = None,
    on_iteration: Callable[[int, int], None] | None = None,
) -> SearchResult:
    """Search each workload's rule from start_unit [B, K] (in [0, 1]).

    parameters [B, V, P] and rates [B, V, T] are the variants of each workload (twin members and
    traces); limits [B, L]; initial_allocation [B, 3]; pasts [B, T0, M], what each rule has watched
    when it takes over (nothing, if left out). Per iteration `candidates` rules meet
    `traces` of the variants (all, where there are fewer). The rule returned did best on all
    variants among the final mean, the best candidates and the start, so it never scores below
    its start there. on_iteration(done, total) is called after each iteration.
    """
    started = time.process_time()
    steps = whole_intervals(rates[:, 0], INTERVAL_STEPS)
    problem = _Problem(
        contiguous(parameters),
        contiguous(limits),
        contiguous(rates[:, :, :steps]),
        contiguous(clip_allocation(contiguous(initial_allocation), limits)),
        nothing_seen(len(limits)) if pasts is None else contiguous(pasts),
        (weights or RewardWeights()).row(),
    )
    batch, variants = parameters.shape[:2]
    start = np.clip(contiguous(start_unit), 0.0, 1.0)
    mean = start.copy()
    deviation = np.full_like(mean, start_deviation)
    best = np.repeat(start[:, None], FINALISTS, axis=1)
    curve = np.empty((batch, iterations))
    asked = PricesInForce(prices, batch)
    for iteration in range(iterations):
        chosen = _choose(rng, batch, variants, traces)
        units = _candidates(rng, mean, deviation, candidates)
        measured = problem.measure(units, chosen, rng).mean(axis=2)
        scores = asked.score(measured)
        curve[:, iteration] = scores[:, 0]
        order = np.argsort(-scores, axis=1, kind="stable")
        chosen_few = order[:, : max(3, int(ELITE_SHARE * candidates)), None]
        elites = np.take_along_axis(units, chosen_few, axis=1)
        asked.follow(np.take_along_axis(measured, chosen_few, axis=1))
        best = elites[:, :FINALISTS]
        mean += SMOOTHING * (elites.mean(axis=1) - mean)
        deviation += SMOOTHING * (elites.std(axis=1) - deviation)
        np.maximum(deviation, LEAST_DEVIATION, out=deviation)
        if on_iteration is not None:
            on_iteration(iteration + 1, iterations)
    finalists = np.concatenate([start[:, None], mean[:, None], best], axis=1)
    everything = _choose(rng, batch, variants, FINAL_VARIANTS)
    measured = np.zeros((*finalists.shape[:2], SCORE_COUNT))
    for _ in range(FINAL_ROUNDS):
        measured += problem.measure(finalists, everything, rng).mean(axis=2) / FINAL_ROUNDS
    final = asked.score(measured)
    winner = final.argmax(axis=1)
    each = np.arange(batch)
    unit = contiguous(finalists[each, winner])
    return SearchResult(
        rule=from_unit(unit),
        unit=unit,
        curve=curve,
        score=final[each, winner],
        start_score=final[:, 0].copy(),
        violation=measured[each, winner, SCORE_VIOLATION],
        kills_per_h=measured[each, winner, SCORE_KILLS],
        violation_price=asked.violation,
        cpu_seconds=time.process_time() - started,
    )


def _choose(rng: np.random.Generator, batch: int, variants: int, count: int) -> NDArray[np.intp]:
    """Indices [batch, min(count, variants)] of variants, drawn anew for each workload."""
    order = np.argsort(rng.random((batch, variants)), axis=1)
    return order[:, : min(count, variants)]


def _candidates(
    rng: np.random.Generator, mean: FloatArray, deviation: FloatArray, count: int
) -> FloatArray:
    """Candidates [B, count, K] inside [0, 1]; the first is the mean itself."""
    draws = rng.standard_normal((len(mean), count, RULE_COUNT))
    draws[:, 0] = 0.0
    units: FloatArray = np.clip(mean[:, None] + draws * deviation[:, None], 0.0, 1.0)
    return units
