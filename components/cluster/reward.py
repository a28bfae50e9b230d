"""What a decision was worth: AWARE's reward with its intent, and the figures reported beside it.

reward = alpha * SLO preservation + (1 - alpha) * mean of CPU and memory utilisation
         - illegal - oscillating - restarting actions.
SLO preservation of a step is min(1, threshold / latency) times the share that did not fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, borrowed, compiled

INTERVAL_STEPS = 4
STEP_HOURS = smp.STEP_S / 3600.0
# A direction is forgotten after this many decisions without a change.
OSCILLATION_WINDOW = 5.0
# Per dimension of the allocation: the last direction (-1, 0, 1), then decisions since.
REWARD_MEMORY_COUNT = 6
WEIGHT_ALPHA = 0
WEIGHT_ILLEGAL = 1
WEIGHT_OSCILLATION = 2
WEIGHT_RESTART = 3

EPISODE_FIELDS: tuple[str, ...] = (
    "reward",
    "violation",
    "violation_5_percent",
    "cpu_utilisation",
    "memory_utilisation",
    "core_hours",
    "gib_hours",
    "actions_per_hour",
    "oom_kills",
)
EPISODE_COUNT = len(EPISODE_FIELDS)
REWARD = 0
VIOLATION = 1
VIOLATION_5_PERCENT = 2
CPU_UTILISATION = 3
MEMORY_UTILISATION = 4
CORE_HOURS = 5
GIB_HOURS = 6
ACTIONS_PER_HOUR = 7
OOM_KILLS = 8


@dataclass(frozen=True, slots=True)
class RewardWeights:
    """alpha of AWARE's reward, and what an illegal, reversing or restarting action costs."""

    alpha: float = 0.7
    illegal: float = 0.1
    oscillation: float = 0.01
    restart: float = 0.05

    def row(self) -> FloatArray:
        """The weights [4] in the order of the WEIGHT constants."""
        return np.array([self.alpha, self.illegal, self.oscillation, self.restart])


@compiled
def held_replicas(sample: FloatArray) -> float:
    """Replicas that hold a place on a node, whoever still wants them: these are paid for."""
    return float(
        sample[smp.REPLICAS_WANTED] - sample[smp.REPLICAS_PENDING] + sample[smp.REPLICAS_DRAINING]
    )


@compiled
def step_quality(
    sample: FloatArray, limits: FloatArray
) -> tuple[float, float, float, float, float]:
    """One step: (SLO preservation, violated 0/1, violated by 5 % 0/1, CPU and memory utilisation).

    A step violates when its latency exceeds the threshold, when a request failed for a reason
    of the service's own (more than one in a thousand), or when a replica was OOM-killed.
    """
    ratio = limits[lim.SLO_LATENCY_MS] / max(sample[smp.EXACT_LATENCY_MS], 1e-9)
    failed = sample[smp.EXACT_FAILED_RATIO]
    preservation = min(ratio, 1.0) * (1.0 - failed)
    broken = failed > 1e-3 or sample[smp.OOM_KILLS] > 0.0
    violated = 1.0 if broken or ratio < 1.0 else 0.0
    clearly = 1.0 if broken or ratio < 1.0 / 1.05 else 0.0
    requested_m = held_replicas(sample) * sample[smp.CPU_REQUEST_M]
    cpu = min(sample[smp.EXACT_CPU_USAGE_M] / max(requested_m, 1e-9), 1.0)
    memory = min(sample[smp.EXACT_MEMORY_BYTES] / max(sample[smp.MEMORY_REQUEST_BYTES], 1e-9), 1.0)
    return preservation, violated, clearly, cpu, memory


@compiled
def illegal_share(requested: FloatArray, limits: FloatArray) -> float:
    """Share of the three dimensions of a requested allocation [3] that are out of bounds."""
    outside = 0.0
    for dimension in range(3):
        low = limits[lim.REPLICAS_MIN + 2 * dimension]
        high = limits[lim.REPLICAS_MIN + 2 * dimension + 1]
        value = requested[dimension]
        if value < low - 1e-6 * low or value > high + 1e-6 * high:
            outside += 1.0
    return outside / 3.0


@compiled
def reversals(before: FloatArray, after: FloatArray, memory: FloatArray) -> float:
    """Number of dimensions whose change reverses a recent one; updates memory [6]."""
    count = 0.0
    for dimension in range(3):
        change = after[dimension] - before[dimension]
        direction = 1.0 if change > 0.0 else (-1.0 if change < 0.0 else 0.0)
        last = memory[2 * dimension]
        memory[2 * dimension + 1] += 1.0
        if memory[2 * dimension + 1] > OSCILLATION_WINDOW:
            last = 0.0
        if direction != 0.0:
            if direction * last < 0.0:
                count += 1.0
            memory[2 * dimension] = direction
            memory[2 * dimension + 1] = 0.0
    return count


@compiled
def reward_one(
    samples: FloatArray,
    limits: FloatArray,
    before: FloatArray,
    requested: FloatArray,
    memory: FloatArray,
    weights: FloatArray,
    totals: FloatArray,
) -> tuple[float, float]:
    """(reward, violated share of the steps) of one decision; adds to the episode's totals [E].

    samples [n, M] follow the decision that moved the allocation from `before` [3] to `requested`
    [3]; memory [6] remembers directions between decisions.
    """
    samples = borrowed(samples)
    limits = borrowed(limits)
    before = borrowed(before)
    requested = borrowed(requested)
    memory = borrowed(memory)
    weights = borrowed(weights)
    totals = borrowed(totals)
    steps = samples.shape[0]
    quality = 0.0
    violations = 0.0
    restarted = 0.0
    alpha = weights[WEIGHT_ALPHA]
    for index in range(steps):
        row = samples[index]
        preservation, violated, clearly, cpu, held = step_quality(row, limits)
        quality += alpha * preservation + (1.0 - alpha) * 0.5 * (cpu + held)
        violations += violated
        replicas = row[smp.REPLICAS_WANTED]
        # Restarts that the action caused: an OOM kill costs the SLO already.
        restarted += max(row[smp.RESTARTS] - row[smp.OOM_KILLS], 0.0) / max(replicas, 1.0)
        totals[VIOLATION] += violated
        totals[VIOLATION_5_PERCENT] += clearly
        totals[CPU_UTILISATION] += cpu
        totals[MEMORY_UTILISATION] += held
        paid = held_replicas(row)
        totals[CORE_HOURS] += paid * row[smp.CPU_REQUEST_M] * 1e-3 * STEP_HOURS
        totals[GIB_HOURS] += paid * row[smp.MEMORY_REQUEST_BYTES] / 1024.0**3 * STEP_HOURS
        totals[OOM_KILLS] += row[smp.OOM_KILLS]
    reward = quality / steps
    reward -= weights[WEIGHT_ILLEGAL] * illegal_share(requested, limits)
    reward -= weights[WEIGHT_OSCILLATION] * reversals(before, requested, memory)
    reward -= weights[WEIGHT_RESTART] * min(restarted, 1.0)
    for dimension in range(3):
        if requested[dimension] != before[dimension]:
            totals[ACTIONS_PER_HOUR] += 1.0
            break
    totals[REWARD] += reward
    return reward, violations / steps


@compiled
def finish_totals(totals: FloatArray, decisions: int, steps: int) -> None:
    """Turn an episode's sums [E] into means; hours and kills stay sums."""
    totals[REWARD] /= decisions
    totals[ACTIONS_PER_HOUR] /= steps * STEP_HOURS
    for field in range(VIOLATION, CORE_HOURS):
        totals[field] /= steps
