"""The same contest on the twin: what it says who is better."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.reward import EPISODE_FIELDS
from components.cluster.rollout import rollout_hpa, rollout_hpa_vpa
from components.cluster.sample import STEP_S
from components.policy.rule_rollout import rollout_rule
from tests.cluster.closed_loop.arms import HPA, HPA_VPA, OURS, Contest
from tests.cluster.closed_loop.guarded_course import guarded_course

REPEATS = 8


def twin_episodes(
    contest: Contest, rates_per_s: FloatArray, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """EPISODE_FIELDS of each arm's episodes [B, E] under the rates [T], one a second.

    The same start, the same rates; each member of the twin is played with some draws of chance,
    an episode's number meaning the same member and draw for every arm.
    """
    world = _world(contest, rates_per_s, rng)
    batch = len(world[0])

    def repeated(value: float | FloatArray) -> FloatArray:
        return np.repeat(np.asarray(value, dtype=np.float64)[None], batch, axis=0)

    hpa, vpa = contest.incumbents[HPA], contest.incumbents[HPA_VPA]
    assert vpa.history is not None
    played = {
        HPA: rollout_hpa(*world, repeated(hpa.allocation), repeated(hpa.target)),
        HPA_VPA: rollout_hpa_vpa(
            *world,
            repeated(vpa.allocation),
            repeated(vpa.target),
            repeated(vpa.margin),
            repeated(vpa.history),
            minimum_bytes=vpa.minimum_bytes,
        ),
        OURS: rollout_rule(repeated(contest.rule), *world, repeated(contest.allocation(OURS))),
    }
    return {arm: rollout.metrics for arm, rollout in played.items()}


def guarded_episodes(
    contest: Contest, rates_per_s: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """EPISODE_FIELDS [B', E] of the whole product on the twin: recommender, guard and actuator.

    The rule alone, which `twin_episodes` plays, lacks what the guard holds back. One episode for
    each member, the first of its `twin_episodes`: same member, same chance.
    """
    parameters, _, rates, noise = _world(contest, rates_per_s, rng)
    figures = [
        guarded_course(contest, parameters[at], rates[at], noise[at])
        for at in range(0, len(parameters), REPEATS)
    ]
    return np.array([[one[field] for field in EPISODE_FIELDS] for one in figures])


def _world(
    contest: Contest, rates_per_s: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Parameters [B, P], limits [B, L], rates [B, T] and chance [B, T, N] of all episodes."""
    step = int(STEP_S)
    steps = len(rates_per_s) // step
    rates = rates_per_s[: steps * step].reshape(steps, step).mean(axis=1)
    parameters = np.repeat(contest.twin.members, REPEATS, axis=0)
    batch = len(parameters)
    return (
        parameters,
        np.repeat(limits_of([contest.workload]), batch, axis=0),
        np.repeat(rates[None, :], batch, axis=0),
        draw_noise(rng, steps, batch),
    )
