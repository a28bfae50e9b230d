"""Every controller in the same situations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.foresight import foresight
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.rollout import Rollout, rollout_hpa, rollout_hpa_vpa
from components.policy.rule_rollout import rollout_rule
from components.validation.config import ValidationConfig
from components.validation.incumbents import DEFAULT_TARGET, Incumbents
from components.validation.situations import BOUND, Case, Situations, stream

# How people know the rows of validation.json, in the order in which they compare them.
TITLES: Mapping[str, str] = {
    "policy": "policy",
    "zero_shot": "policy, zero-shot",
    "hpa_default": "HPA, default",
    "hpa": "HPA, tuned",
    "hpa_vpa": "HPA + VPA memory, tuned",
    "foresight": "bound (perfect foresight)",
}
# Tuned as well as they can be: the policy has to pass against each of them.
INCUMBENTS = ("hpa", "hpa_vpa")


def play_incumbents(situations: Situations, incumbents: Incumbents) -> dict[str, Rollout]:
    """HPA with its default target and the usual requests, HPA tuned, HPA + VPA on memory tuned.

    The tuned ones begin with the sizes that tuning gave them and with the usual replicas.
    """
    each = len(situations.limits) // len(incumbents.memory_history)

    def spread(values: FloatArray) -> FloatArray:
        return np.repeat(values, each, axis=0)

    world = (situations.parameters, situations.limits, situations.rates, situations.noise)
    default = np.full(len(situations.limits), DEFAULT_TARGET)
    hpa, vpa = incumbents.hpa, incumbents.hpa_vpa
    return {
        "hpa_default": rollout_hpa(*world, situations.allocation, default, keep=True),
        "hpa": rollout_hpa(*world, spread(hpa.allocation), spread(hpa.target), keep=True),
        "hpa_vpa": rollout_hpa_vpa(
            *world,
            spread(vpa.allocation),
            spread(vpa.target),
            spread(vpa.margin),
            spread(incumbents.memory_history),
            minimum_bytes=vpa.minimum_bytes,
            keep=True,
        ),
    }


def handed_over(situations: Situations, incumbents: Incumbents) -> Situations:
    """The same situations at hand-over: the tuned HPA's allocation is in force, as it would be."""
    each = len(situations.limits) // len(incumbents.memory_history)
    return replace(situations, allocation=np.repeat(incumbents.hpa.allocation, each, axis=0))


def play_rules(
    situations: Situations, rules: Mapping[str, FloatArray], past: FloatArray
) -> dict[str, Rollout]:
    """Each named set of rules [W, K], from the situations' allocation.

    past [W, T0, M]: what the rules watched before, as HPA + VPA has its history.
    """
    each = len(situations.limits) // len(past)
    return {
        name: rollout_rule(
            np.repeat(rule, each, axis=0),
            situations.parameters,
            situations.limits,
            situations.rates,
            situations.noise,
            situations.allocation,
            keep=True,
            past=np.repeat(past, each, axis=0),
        )
        for name, rule in rules.items()
    }


def play_bound(
    situations: Situations, played: Mapping[str, Rollout], case: Case, config: ValidationConfig
) -> Rollout:
    """What perfect foresight could have had in one workload's situations.

    It maximises what everybody was tuned for (reward less the penalty for violations), and begins
    with the best course that another controller took in the same situation.
    """
    return foresight(
        situations.parameters,
        situations.limits,
        situations.rates,
        situations.noise,
        _best_courses(played, config.violation_penalty),
        stream(config, BOUND, case.workload.key),
        config.foresight_trials,
        initial_allocation=situations.allocation,
        violation_penalty=config.violation_penalty,
        keep=True,
    )


def score(rollout: Rollout, violation_penalty: float) -> FloatArray:
    """Reward less the penalty for violations, [B]: what every controller was tuned for."""
    return rollout.metric("reward") - violation_penalty * rollout.metric("violation")


def _best_courses(played: Mapping[str, Rollout], violation_penalty: float) -> FloatArray:
    """The best controller of each situation, minute by minute: its allocations [B, T // 4, 3]."""
    rollouts: Sequence[Rollout] = list(played.values())
    scores = np.stack([score(rollout, violation_penalty) for rollout in rollouts])
    courses = np.stack([_allocations(rollout) for rollout in rollouts])
    best = scores.argmax(axis=0)
    chosen: FloatArray = courses[best, np.arange(len(best))]
    return chosen


def _allocations(rollout: Rollout) -> FloatArray:
    if rollout.allocations is None:
        raise ValueError("the course was not kept")
    # The last step of a minute: HPA acts within it.
    return rollout.allocations[:, INTERVAL_STEPS - 1 :: INTERVAL_STEPS]
