"""The gate's paired test on a policy that is bad on purpose, on the service's own simulator."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.parameters import PARAMETER_NAMES
from components.cluster.plan_replay import planned_rows
from components.cluster.reward import EPISODE_COUNT, RewardWeights
from components.cluster.rollout import Rollout, rollout_hpa
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.tuning import Scenarios, tune_hpa
from components.policy.rule_parameters import RULE_NAMES, default_rule
from components.policy.rule_rollout import rollout_rule
from components.validation.verdict import Criteria, Scores, Verdict, judge
from tests.components.recommender.recommending import bundle
from tests.recorder.rates import RateShape, rate_series
from tests.running_loop.bad_policies import SERVICE, SHAPE, BadPolicy
from tests.running_loop.loop import WORKLOAD

_TRACES, _MINUTES = 16, 60
_START = np.array([2.0, 400.0, 96.0 * 2**20])


def verdict_on(policy: BadPolicy) -> Verdict:
    """What the gate says of it against an HPA that was tuned on other traces."""
    limits = limits_of([WORKLOAD])
    parameters = service_parameters()
    tuning, judging = _traces(SHAPE, 1), _traces(SHAPE, 2)
    tuned = tune_hpa(
        Scenarios(
            np.repeat(parameters[None, None], _TRACES, axis=1),
            limits,
            tuning[None],
            draw_noise(np.random.default_rng(3), tuning.shape[1], _TRACES)[None],
        ),
        _START[None],
        violation_penalty=0.4,
        kill_penalty=0.05,
    )
    world = (
        np.repeat(parameters[None], _TRACES, axis=0),
        np.repeat(limits, _TRACES, axis=0),
        judging,
        draw_noise(np.random.default_rng(4), judging.shape[1], _TRACES),
    )
    start = np.repeat(tuned.allocation, _TRACES, axis=0)
    theirs = rollout_hpa(*world, start, np.repeat(tuned.target, _TRACES))
    return judge(_scores(_played(policy, world, start)), _scores(theirs), Criteria())


def service_parameters() -> FloatArray:
    """The simulated service of the trials, [P]."""
    member = bundle().manifest["twin"]["members"][0] | SERVICE
    return np.array([member[name] for name in PARAMETER_NAMES])


def _played(
    policy: BadPolicy,
    world: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    start: FloatArray,
) -> Rollout:
    if policy.wave is None:
        values = dict(zip(RULE_NAMES, default_rule(), strict=True)) | policy.rule
        rule = np.array([values[name] for name in RULE_NAMES])
        return rollout_rule(np.repeat(rule[None], _TRACES, axis=0), *world, start)
    plan = np.array([policy.wave(minute) for minute in range(_MINUTES)])
    metrics = np.zeros((_TRACES, EPISODE_COUNT))
    planned_rows(
        *world,
        start,
        np.repeat(plan[None], _TRACES, axis=0),
        RewardWeights().row(),
        metrics,
        np.zeros((0, 1, SAMPLE_COUNT)),
        np.zeros((0, 1, 3)),
    )
    return Rollout(metrics)


def _traces(shape: RateShape, seed: int) -> FloatArray:
    """Traces [N, T] of an hour each, one rate for each step of 15 s."""
    rng = np.random.default_rng(seed)
    rates = [rate_series(shape, rng, 60 * _MINUTES) for _ in range(_TRACES)]
    return np.array(rates).reshape(_TRACES, -1, 15).mean(axis=2)


def _scores(rollout: Rollout) -> Scores:
    return Scores(
        violation=rollout.metric("violation"),
        reward=rollout.metric("reward"),
        core_hours=rollout.metric("core_hours"),
        gib_hours=rollout.metric("gib_hours"),
        kills_per_h=rollout.metric("oom_kills") * 60.0 / _MINUTES,
    )
