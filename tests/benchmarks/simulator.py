"""How fast the simulator's step is on one core, beside plain numpy, and where its time goes.

python -m tests.benchmarks.simulator [--quick]; the last line is JSON.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numba
import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster import state as sta
from components.cluster.allocating import move_starting, resize, scale
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray, borrowed
from components.cluster.distributions import gamma_quantile, normal_quantile
from components.cluster.environment_episode import random_allocation
from components.cluster.measuring import measure
from components.cluster.memory import kill_over_limit
from components.cluster.noise import draw_noise
from components.cluster.queueing import station
from components.cluster.rates import synthetic_rates
from components.cluster.sample import SAMPLE_COUNT, STEP_S
from components.cluster.serving import serve
from components.cluster.simulator import advance_one, step_rows
from components.cluster.state import initial_state
from tests.numpy_simulator import numpy_step

BATCHES = (1, 64, 512, 4096)
PROFILED_BATCH = 512
AIM_STEPS_PER_S = 5e6
in_benchmark = numba.njit(error_model="numpy")


@dataclass(frozen=True, slots=True)
class Load:
    """Services and their course: rates [T, B], noise [T, B, N]."""

    parameters: FloatArray
    limits: FloatArray
    allocation: FloatArray
    rates: FloatArray
    noise: FloatArray
    state: FloatArray


def load_of(batch: int, steps: int) -> Load:
    """Synthetic applications half an hour after their start, from a seed."""
    rng = np.random.default_rng(5)
    parameters, limits, mean_rates = sample_applications(rng, batch)
    rates = np.ascontiguousarray(synthetic_rates(rng, batch, steps, mean_rates).T)
    noise = np.ascontiguousarray(draw_noise(rng, steps, batch).swapaxes(0, 1))
    allocation = random_allocation(rng, limits)
    state = initial_state(parameters, limits, allocation, rates[0])
    samples = np.empty((batch, SAMPLE_COUNT))
    for index in range(min(steps, 120)):
        step_rows(state, parameters, limits, allocation, rates[index], noise[index], samples)
    return Load(parameters, limits, allocation, rates, noise, state)


@in_benchmark
def run_course(state, parameters, limits, allocation, rates, noise, samples):
    """The compiled step over a whole course, as the rollouts call it."""
    for index in range(rates.shape[0]):
        step_rows(state, parameters, limits, allocation, rates[index], noise[index], samples)


def compiled_course(load: Load) -> Callable[[], None]:
    """Run the compiled step over the load's course."""
    samples = np.empty((len(load.state), SAMPLE_COUNT))

    def run() -> None:
        run_course(
            load.state.copy(),
            load.parameters,
            load.limits,
            load.allocation,
            load.rates,
            load.noise,
            samples,
        )

    return run


def numpy_course(load: Load) -> Callable[[], None]:
    """Run the numpy step over the load's course."""

    def run() -> None:
        state = load.state
        for rates, noise in zip(load.rates, load.noise, strict=True):
            state, _ = numpy_step(
                state, load.parameters, load.limits, load.allocation, rates, noise
            )

    return run


def rate_of(run: Callable[[], None], steps: int, seconds: float) -> tuple[float, float]:
    """(best, median) workload-steps per CPU second of repeated runs; the first run compiles.

    CPU time, so that a shared core's other work isn't counted; it still costs cache and clock,
    so the best run is nearest to a core of one's own.
    """
    run()
    rates, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until or len(rates) < 3:
        started = time.process_time()
        run()
        rates.append(steps / (time.process_time() - started))
    return max(rates), float(np.median(rates))


@in_benchmark
def whole_step(state, parameters, limits, allocation, rate, noise, sample):
    replicas, cpu_m, memory = allocation[0], allocation[1], allocation[2]
    advance_one(state, parameters, limits, replicas, cpu_m, memory, rate, noise, sample)


@in_benchmark
def change_allocation(state, parameters, limits, allocation, rate, noise, sample):
    sample[0] = resize(state, parameters, allocation[1], allocation[2])
    scale(state, parameters, allocation[0])


@in_benchmark
def serve_requests(state, parameters, limits, allocation, rate, noise, sample):
    serve(state, parameters, limits, rate * STEP_S, sample)


