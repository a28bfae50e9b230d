"""The simulator's step once more, in plain numpy over whole batches: slow, and easy to read.

It is the yardstick of the compiled step, for its results (the test compares both) and for its
speed (the benchmark runs both). Arrays and their order are those of components.cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc

from components.cluster import limits as lim
from components.cluster import noise as noi
from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster import state as sta
from components.cluster.compiled import FloatArray

STEP_S = 15.0
PERIOD_S = 0.1


@dataclass(frozen=True, slots=True)
class Served:
    """What happened to a step's requests, each [B]; *_m of the ready replicas."""

    served: FloatArray
    failed: FloatArray
    queued: FloatArray
    concurrency: FloatArray
    latency_ms: FloatArray
    median_ms: FloatArray
    throttled: FloatArray
    ready_cpu_m: FloatArray


def numpy_step(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """(next state [B, S], samples [B, M]) as components.cluster.simulator.step gives them."""
    state = state.copy()
    sample = np.zeros((len(state), smp.SAMPLE_COUNT))
    cpu_m = np.maximum(allocation[:, lim.CPU_M], 1.0)
    memory = np.maximum(allocation[:, lim.MEMORY_BYTES], 1e6)
    restarts = _resize(state, parameters, cpu_m, memory)
    _scale(state, parameters, np.maximum(np.round(allocation[:, lim.REPLICAS]), 1.0))
    expected = np.maximum(rates, 0.0) * STEP_S
    chance = np.sqrt(expected * parameters[:, par.ARRIVAL_VARIABILITY])
    fresh = np.maximum(expected + noise[:, noi.NOISE_ARRIVALS] * chance, 0.0)
    _serve(state, parameters, limits, fresh + _returning(state, parameters), sample)
    _drain(state, parameters, sample)
    kills = _kill_over_limit(state, parameters, sample)
    again = parameters[:, par.RETRY_SHARE] * sample[:, smp.FAILED]
    budget = parameters[:, par.RETRY_CAP] * fresh
    state[:, sta.RETRYING_REQUESTS] += np.minimum(again, budget)
    _move_starting(state)
    _measure(state, parameters, noise, kills, restarts + kills, sample)
    return state, sample


def _starting(state: FloatArray) -> FloatArray:
    return state[:, sta.STARTING : sta.STARTING + sta.STARTING_STEPS]


def _startup_steps(state: FloatArray, parameters: FloatArray) -> FloatArray:
    stretch = np.maximum(1.0, parameters[:, par.STARTUP_CPU_M] / state[:, sta.CPU_M_NOW])
    steps = parameters[:, par.STARTUP_S] * np.minimum(stretch, 4.0) / STEP_S
    return np.minimum(steps, sta.STARTING_STEPS - 0.01)


def _add_starting(state: FloatArray, pods: FloatArray, steps: FloatArray) -> None:
    slots = np.minimum(steps.astype(int), sta.STARTING_STEPS - 1)
    state[np.arange(len(state)), sta.STARTING + slots] += pods


def _returning(state: FloatArray, parameters: FloatArray) -> FloatArray:
    """Failed requests [B] that come again in this step."""
    delay_s = parameters[:, par.RETRY_DELAY_S]
    soon = 1.0 - np.exp(-STEP_S / np.where(delay_s > 0.0, delay_s, 1.0))
    back = np.where(delay_s > 0.0, soon, 1.0) * state[:, sta.RETRYING_REQUESTS]
    state[:, sta.RETRYING_REQUESTS] -= back
    return back


def _fitting(parameters: FloatArray, cpu_m: FloatArray, memory: FloatArray) -> FloatArray:
    """Replicas [B] that the nodes have room for."""
    most = np.full(len(cpu_m), 1e12)
    for column, size in ((par.NODE_CPU_M, cpu_m), (par.NODE_MEMORY_BYTES, memory)):
        room = parameters[:, column]
        most = np.where(room > 0.0, np.minimum(most, np.floor(room / size)), most)
    return most


def _placed(state: FloatArray) -> FloatArray:
    existing = state[:, sta.READY] + _starting(state).sum(axis=1)
    return existing + state[:, sta.DRAINING_REPLICAS]


def _renewed(state: FloatArray, restarted: FloatArray) -> None:
    total = state[:, sta.READY] + _starting(state).sum(axis=1)
    state[:, sta.GROWN_BYTES] *= 1.0 - restarted / np.where(total > 0.0, total, 1.0)


def _drain(state: FloatArray, parameters: FloatArray, sample: FloatArray) -> None:
    """What the removed replicas still do."""
    drains = state[:, sta.DRAINING_REPLICAS] > 0.0
    slots = state[:, sta.DRAINING : sta.DRAINING + sta.DRAINING_STEPS]
    ending = slots[:, 0].copy()
    steps = parameters[:, par.DRAIN_S] / STEP_S
    there = state[:, sta.DRAINING_REPLICAS] - ending * (np.ceil(steps) - steps)
    slots[:, :-1] = slots[:, 1:].copy()
    slots[:, -1] = 0.0
    state[:, sta.DRAINING_REPLICAS] -= ending
    cpu_m = state[:, sta.CPU_M_NOW]
    idle_m = np.minimum(parameters[:, par.IDLE_CPU_M], 0.95 * cpu_m)
    cores = np.minimum((cpu_m - idle_m) * 1e-3, parameters[:, par.PARALLELISM_CORES])
    demand_s = parameters[:, par.SERVICE_DEMAND_MS] * 1e-3
    holding_s = demand_s + parameters[:, par.WAIT_MS] * 1e-3
    per_s = np.minimum(cores / demand_s, parameters[:, par.CONCURRENCY_LIMIT] / holding_s)
    had = state[:, sta.DRAINING_REQUESTS]
    done = np.minimum(had, there * STEP_S * per_s)
    gone = drains & (state[:, sta.DRAINING_REPLICAS] <= 0.0)
    left = had - done
    sample[:, smp.FAILED] += np.where(gone, left, 0.0)
    arrived = sample[:, smp.ARRIVED]
    ratio = np.minimum(sample[:, smp.FAILED] / np.where(arrived > 0.0, arrived, 1.0), 1.0)
    sample[:, smp.EXACT_FAILED_RATIO] = np.where(
        gone & (arrived > 0.0), ratio, sample[:, smp.EXACT_FAILED_RATIO]
    )
    left = np.where(gone, 0.0, left)
    state[:, sta.DRAINING_REQUESTS] = left
    sample[:, smp.SERVED] += done
    sample[:, smp.QUEUED] += left
    sample[:, smp.REPLICAS_DRAINING] = there
    used_m = done * demand_s / STEP_S * 1e3 + there * parameters[:, par.IDLE_CPU_M]
    sample[:, smp.EXACT_CPU_USAGE_M] += np.minimum(used_m, there * cpu_m)


def _resize(
    state: FloatArray, parameters: FloatArray, cpu_m: FloatArray, memory: FloatArray
) -> FloatArray:
    """Replicas [B] that restart now."""
    ordered = (cpu_m != state[:, sta.CPU_M_TARGET]) | (memory != state[:, sta.MEMORY_BYTES_TARGET])
    left = np.where(ordered, parameters[:, par.RESIZE_DELAY_S], state[:, sta.RESIZE_LEFT_S])
    state[:, sta.CPU_M_TARGET], state[:, sta.MEMORY_BYTES_TARGET] = cpu_m, memory
    waiting = (state[:, sta.CPU_M_NOW] != cpu_m) | (state[:, sta.MEMORY_BYTES_NOW] != memory)
    smaller = (cpu_m <= state[:, sta.CPU_M_NOW]) & (memory <= state[:, sta.MEMORY_BYTES_NOW])
    fits = smaller | (_placed(state) <= _fitting(parameters, cpu_m, memory))
    due = waiting & (left <= 0.0) & fits
    state[:, sta.CPU_M_NOW] = np.where(due, cpu_m, state[:, sta.CPU_M_NOW])
    state[:, sta.MEMORY_BYTES_NOW] = np.where(due, memory, state[:, sta.MEMORY_BYTES_NOW])
    state[:, sta.RESIZE_LEFT_S] = np.where(waiting, left - STEP_S, left)
    ready = state[:, sta.READY]
    rolls = due & (parameters[:, par.RESIZE_RESTARTS] >= 0.5)
    to_restart = np.where(rolls, ready, state[:, sta.TO_RESTART])
    wave = np.maximum(1.0, np.ceil(0.25 * ready))
    restarting = np.where(to_restart > 0.0, np.minimum(np.minimum(to_restart, ready), wave), 0.0)
    _renewed(state, restarting)
    state[:, sta.READY] = ready - restarting
    gone = (to_restart > 0.0) & (state[:, sta.READY] <= 0.0)
    state[:, sta.TO_RESTART] = np.where(gone, 0.0, to_restart - restarting)
    _add_starting(state, restarting, _startup_steps(state, parameters))
    return restarting


def _scale(state: FloatArray, parameters: FloatArray, wanted: FloatArray) -> None:
    """Create what is missing, remove what is too many, those furthest from ready first."""
    existing = state[:, sta.READY] + _starting(state).sum(axis=1)
    total = existing + state[:, sta.PENDING]
    state[:, sta.PENDING] += np.maximum(wanted - total, 0.0)
    surplus = np.maximum(total - wanted, 0.0)
    waiting = np.minimum(surplus, state[:, sta.PENDING])
    state[:, sta.PENDING] -= waiting
    surplus = surplus - waiting
    _place(state, parameters, existing)
    shrunk = surplus > 0.0
    for slot in range(sta.STARTING_STEPS - 1, -1, -1):
        removed = np.minimum(surplus, state[:, sta.STARTING + slot])
        state[:, sta.STARTING + slot] -= removed
        surplus = surplus - removed
    _begin_drain(state, parameters, surplus)
    state[:, sta.READY] -= surplus
    left = np.minimum(state[:, sta.TO_RESTART], state[:, sta.READY])
    state[:, sta.TO_RESTART] = np.where(shrunk, left, state[:, sta.TO_RESTART])


def _place(state: FloatArray, parameters: FloatArray, existing: FloatArray) -> None:
    """Let those that wait and fit start."""
    fitting = _fitting(parameters, state[:, sta.CPU_M_NOW], state[:, sta.MEMORY_BYTES_NOW])
    room = np.maximum(fitting - _placed(state), 0.0)
    created = np.minimum(state[:, sta.PENDING], room)
    state[:, sta.PENDING] -= created
    delay = parameters[:, par.SCHEDULING_DELAY_S] / STEP_S
    _add_starting(state, created, _startup_steps(state, parameters) + delay)
    both = existing + created
    state[:, sta.GROWN_BYTES] *= np.where(created > 0.0, existing / np.where(both, both, 1.0), 1.0)


def _begin_drain(state: FloatArray, parameters: FloatArray, removed: FloatArray) -> None:
    drain_s, ready = parameters[:, par.DRAIN_S], state[:, sta.READY]
    removed = np.where(drain_s > 0.0, removed, 0.0)
    taken = state[:, sta.QUEUED_REQUESTS] * removed / np.where(ready > 0.0, ready, 1.0)
    state[:, sta.QUEUED_REQUESTS] -= taken
    state[:, sta.DRAINING_REQUESTS] += taken
    last = np.ceil(drain_s / STEP_S).astype(int) - 1
    slots = np.clip(last, 0, sta.DRAINING_STEPS - 1)
    state[np.arange(len(state)), sta.DRAINING + slots] += removed
    state[:, sta.DRAINING_REPLICAS] += removed


def _waiting_probability(load: FloatArray, servers: FloatArray) -> FloatArray:
    """Erlang's C for up to 64 servers, Sakasegawa's formula above."""
    offered = load * servers
    broken = servers - np.floor(servers)
    square = (1.0 + offered) ** 2 + offered
    blocked = 1.0 - broken * (offered + 2.0) / square
    blocked = blocked + broken**2 / ((1.0 + offered) * square)
    for server in range(1, 65):
        carried = offered * blocked
        there = server <= servers
        blocked = np.where(there, carried / (server + broken + carried), blocked)
    exact = blocked / (1.0 - load * (1.0 - blocked))
    many = load ** (np.sqrt(2.0 * (servers + 1.0)) - 1.0)
    return np.where(servers <= 1.0, load, np.where(servers > 64.0, many, exact))


def _waiting(
    rate: FloatArray, demand_s: FloatArray, servers: FloatArray, variability: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """(mean in s, probability) of waiting in M/G/c."""
    load = np.minimum(rate * demand_s / servers, 1.0)
    probability = np.maximum(_waiting_probability(load, servers), 1e-12)
    slowest = np.sqrt(0.5 * (1.0 + variability) * demand_s / (servers * STEP_S))
    slack = np.maximum(1.0 - load, slowest)
    mean = 0.5 * (1.0 + variability) * probability * demand_s / (servers * slack)
    idle = load < 1e-6
    return np.where(idle, 0.0, mean), np.where(idle, 1e-6, probability)


def _quota_waiting(
    rate: FloatArray, demand_s: FloatArray, quota: FloatArray, variability: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(mean wait in s, probability that a period's quota is spent), after Siegmund."""
    load = np.minimum(rate * demand_s / quota, 1.0)
    slack = np.maximum(1.0 - load, np.sqrt(0.5 * (1.0 + variability) * demand_s / (quota * STEP_S)))
    sigma = np.sqrt(load * quota * PERIOD_S * demand_s * (1.0 + variability))
    idle = load < 1e-6
    sigma = np.where(idle, 1.0, sigma)
    r = slack * quota * PERIOD_S / sigma
    spent = np.exp(-r * (1.166 + 0.18 * np.minimum(r, 20.0)))
    wait = sigma * spent / (2.0 * r) / quota
    return np.where(idle, 0.0, wait), np.where(idle, 0.0, spent)


def _own_stalls(
    demand_s: FloatArray, quota: FloatArray, variability: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(mean in s, second moment) of the stalls of one request alone under a quota in cores."""
    spread = variability * demand_s**2
    whole_s = quota * PERIOD_S
    idle_s = PERIOD_S - whole_s
    first = _gamma_tail(demand_s, spread, whole_s)
    second = _gamma_tail(demand_s, spread, 2.0 * whole_s)
    later = second + np.maximum(demand_s / whole_s - 2.5, 0.0)
    mean = first * idle_s * (1.0 - quota) * 0.5 + later * idle_s
    variance = first * idle_s**2 * (1.0 - quota) / 3.0
    variance = variance + np.minimum(later, 1.0) * spread * (idle_s / whole_s) ** 2
    none = (quota >= 1.0) | (demand_s * (1.0 + 4.0 * np.sqrt(variability)) < whole_s)
    return np.where(none, 0.0, mean), np.where(none, 0.0, variance)


def _station(
    rate: FloatArray, quota: FloatArray, parameters: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(mean of X in s, variance of X, throttled share of periods, capacity per s) of a replica."""
    demand_s = parameters[:, par.SERVICE_DEMAND_MS] * 1e-3
    variability = parameters[:, par.DEMAND_VARIABILITY]
    cores, slots = parameters[:, par.PARALLELISM_CORES], parameters[:, par.CONCURRENCY_LIMIT]
    bursts = parameters[:, par.ARRIVAL_VARIABILITY] - 1.0
    wait, probability = _waiting(rate, demand_s, cores, variability + bursts)
    mean = demand_s + wait
    variance = variability * demand_s**2 + wait**2 * (2.0 / probability - 1.0)
    limited = quota < cores
    share = np.where(limited, 1.0 - quota / cores, 0.0)
    carried, spent = _quota_waiting(rate, demand_s, quota, variability + bursts)
    carried = carried * share
    stall = spent * np.minimum(rate * demand_s / quota, 1.0) * share
    own, own_variance = _own_stalls(demand_s, quota, variability)
    own = np.where(limited, own, 0.0)
    stalled = stall * share * PERIOD_S * 0.5
    mean = mean + carried + own + stalled
    variance = variance + np.where(limited, own_variance, 0.0)
    hits = spent > 1e-9
    carried_variance = carried**2 * (2.0 / np.where(hits, spent, 1.0) - 1.0)
    stalled_variance = np.maximum(stall * (share * PERIOD_S) ** 2 / 3.0 - stalled**2, 0.0)
    variance = variance + np.where(hits, carried_variance + stalled_variance, 0.0)
    throttled = np.where(limited, spent * np.minimum(1.0, 10.0 * share), 0.0)
    holding = parameters[:, par.WAIT_MS] * 1e-3 + demand_s + own
    slot_wait, slot_probability = _waiting(rate, holding, slots, bursts)
    crowded = rate * holding > 0.5 * slots
    mean = mean + np.where(crowded, slot_wait, 0.0)
    variance = variance + np.where(crowded, slot_wait**2 * (2.0 / slot_probability - 1.0), 0.0)
    capacity = np.minimum(np.minimum(quota, cores) / demand_s, slots / holding)
    return mean, variance, throttled, capacity


def _stalls(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(mean in s, variance) that stalls add to a request."""
    share, length_s = parameters[:, par.STALL_SHARE], parameters[:, par.STALL_MS] * 1e-3
    came = share / (1.0 - share) * parameters[:, par.SERVICE_DEMAND_MS] * 1e-3
    met = 0.5 * share * length_s
    return met + came, share * length_s**2 / 3.0 - met**2 + came * length_s


def _sum_of_gammas(
    mean: FloatArray, variance: FloatArray, other: FloatArray, other_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(shift, mean, variance) by the first three cumulants."""
    both = variance + other_variance
    around = both**2 / (variance**2 / mean + other_variance**2 / other)
    return mean + other - around, around, both


def _normal_quantile(probability: FloatArray) -> FloatArray:
    """Abramowitz and Stegun 26.2.23."""
    upper = 1.0 - probability
    mirrored = upper > 0.5
    tail = np.minimum(np.maximum(np.where(mirrored, 1.0 - upper, upper), 1e-12), 0.5)
    t = np.sqrt(-2.0 * np.log(tail))
    top = 2.515517 + t * (0.802853 + t * 0.010328)
    bottom = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    z = t - top / bottom
    return np.where(mirrored, -z, z)


def _spread(mean: FloatArray, variance: FloatArray) -> FloatArray:
    return np.minimum(np.sqrt(variance) / (3.0 * np.maximum(mean, 1e-9)), 0.816)


def _gamma_quantile(mean: FloatArray, variance: FloatArray, z: FloatArray | float) -> FloatArray:
    """Wilson and Hilferty."""
    spread = _spread(mean, variance)
    root = np.maximum(1.0 - spread**2 + z * spread, 0.05)
    quantile: FloatArray = mean * root**3
    return quantile


def _gamma_tail(mean: FloatArray, variance: FloatArray, value: FloatArray) -> FloatArray:
    """Wilson and Hilferty, inverted."""
    spread = np.maximum(_spread(mean, variance), 1e-9)
    root = (np.maximum(value, 0.0) / np.maximum(mean, 1e-9)) ** (1.0 / 3.0)
    tail: FloatArray = 0.5 * erfc((root - 1.0 + spread**2) / spread / np.sqrt(2.0))
    return tail


def _serve_ready(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    arrived: FloatArray,
    pods: FloatArray,
) -> Served:
    cpu_m = state[:, sta.CPU_M_NOW]
    demand_s = parameters[:, par.SERVICE_DEMAND_MS] * 1e-3
    wait_s = parameters[:, par.WAIT_MS] * 1e-3
    timeout_s = parameters[:, par.TIMEOUT_MS] * 1e-3
    waiting = state[:, sta.QUEUED_REQUESTS]
    idle_m = np.minimum(parameters[:, par.IDLE_CPU_M], 0.95 * cpu_m)
    offered = (waiting + arrived) / (STEP_S * pods)
    mean_s, variance, throttled, capacity = _station(offered, (cpu_m - idle_m) * 1e-3, parameters)
    stall_s, spread = _stalls(parameters)
    mean_s, variance = mean_s + stall_s, variance + spread
    capacity = capacity * (1.0 - parameters[:, par.STALL_SHARE])
    per_s = capacity * pods
    worked = np.minimum(waiting + arrived, per_s * STEP_S)
    left = waiting + arrived - worked
    kept = np.minimum(left, per_s * timeout_s)
    backlog_s, worst_s = 0.5 * (waiting + kept) / per_s, np.maximum(waiting, kept) / per_s
    busy = worked / STEP_S * np.minimum(wait_s + backlog_s + mean_s, timeout_s)
    work_variance = parameters[:, par.DEMAND_VARIABILITY] * demand_s**2
    spread = parameters[:, par.WAIT_VARIABILITY] * wait_s**2
    least_s, work_s, work_variance = _sum_of_gammas(demand_s, work_variance, wait_s, spread)
    work_s = least_s + _gamma_quantile(work_s, work_variance, 0.0)
    wait_s, mean_s, variance = _sum_of_gammas(mean_s, variance, wait_s, spread)
    far = wait_s + worst_s + _gamma_quantile(mean_s, variance, 3.09) > timeout_s
    late = np.where(far, _gamma_tail(mean_s, variance, timeout_s - wait_s - backlog_s), 0.0)
    served = worked * (1.0 - late)
    z = _normal_quantile(limits[:, lim.SLO_PERCENTILE])
    tail_s = parameters[:, par.TAIL_FACTOR] * _gamma_quantile(mean_s, variance, z)
    slow_s = wait_s + worst_s + tail_s
    median_s = np.maximum(wait_s + _gamma_quantile(mean_s, variance, 0.0), work_s) + backlog_s
    used_m = worked * demand_s / STEP_S * 1e3 + pods * idle_m
    return Served(
        served=served,
        failed=worked - served + left - kept,
        queued=kept,
        concurrency=np.minimum(busy, pods * parameters[:, par.CONCURRENCY_LIMIT]),
        latency_ms=np.minimum(slow_s * 1e3, parameters[:, par.TIMEOUT_MS]),
        median_ms=np.minimum(median_s * 1e3, parameters[:, par.TIMEOUT_MS]),
        throttled=throttled,
        ready_cpu_m=np.minimum(used_m, pods * cpu_m),
    )


def _serve(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    arrived: FloatArray,
    sample: FloatArray,
) -> None:
    """Set the sample's exact fields; the queue and the memory move on."""
    steps = _startup_steps(state, parameters)
    soon = state[:, sta.STARTING] * (1.0 - (steps - np.floor(steps)))
    pods = state[:, sta.READY] + np.where(state[:, sta.STARTING] > 0.0, soon, 0.0)
    nobody = pods < 1e-6
    served = _serve_ready(state, parameters, limits, arrived, np.where(nobody, 1.0, pods))
    timeout_ms = parameters[:, par.TIMEOUT_MS]
    lost = arrived + state[:, sta.QUEUED_REQUESTS]
    sample[:, smp.ARRIVED] = arrived
    sample[:, smp.SERVED] = np.where(nobody, 0.0, served.served)
    sample[:, smp.FAILED] = np.where(nobody, lost, served.failed)
    sample[:, smp.QUEUED] = np.where(nobody, 0.0, served.queued)
    sample[:, smp.CONCURRENCY] = np.where(nobody, 0.0, served.concurrency)
    sample[:, smp.EXACT_LATENCY_MS] = np.where(nobody, timeout_ms, served.latency_ms)
    sample[:, smp.LATENCY_P50_MS] = np.where(nobody, timeout_ms, served.median_ms)
    sample[:, smp.CPU_THROTTLED_RATIO] = np.where(nobody, 0.0, served.throttled)
    sample[:, smp.READY_CPU_USAGE_M] = np.where(nobody, 0.0, served.ready_cpu_m)
    state[:, sta.QUEUED_REQUESTS] = sample[:, smp.QUEUED]
    starting_m = np.minimum(parameters[:, par.STARTUP_CPU_M], state[:, sta.CPU_M_NOW])
    starting = _starting(state).sum(axis=1) - (pods - state[:, sta.READY])
    sample[:, smp.EXACT_CPU_USAGE_M] = sample[:, smp.READY_CPU_USAGE_M] + starting * starting_m
    ratio = np.minimum(sample[:, smp.FAILED] / np.where(arrived > 0.0, arrived, 1.0), 1.0)
    sample[:, smp.EXACT_FAILED_RATIO] = np.where(arrived > 0.0, ratio, 0.0)
    _follow_memory(state, parameters, sample[:, smp.CONCURRENCY] / np.maximum(pods, 1.0))


def _follow_memory(state: FloatArray, parameters: FloatArray, concurrency: FloatArray) -> None:
    per_request = parameters[:, par.MEMORY_PER_REQUEST_BYTES]
    needed = parameters[:, par.MEMORY_BASE_BYTES] + per_request * concurrency
    level = state[:, sta.MEMORY_LEVEL_BYTES]
    kept = level - parameters[:, par.MEMORY_RELEASE_PER_STEP] * (level - needed)
    state[:, sta.MEMORY_LEVEL_BYTES] = np.maximum(needed, kept)
    state[:, sta.GROWN_BYTES] += parameters[:, par.MEMORY_GROWTH_BYTES_PER_H] / 240.0


def _kill_over_limit(state: FloatArray, parameters: FloatArray, sample: FloatArray) -> FloatArray:
    """OOM kills [B]."""
    own, limit = state[:, sta.MEMORY_LEVEL_BYTES].copy(), state[:, sta.MEMORY_BYTES_NOW]
    level = own + state[:, sta.GROWN_BYTES]
    ready, backoff = state[:, sta.READY].copy(), state[:, sta.RESTART_BACKOFF_S].copy()
    sample[:, smp.EXACT_MEMORY_BYTES] = np.minimum(level, limit)
    over = (level >= limit) & (ready > 0.0)
    share = np.minimum(1.0, 0.1 + 4.0 * (level / limit - 1.0))
    kills = np.where(over, np.minimum(np.maximum(np.ceil(share * ready), 1.0), ready), 0.0)
    killed = kills / np.where(over, ready, 1.0)
    lost = np.minimum(sample[:, smp.CONCURRENCY] * killed, sample[:, smp.SERVED])
    sample[:, smp.SERVED] -= lost
    sample[:, smp.FAILED] += lost
    arrived = sample[:, smp.ARRIVED]
    ratio = np.minimum(sample[:, smp.FAILED] / np.where(arrived > 0.0, arrived, 1.0), 1.0)
    again = over & (arrived > 0.0)
    sample[:, smp.EXACT_FAILED_RATIO] = np.where(again, ratio, sample[:, smp.EXACT_FAILED_RATIO])
    _renewed(state, kills)
    state[:, sta.READY] -= kills
    back = np.maximum(backoff / STEP_S + _startup_steps(state, parameters), 1.0)
    _add_starting(state, kills, back)
    calm = np.maximum(parameters[:, par.OOM_RESTART_S], 0.966 * backoff)
    state[:, sta.RESTART_BACKOFF_S] = np.where(over, np.minimum(2.0 * backoff, 300.0), calm)
    base = parameters[:, par.MEMORY_BASE_BYTES]
    after = np.minimum(base + (np.minimum(own, limit) - base) * (1.0 - killed), own)
    state[:, sta.MEMORY_LEVEL_BYTES] = np.where(over, after, own)
    return kills


def _move_starting(state: FloatArray) -> None:
    starting = _starting(state)
    state[:, sta.READY] += starting[:, 0]
    starting[:, :-1] = starting[:, 1:].copy()
    starting[:, -1] = 0.0


def _shown(
    state: FloatArray, slot: int, now: FloatArray, late: FloatArray, error: FloatArray | float
) -> FloatArray:
    known = state[:, sta.HAS_PREVIOUS] != 0.0
    value = np.where(known, now + late * (state[:, slot] - now), now)
    state[:, slot] = now
    shown: FloatArray = value * np.maximum(1.0 + error, 0.2)
    return shown


def _measure(
    state: FloatArray,
    parameters: FloatArray,
    noise: FloatArray,
    kills: FloatArray,
    restarts: FloatArray,
    sample: FloatArray,
) -> None:
    late = parameters[:, par.METRIC_DELAY_S] / STEP_S
    scale = parameters[:, par.METRIC_NOISE]
    fields = (
        (
            smp.REQUEST_RATE_PER_S,
            sta.PREVIOUS_RATE,
            sample[:, smp.ARRIVED] / STEP_S,
            noi.NOISE_RATE,
        ),
        (smp.LATENCY_MS, sta.PREVIOUS_LATENCY, sample[:, smp.EXACT_LATENCY_MS], noi.NOISE_LATENCY),
        (
            smp.LATENCY_P50_MS,
            sta.PREVIOUS_LATENCY_P50,
            sample[:, smp.LATENCY_P50_MS].copy(),
            noi.NOISE_LATENCY,
        ),
        (smp.CPU_USAGE_M, sta.PREVIOUS_CPU, sample[:, smp.EXACT_CPU_USAGE_M], noi.NOISE_CPU),
    )
    for field, slot, now, draw in fields:
        sample[:, field] = _shown(state, slot, now, late, scale * noise[:, draw])
    failed = _shown(state, sta.PREVIOUS_ERROR, sample[:, smp.EXACT_FAILED_RATIO], late, 0.0)
    sample[:, smp.ERROR_RATIO] = np.minimum(failed, 1.0)
    exact_m = sample[:, smp.EXACT_CPU_USAGE_M]
    distortion = sample[:, smp.CPU_USAGE_M] / np.where(exact_m > 0.0, exact_m, 1.0)
    sample[:, smp.READY_CPU_USAGE_M] *= np.where(exact_m > 0.0, distortion, 1.0)
    error = 0.2 * scale * noise[:, noi.NOISE_MEMORY]
    memory = _shown(state, sta.PREVIOUS_MEMORY, sample[:, smp.EXACT_MEMORY_BYTES], late, error)
    sample[:, smp.MEMORY_WORKING_SET_BYTES] = np.minimum(memory, state[:, sta.MEMORY_BYTES_NOW])
    existing = state[:, sta.READY] + _starting(state).sum(axis=1)
    sample[:, smp.REPLICAS_WANTED] = existing + state[:, sta.PENDING]
    sample[:, smp.REPLICAS_PENDING] = state[:, sta.PENDING]
    sample[:, smp.REPLICAS_READY] = state[:, sta.READY]
    sample[:, smp.CPU_REQUEST_M] = state[:, sta.CPU_M_NOW]
    sample[:, smp.MEMORY_REQUEST_BYTES] = state[:, sta.MEMORY_BYTES_NOW]
    sample[:, smp.OOM_KILLS] = kills
    sample[:, smp.RESTARTS] = restarts
    state[:, sta.HAS_PREVIOUS] = 1.0
