"""The rules and the bound, each tuned on one part of a world and scored on another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.environment_episode import Episode
from components.cluster.foresight import foresight
from components.cluster.horizontal import KEDA_QUEUE, KEDA_REQUESTS, KNATIVE
from components.cluster.reward import EPISODE_FIELDS, INTERVAL_STEPS, RewardWeights
from components.cluster.rollout import Rollout, rollout_hpa, rollout_hpa_vpa
from components.cluster.tuning import Scenarios, TunedAutoscaler, tune_hpa, tune_hpa_vpa
from components.cluster.vpa import DEFAULT_MARGIN, empty_history, note_usage
from components.policy.prices import Prices
from components.policy.rule import RULE_COUNT, default_rule, from_unit, to_unit
from components.policy.rule_rollout import nothing_seen, rollout_rule
from components.policy.rule_scores import SCORE_COUNT, SCORE_REWARD, SCORE_VIOLATION, score_rules
from components.policy.search import search_rule
from tests.baselines.worlds import World

Figures = dict[str, FloatArray]

DEFAULT_TARGET = 0.7
HPA_DEFAULT = "HPA 70 %, hand-set requests"
HPA_VPA_TUNED = "HPA + VPA memory, tuned"
ON_REQUESTS = {
    "KEDA requests + VPA memory, tuned": KEDA_REQUESTS,
    "KEDA queue + VPA memory, tuned": KEDA_QUEUE,
    "Knative + VPA memory, tuned": KNATIVE,
}
RULE_SEARCHED = "rule, searched"
FORESIGHT = "perfect foresight"
# The bound by its number of trials, as a divisor: where it still rises it isn't found yet.
FORESIGHT_SHARES = {
    "foresight, a 64th of the trials": 64,
    "foresight, a sixteenth of the trials": 16,
    "foresight, a quarter of the trials": 4,
    FORESIGHT: 1,
}
VIOLATION_PENALTY = 0.1
GLOBAL_CANDIDATES = 48
GLOBAL_ELITES = 8
GLOBAL_DEVIATION = 0.2
SEARCH_DEVIATION = 0.15


@dataclass(frozen=True, slots=True)
class Tuned:
    """HPA, and HPA or a rule on requests with VPA on memory, tuned per application."""

    hpa: TunedAutoscaler
    hpa_vpa: TunedAutoscaler
    on_requests: dict[str, TunedAutoscaler]

    @property
    def start(self) -> FloatArray:
        """Where whoever takes over from the tuned HPA + VPA begins, [B, 3]."""
        return self.hpa_vpa.allocation


def tune(world: World, history: FloatArray) -> Tuned:
    """Tune all on the tuning traces, with the penalty that the rule is searched with.

    HPA + VPA gets about as many episodes as the rule's search, the others a third, to save time.
    """
    start = world.scored.allocation
    third = world.tuning.first(max(2, world.tuning.rates.shape[1] // 3))
    return Tuned(
        tune_hpa(third, start, VIOLATION_PENALTY),
        tune_hpa_vpa(world.tuning, start, history, VIOLATION_PENALTY),
        {
            name: tune_hpa_vpa(third, start, history, VIOLATION_PENALTY, horizontal=horizontal)
            for name, horizontal in ON_REQUESTS.items()
        },
    )


def play_untuned(world: World, history: FloatArray) -> Iterator[tuple[str, Figures]]:
    """The autoscalers as they come, from hand-set requests."""
    scored, batch = world.scored, len(world.scored.limits)
    target, margin = np.full(batch, DEFAULT_TARGET), np.full(batch, DEFAULT_MARGIN)
    yield HPA_DEFAULT, figures_of(rollout_hpa(*course_of(scored), scored.allocation, target))
    for name, percent, vertical_cpu in (
        ("HPA 70 % + VPA memory", 70, False),
        ("HPA 70 % + VPA CPU and memory", 70, True),
        ("HPA 30 % + VPA memory", 30, False),
    ):
        rolled = rollout_hpa_vpa(
            *course_of(scored),
            scored.allocation,
            np.full(batch, percent / 100.0),
            margin,
            history,
            vpa_cpu=vertical_cpu,
        )
        yield name, figures_of(rolled)


def play_tuned(world: World, tuned: Tuned, history: FloatArray) -> Iterator[tuple[str, Figures]]:
    """The autoscalers tuned per application."""
    hpa = tuned.hpa
    scored = course_of(world.scored)
    yield "HPA, tuned", figures_of(rollout_hpa(*scored, hpa.allocation, hpa.target))
    for name, each in {HPA_VPA_TUNED: tuned.hpa_vpa, **tuned.on_requests}.items():
        rolled = rollout_hpa_vpa(
            *scored,
            each.allocation,
            each.target,
            each.margin,
            history,
            minimum_bytes=each.minimum_bytes,
            horizontal=each.horizontal,
        )
        yield name, figures_of(rolled)


def play_bounds(
    world: World, rules: FloatArray, start: FloatArray, trials: int, rng: np.random.Generator
) -> Iterator[tuple[str, Figures]]:
    """Perfect foresight from the course of rules [B, K]; by trials, to see it converge."""
    rolled = play_rule(world.scored, rules, start, keep=True)
    assert rolled.allocations is not None
    # The last step of a minute: the rule acts once in a minute.
    course = contiguous(rolled.allocations[:, INTERVAL_STEPS - 1 :: INTERVAL_STEPS])
    for name, share in FORESIGHT_SHARES.items():
        found = foresight(
            *course_of(world.scored), course, rng, trials // share, initial_allocation=start
        )
        yield name, figures_of(found)


def play_rule(
    scored: Episode, rules: FloatArray, allocation: FloatArray, keep: bool = False
) -> Rollout:
    """Rules [B, K] from allocation [B, 3]."""
    return rollout_rule(rules, *course_of(scored), allocation, keep=keep)


def watched(tuning: Scenarios, allocation: FloatArray) -> FloatArray:
    """What VPA's recommender remembers [B, H] of the first tuning trace under HPA's default."""
    batch = len(allocation)
    rolled = rollout_hpa(
        tuning.parameters[:, 0],
        tuning.limits,
        tuning.rates[:, 0],
        tuning.noise[:, 0],
        allocation,
        np.full(batch, DEFAULT_TARGET),
        keep=True,
    )
    assert rolled.samples is not None
    histories = np.tile(empty_history(), (batch, 1))
    for history, samples in zip(histories, rolled.samples, strict=True):
        ready = np.maximum(samples[:, smp.REPLICAS_READY], 1.0)
        note_usage(
            history,
            contiguous(samples[:, smp.READY_CPU_USAGE_M] / ready),
            contiguous(samples[:, smp.MEMORY_WORKING_SET_BYTES]),
            contiguous(samples[:, smp.MEMORY_REQUEST_BYTES]),
            contiguous(samples[:, smp.OOM_KILLS]),
        )
    return histories


@dataclass(frozen=True, slots=True)
class _Common:
    """Cross-entropy's distribution of the one rule for all."""

    mean: FloatArray
    deviation: FloatArray


