"""Deciding for many workloads at once from measured samples: the incumbent rule and the policy.

Two compiled loops over rows; nothing here learns and nothing imports torch. What a controller
remembers of each workload is passed in and updated in place.
"""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.autoscaler_rollout import MARGIN, MINIMUM_BYTES, TARGET
from components.cluster.compiled import FloatArray, compiled
from components.cluster.hpa import hpa_one
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.vpa import AGE_S, TIME_S, add_kill, add_usage, vpa_one
from components.policy.hand_over import begin_acting
from components.policy.rule import DOWN_WAIT_MIN, RULE_STATE_COUNT, SEEN, act_one, digest_one
from components.workload.telemetry import STEP_S

# VPA owns memory alone: HPA scales on CPU, and both on one resource would fight.
_WITHOUT_CPU = False


@compiled
def incumbent_rows(
    hpa: FloatArray,
    history: FloatArray,
    samples: FloatArray,
    known: FloatArray,
    new_steps: FloatArray,
    limits: FloatArray,
    settings: FloatArray,
    current: FloatArray,
    proposed: FloatArray,
) -> None:
    """HPA on CPU after each new step and VPA on memory once; fills proposed [B, 3].

    hpa [B, 21] and history [B, H] are updated. samples [B, T, M] end with the newest step, of
    which the last new_steps [B] weren't seen before; known [B, T] is 0 where CPU or memory was
    not measured (HPA then leaves the scale, VPA takes no sample). settings [B, 3]: the HPA's
    target, the VPA's margin and minimum. current [B, 3] is in force. A row without a new known
    step keeps what it proposed before.
    """
    steps = samples.shape[1]
    allocation = np.empty(3)
    for row in range(samples.shape[0]):
        allocation[:] = current[row]
        kills = 0.0
        measured = False
        for step in range(steps - int(new_steps[row]), steps):
            sample = samples[row, step]
            if known[row, step] == 0.0:
                history[row, TIME_S] += STEP_S
                history[row, AGE_S] += STEP_S
                # A container that dies before it is measured tells of its need all the same.
                if sample[smp.OOM_KILLS] > 0.0:
                    kills += sample[smp.OOM_KILLS]
                    add_kill(history[row], sample[smp.MEMORY_REQUEST_BYTES])
                continue
            measured = True
            kills += sample[smp.OOM_KILLS]
            add_usage(
                history[row],
                sample[smp.CPU_USAGE_M] / max(sample[smp.REPLICAS_READY], 1.0),
                sample[smp.MEMORY_WORKING_SET_BYTES],
                sample[smp.MEMORY_REQUEST_BYTES],
                sample[smp.OOM_KILLS],
            )
            allocation[lim.REPLICAS] = hpa_one(
                hpa[row], limits[row], sample, allocation[lim.REPLICAS], settings[row, TARGET]
            )
        if measured:
            vpa_one(
                history[row],
                settings[row, MARGIN],
                settings[row, MINIMUM_BYTES],
                limits[row, lim.CPU_MIN_M],
                limits[row, lim.CPU_MAX_M],
                limits[row, lim.MEMORY_MIN_BYTES],
                limits[row, lim.MEMORY_MAX_BYTES],
                kills,
                _WITHOUT_CPU,
                allocation,
            )
            proposed[row] = allocation


@compiled
def rule_rows(
    memory: FloatArray,
    rules: FloatArray,
    acting: FloatArray,
    samples: FloatArray,
    new_steps: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    proposed: FloatArray,
) -> None:
    """The rule's next allocation of each row that has a rule; fills proposed [B, 3].

    memory [B, R] is updated. rules [B, K] are NaN in rows without a policy. acting [B] is 0 where
    another acts: what is proposed there is what the rule would do if it took over now. A rule
    that has seen nothing yet reads all whole intervals of samples [B, T, M], later ones read as
    many intervals as the new steps make. A row without a new interval keeps what it proposed
    before.
    """
    steps = samples.shape[1]
    shown = np.empty(RULE_STATE_COUNT)
    for row in range(samples.shape[0]):
        if np.isnan(rules[row, 0]):
            continue
        intervals = int(np.round(new_steps[row] / INTERVAL_STEPS))
        if memory[row, SEEN] == 0.0:
            intervals = int(new_steps[row]) // INTERVAL_STEPS
        intervals = min(intervals, steps // INTERVAL_STEPS)
        for back in range(intervals, 0, -1):
            end = steps - (back - 1) * INTERVAL_STEPS
            digest_one(
                memory[row], rules[row], samples[row, end - INTERVAL_STEPS : end], limits[row]
            )
        if intervals == 0:
            continue
        if acting[row] > 0.0:
            act_one(memory[row], rules[row], limits[row], current[row], proposed[row])
            continue
        shown[:] = memory[row]
        begin_acting(shown, rules[row])
        # In the shadow a shrink waits as long as it will when the rule acts.
        shown[DOWN_WAIT_MIN] = memory[row, DOWN_WAIT_MIN]
        act_one(shown, rules[row], limits[row], current[row], proposed[row])
        memory[row, DOWN_WAIT_MIN] = shown[DOWN_WAIT_MIN]


@compiled
def hand_over_rows(
    memory: FloatArray,
    rules: FloatArray,
    begins: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    proposed: FloatArray,
) -> None:
    """The first allocation of each rule that begins to act, begins [B] above 0; as in training.

    What rule_rows digested is kept in memory [B, R], what was another's doing is forgotten.
    """
    for row in range(memory.shape[0]):
        if begins[row] > 0.0 and not np.isnan(rules[row, 0]):
            begin_acting(memory[row], rules[row])
            act_one(memory[row], rules[row], limits[row], current[row], proposed[row])
