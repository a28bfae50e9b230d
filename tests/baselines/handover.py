"""A hidden workload's first day: the incumbent, then by the recommender's own phases the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from components.cluster.autoscaler_rollout import VERTICAL_MEMORY
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.hpa import HPA_MEMORY_COUNT, reset_hpa
from components.cluster.limits import clip_allocation
from components.cluster.reward import (
    EPISODE_COUNT,
    INTERVAL_STEPS,
    REWARD_MEMORY_COUNT,
    RewardWeights,
    reversals,
    step_quality,
)
from components.cluster.sample import OOM_KILLS, REQUEST_RATE_PER_S, SAMPLE_COUNT
from components.policy.hand_over import begin_acting
from components.policy.rule import act_one, digest_one
from components.policy.rule_rollout import CONTROLLER_STATE_COUNT, REWARD_MEMORY
from components.recommender.phase import Interval, advance
from components.recommender.phase_settings import PhaseSettings
from components.recommender.phase_state import CANARY, LIVE, PhaseState
from components.recommender.reference import Reference, reference_of
from components.recommender.violations import expected_violations
from tests.baselines.direct_course import by_minute
from tests.hidden_workloads.rebuilt import (
    hidden_autoscaler_interval,
    hidden_initial_state,
    hidden_interval_one,
)

DIGEST = "policy"
_VIOLATION, _KILLS, _REVERSALS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Incumbent:
    """HPA with VPA on memory for W workloads: settings [W, 3], allocation [W, 3] to begin with,
    and what VPA's recommender remembers [W, H]."""

    settings: FloatArray
    allocation: FloatArray
    history: FloatArray


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the pipeline made of the telemetry until `known_at_min`.

    rules [W, K], twins [W, P] (member 0), accepted [W]: whether the gate let the rule in.
    """

    known_at_min: int
    rules: FloatArray
    twins: FloatArray
    accepted: FloatArray


@dataclass(frozen=True, slots=True)
class Day:
    """violations [W, D]: of each minute; phases [W][D]: names; ends [W]: why it ended where."""

    violations: FloatArray
    phases: list[list[str]]
    ends: list[str]


@numba.njit(error_model="numpy")
def _minute(
    state: Any, parameters: Any, limits: Any, allocation: Any, settings: Any, hpa: Any,
    history: Any, rules: Any, memory: Any, turning: Any, acting: Any, rates: Any, noise: Any,
    weights: Any, samples: Any, proposed: Any, outcome: Any,
) -> None:  # fmt: skip
    """One minute of each row: by the rule where it acts, else by HPA and VPA, and what it did."""
    totals = np.zeros(EPISODE_COUNT)
    wanted = np.zeros((INTERVAL_STEPS, 3))
    before = np.zeros(3)
    scratch = np.zeros(CONTROLLER_STATE_COUNT)
    for row in range(state.shape[0]):
        before[:] = allocation[row]
        if acting[row] > 0.0:
            hidden_interval_one(
                state[row], memory[row], parameters[row], limits[row], allocation[row], rules[row],
                rates[row], noise[row], samples[row], weights, totals,
            )  # fmt: skip
            reset_hpa(hpa[row], allocation[row, 0])
        else:
            hidden_autoscaler_interval(
                state[row], parameters[row], limits[row], allocation[row], settings[row], hpa[row],
                history[row], VERTICAL_MEMORY, rates[row], noise[row], samples[row], wanted,
            )  # fmt: skip
            digest_one(memory[row, :REWARD_MEMORY], rules[row], samples[row], limits[row])
        scratch[:] = memory[row]
        act_one(scratch[:REWARD_MEMORY], rules[row], limits[row], allocation[row], proposed[row])
        outcome[row, 0] = 0.0
        outcome[row, 1] = 0.0
        for index in range(INTERVAL_STEPS):
            sample = samples[row, index]
            outcome[row, 0] += step_quality(sample, limits[row])[1] / INTERVAL_STEPS
            outcome[row, 1] += sample[OOM_KILLS]
        outcome[row, 2] = reversals(before, allocation[row], turning[row])


def play_day(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    incumbent: Incumbent,
    candidate: Candidate | None,
    settings: PhaseSettings,
) -> Day:
    """D minutes of rates [W, 4 D]; without a candidate the incumbent acts all the time.

    The policy acts in CANARY and LIVE only, as the recommender's state machine decides from the
    minutes' violations, and begins as there; its proposals are applied as they are, without the
    guard between.
    """
    workloads = len(limits)
    by_rates, by_noise = by_minute(rates), by_minute(noise)
    inside = clip_allocation(contiguous(incumbent.allocation), limits)
    allocation = contiguous(inside)
    state = hidden_initial_state(contiguous(parameters), contiguous(limits), inside, rates[:, 0])
    hpa, history = np.zeros((workloads, HPA_MEMORY_COUNT)), incumbent.history.copy()
    for row in range(workloads):
        reset_hpa(hpa[row], allocation[row, 0])
    memory = np.zeros((workloads, CONTROLLER_STATE_COUNT))
    turning = np.zeros((workloads, REWARD_MEMORY_COUNT))
    samples = np.zeros((workloads, INTERVAL_STEPS, SAMPLE_COUNT))
    proposed, outcome = np.zeros((workloads, 3)), np.zeros((workloads, 3))
    rules = contiguous(candidate.rules) if candidate else np.full((workloads, 22), 0.5)
    states = [PhaseState() for _ in range(workloads)]
    known: list[list[float]] = [[] for _ in range(workloads)]
    kills = np.zeros(workloads)
    references: list[Reference | None] = [None] * workloads
    violations, phases = np.empty((workloads, len(by_rates))), []
    weights, acted = RewardWeights().row(), np.zeros(workloads)
    for minute, (rate, chance) in enumerate(zip(by_rates, by_noise, strict=True)):
        acting = np.array([one.phase in (CANARY, LIVE) for one in states], dtype=np.float64)
        for row in np.flatnonzero(acting > acted):
            begin_acting(memory[row, :REWARD_MEMORY], rules[row])
        acted = acting
        _minute(
            state, contiguous(parameters), contiguous(limits), allocation, incumbent.settings, hpa,
            history, rules, memory, turning, acting, rate, chance, weights, samples, proposed,
            outcome,
        )  # fmt: skip
        violations[:, minute] = outcome[:, _VIOLATION]
        phases.append([one.phase for one in states])
        if candidate is None:
            continue
        expected = expected_violations(
            candidate.twins, limits, clip_allocation(proposed, limits),
            contiguous(samples[:, :, REQUEST_RATE_PER_S]),
        )  # fmt: skip
        for row in range(workloads):
            if not acting[row]:
                known[row].append(float(outcome[row, _VIOLATION]))
                kills[row] += outcome[row, _KILLS]
                references[row] = reference_of(np.array(known[row]), int(kills[row]))
            states[row] = advance(
                states[row],
                Interval(
                    violation=float((outcome[:, _VIOLATION] if acting[row] else expected)[row]),
                    oom_kills=int(outcome[row, _KILLS]) if acting[row] else 0,
                    reversals=int(outcome[row, _REVERSALS]) if acting[row] else 0,
                ),
                DIGEST if minute >= candidate.known_at_min else "",
                bool(candidate.accepted[row]),
                references[row],
                settings,
                60.0 * minute,
            )
    named = [[step[row] for step in phases] for row in range(workloads)]
    return Day(violations, named, [f"{one.phase}: {one.reason}" for one in states])