def search_common(
    scenarios: Scenarios, allocation: FloatArray, iterations: int, rng: np.random.Generator
) -> FloatArray:
    """One rule [K] in the unit box that is best for all the applications together."""
    batch = len(scenarios.limits)
    known = _Common(to_unit(default_rule()), np.full(RULE_COUNT, GLOBAL_DEVIATION))
    for _ in range(iterations):
        draws = rng.standard_normal((GLOBAL_CANDIDATES, RULE_COUNT))
        units = np.clip(known.mean + draws * known.deviation, 0.0, 1.0)
        variants = scenarios.parameters.shape[1]
        out = np.zeros((batch, GLOBAL_CANDIDATES, variants, SCORE_COUNT))
        score_rules(
            contiguous(np.broadcast_to(from_unit(units), (batch, *units.shape))),
            contiguous(scenarios.parameters),
            contiguous(scenarios.limits),
            contiguous(scenarios.rates),
            contiguous(scenarios.noise),
            contiguous(allocation),
            nothing_seen(batch),
            RewardWeights().row(),
            scenarios.steps // INTERVAL_STEPS,
            out,
        )
        priced = out[..., SCORE_REWARD] - VIOLATION_PENALTY * out[..., SCORE_VIOLATION]
        score = priced.mean(axis=(0, 2))
        elites = units[np.argsort(-score)[:GLOBAL_ELITES]]
        known = _Common(elites.mean(axis=0), 0.3 * known.deviation + 0.7 * elites.std(axis=0))
    return known.mean


def search_each(
    world: World, tuned: Tuned, common: FloatArray, iterations: int, rng: np.random.Generator
) -> FloatArray:
    """A rule [B, K] for each application, searched on its tuning traces from the common one."""
    found = search_rule(
        world.tuning.parameters,
        world.tuning.limits,
        world.tuning.rates,
        tuned.start,
        np.tile(common, (len(tuned.start), 1)),
        SEARCH_DEVIATION,
        rng,
        iterations=iterations,
        prices=Prices(VIOLATION_PENALTY),
    )
    return found.rule


def figures_of(rolled: Rollout) -> Figures:
    """All figures of a rollout by name, each [B]."""
    return {name: rolled.metric(name) for name in EPISODE_FIELDS}


def course_of(scored: Episode) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """What every rollout begins with: parameters, limits, rates and noise."""
    return scored.parameters, scored.limits, scored.rates, scored.noise