@in_benchmark
def station_formulas(state, parameters, limits, allocation, rate, noise, sample):
    mean, variance, throttled, capacity = station(
        rate / max(state[sta.READY], 1.0),
        (state[sta.CPU_M_NOW] - parameters[par.IDLE_CPU_M]) * 1e-3,
        parameters[par.SERVICE_DEMAND_MS] * 1e-3,
        parameters[par.DEMAND_VARIABILITY],
        parameters[par.WAIT_MS] * 1e-3,
        parameters[par.PARALLELISM_CORES],
        parameters[par.CONCURRENCY_LIMIT],
    )
    sample[0], sample[1], sample[2], sample[3] = mean, variance, throttled, capacity


@in_benchmark
def quantiles(state, parameters, limits, allocation, rate, noise, sample):
    mean = parameters[par.SERVICE_DEMAND_MS]
    variance = mean * mean * parameters[par.DEMAND_VARIABILITY]
    sample[0] = gamma_quantile(mean, variance, normal_quantile(limits[lim.SLO_PERCENTILE]))
    sample[1] = gamma_quantile(mean, variance, 0.0)
    sample[2] = gamma_quantile(mean, variance, 3.09)


@in_benchmark
def kill_for_memory(state, parameters, limits, allocation, rate, noise, sample):
    sample[smp.OOM_KILLS] = kill_over_limit(state, parameters, sample)


@in_benchmark
def show_metrics(state, parameters, limits, allocation, rate, noise, sample):
    move_starting(state)
    measure(state, parameters, noise, 0.0, 0.0, sample)


def over_rows(part):
    """The part for each row of a batch, in one compiled loop."""

    @in_benchmark
    def loop(state, parameters, limits, allocation, rates, noise, samples):
        state, parameters, limits = borrowed(state), borrowed(parameters), borrowed(limits)
        allocation, noise, samples = borrowed(allocation), borrowed(noise), borrowed(samples)
        for row in range(state.shape[0]):
            part(
                state[row],
                parameters[row],
                limits[row],
                allocation[row],
                rates[row],
                noise[row],
                samples[row],
            )

    return loop


PARTS = {
    "whole step": whole_step,
    "allocation: resize, scale": change_allocation,
    "serving": serve_requests,
    "  of it the station's formulas": station_formulas,
    "  of it the quantiles": quantiles,
    "OOM kills": kill_for_memory,
    "starting replicas, metrics": show_metrics,
}


def profile(load: Load, repeats: int) -> dict[str, float]:
    """Nanoseconds a workload-step of each part alone: the least of many passes over the batch."""
    batch = len(load.state)
    samples = np.zeros((batch, SAMPLE_COUNT))
    inputs = (load.parameters, load.limits, load.allocation, load.rates[0], load.noise[0])
    step_rows(load.state.copy(), *inputs, samples)
    times = {}
    for name, part in PARTS.items():
        loop, least = over_rows(part), np.inf
        for _ in range(repeats + 1):
            state, filled = load.state.copy(), samples.copy()
            started = time.perf_counter()
            loop(state, *inputs, filled)
            least = min(least, time.perf_counter() - started)
        times[name] = 1e9 * least / batch
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short measurements")
    quick = parser.parse_args().quick
    seconds, course_steps = (0.3, 30) if quick else (3.0, 240)
    keys: dict[str, float] = {}
    print("workload-steps per CPU second on one core: best (median) of repeated courses")
    for batch in BATCHES:
        steps = max(course_steps, 4096 // batch if batch < 64 else 0)
        load = load_of(batch, steps)
        best, median = rate_of(compiled_course(load), steps * batch, seconds)
        plain, plain_median = rate_of(numpy_course(load), steps * batch, seconds)
        keys[f"steps_per_s_{batch}"], keys[f"numpy_steps_per_s_{batch}"] = best, plain
        print(
            f"  batch {batch:5d}: compiled {best / 1e6:6.2f} M ({median / 1e6:.2f} M), "
            f"numpy {plain / 1e6:6.3f} M ({plain_median / 1e6:.3f} M), {best / plain:6.1f} times"
        )
    print(f"where the time of a step goes (batch {PROFILED_BATCH}, each part alone, cached data):")
    times = profile(load_of(PROFILED_BATCH, 130), 200 if quick else 2000)
    for name, nanoseconds in times.items():
        print(f"  {name:32s} {nanoseconds:6.1f} ns  {nanoseconds / times['whole step']:6.1%}")
    reached = keys["steps_per_s_512"] / AIM_STEPS_PER_S
    print(f"aim at 512: {AIM_STEPS_PER_S / 1e6:.0f} M; {reached:.0%} of it")
    print(json.dumps({name: round(value) for name, value in keys.items()}))


if __name__ == "__main__":
    main()
