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
from components.cluster.reward import INTERVAL_STEPS, RewardWeights
from components.cluster.rollout import whole_intervals
from components.policy.prices import Prices, PricesInForce
from components.policy.rule_parameters import RULE_COUNT, from_unit
from components.policy.rule_rollout import nothing_seen
from components.policy.rule_scores import SCORE_KILLS, SCORE_VIOLATION
from components.policy.search_worlds import Worlds, choose

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
    rivals: FloatArray | None = None,
    held_back: int = 0,
    caution: float = 1.0,
    on_iteration: Callable[[int, int], None] | None = None,
) -> SearchResult:
    """Search each workload's rule from start_unit [B, K] (in [0, 1]) or from a better rival.

    parameters [B, V, P] and rates [B, V, T] are the variants of each workload (twin members and
    traces); limits [B, L]; initial_allocation [B, 3]; pasts [B, T0, M], what each rule has watched
    when it takes over (nothing, if left out). Per iteration `candidates` rules meet `traces` of
    the variants (all, where there are fewer), but never the last `held_back` of them. On those
    (on all, if none is held back) the champion is chosen: first where to begin, among the start
    and the rivals [B, R, K]; at the end among these, the final mean and the best candidates.
    A rule counts by its mean gain over the start in the worst share `caution` of the variants.
    on_iteration(done, total) is called after each iteration.
    """
    started = time.process_time()
    steps = whole_intervals(rates[:, 0], INTERVAL_STEPS)
    worlds = Worlds(
        contiguous(parameters),
        contiguous(limits),
        contiguous(rates[:, :, :steps]),
        contiguous(clip_allocation(contiguous(initial_allocation), limits)),
        nothing_seen(len(limits)) if pasts is None else contiguous(pasts),
        (weights or RewardWeights()).row(),
    )
    batch, variants = parameters.shape[:2]
    asked = PricesInForce(prices, batch)
    known = np.clip(contiguous(start_unit), 0.0, 1.0)[:, None]
    if rivals is not None:
        known = np.concatenate([known, np.clip(rivals, 0.0, 1.0)], axis=1)
    judged = _judges(rng, batch, variants, held_back)
    start = known[:, 0]
    first = start
    if rivals is not None:
        first, _ = _champion(worlds, asked, known, judged, caution, rng)
    mean = first.copy()
    deviation = np.full_like(mean, start_deviation)
    best = np.repeat(first[:, None], FINALISTS, axis=1)
    curve = np.empty((batch, iterations))
    for iteration in range(iterations):
        chosen = choose(rng, batch, variants - held_back, traces)
        units = _candidates(rng, mean, deviation, candidates)
        # What gains are counted from; it may win, too.
        units[:, -1] = start
        measured = worlds.measure(units, chosen, rng)
        curve[:, iteration] = asked.score(measured[:, :1]).mean(axis=2)[:, 0]
        order = np.argsort(
            -cautious_gain(asked.score(measured), -1, caution), axis=1, kind="stable"
        )
        chosen_few = order[:, : max(3, int(ELITE_SHARE * candidates)), None]
        elites = np.take_along_axis(units, chosen_few, axis=1)
        asked.follow(np.take_along_axis(measured.mean(axis=2), chosen_few, axis=1))
        best = elites[:, :FINALISTS]
        mean += SMOOTHING * (elites.mean(axis=1) - mean)
        deviation += SMOOTHING * (elites.std(axis=1) - deviation)
        np.maximum(deviation, LEAST_DEVIATION, out=deviation)
        if on_iteration is not None:
            on_iteration(iteration + 1, iterations)
    finalists = np.concatenate([known, mean[:, None], best], axis=1)
    unit, measured = _champion(worlds, asked, finalists, judged, caution, rng)
    final = asked.score(measured[:, :, None])[:, :, 0]
    return SearchResult(
        rule=from_unit(unit),
        unit=unit,
        curve=curve,
        score=final[:, 1],
        start_score=final[:, 0],
        violation=measured[:, 1, SCORE_VIOLATION],
        kills_per_h=measured[:, 1, SCORE_KILLS],
        violation_price=asked.violation,
        cpu_seconds=time.process_time() - started,
    )


def cautious_gain(scores: FloatArray, over: int, share: float) -> FloatArray:
    """Mean gain over candidate `over` in the worst `share` of the variants: [B, C] of [B, C, W].

    With a share of 1 it is the mean gain; below, a rule must not be bought with what it does in
    the variants that are unlike the others (conditional value at risk).
    """
    gain = np.sort(scores - scores[:, over, None], axis=2)
    count = max(1, round(share * gain.shape[2]))
    mean: FloatArray = gain[:, :, :count].mean(axis=2)
    return mean


def _judges(
    rng: np.random.Generator, batch: int, variants: int, held_back: int
) -> NDArray[np.intp]:
    """The variants [B, W] that champions are chosen on."""
    if held_back:
        return np.tile(np.arange(variants - held_back, variants), (batch, 1))
    return choose(rng, batch, variants, FINAL_VARIANTS)


def _champion(
    worlds: Worlds,
    asked: PricesInForce,
    units: FloatArray,
    judged: NDArray[np.intp],
    caution: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """The best [B, K] of units [B, C, K], and means [B, 2, SCORE_COUNT] of the first and of it."""
    rounds = [worlds.measure(units, judged, rng) for _ in range(FINAL_ROUNDS)]
    measured: FloatArray = np.mean(rounds, axis=0)
    winner = cautious_gain(asked.score(measured), 0, caution).argmax(axis=1)
    each = np.arange(len(units))
    means = measured.mean(axis=2)
    return contiguous(units[each, winner]), np.stack([means[:, 0], means[each, winner]], axis=1)


def _candidates(
    rng: np.random.Generator, mean: FloatArray, deviation: FloatArray, count: int
) -> FloatArray:
    """Candidates [B, count, K] inside [0, 1]; the first is the mean itself."""
    draws = rng.standard_normal((len(mean), count, RULE_COUNT))
    draws[:, 0] = 0.0
    units: FloatArray = np.clip(mean[:, None] + draws * deviation[:, None], 0.0, 1.0)
    return units
