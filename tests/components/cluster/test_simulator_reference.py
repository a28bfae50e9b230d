import numpy as np
import pytest

from components.cluster import parameters as par
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray
from components.cluster.environment_episode import random_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.cluster.sample import (
    FAILED,
    OOM_KILLS,
    REPLICAS_DRAINING,
    REPLICAS_PENDING,
    RESTARTS,
    SAMPLE_FIELDS,
)
from components.cluster.simulator import step
from components.cluster.state import RETRYING_REQUESTS, initial_state
from tests.numpy_simulator import numpy_step


def with_surroundings(rng: np.random.Generator, parameters: FloatArray) -> FloatArray:
    """Parameters [B, P] in which all that is neutral by itself is set."""
    changed = parameters.copy()
    batch = len(parameters)

    def drawn(low: float, high: float) -> FloatArray:
        return rng.uniform(low, high, batch)

    changed[:, par.WAIT_VARIABILITY] = drawn(0.0, 2.0)
    changed[:, par.ARRIVAL_VARIABILITY] = drawn(0.1, 5.0)
    changed[:, par.STALL_SHARE] = drawn(0.0, 0.2)
    changed[:, par.STALL_MS] = drawn(0.0, 300.0)
    changed[:, par.RETRY_SHARE] = drawn(0.0, 1.0)
    changed[:, par.RETRY_CAP] = drawn(0.0, 1.0)
    changed[:, par.RETRY_DELAY_S] = rng.choice([0.0, 1.0, 40.0], batch)
    growth = drawn(0.0, 1.0) * parameters[:, par.MEMORY_BASE_BYTES]
    changed[:, par.MEMORY_GROWTH_BYTES_PER_H] = growth
    changed[:, par.DRAIN_S] = rng.choice([0.0, 5.0, 15.0, 40.0, 120.0], batch)
    changed[:, par.NODE_CPU_M] = rng.choice([0.0, 2000.0, 20000.0], batch)
    changed[:, par.NODE_MEMORY_BYTES] = rng.choice([0.0, 4.0, 64.0], batch) * par.GIB
    changed[:, par.SCHEDULING_DELAY_S] = drawn(0.0, 60.0)
    return changed


@pytest.mark.parametrize("surroundings", [False, True])
@pytest.mark.parametrize("load", [0.5, 2.5])
def test_the_compiled_step_agrees_with_plain_numpy(load: float, surroundings: bool) -> None:
    rng = np.random.default_rng(11)
    batch, steps = 150, 80
    parameters, limits, mean_rates = sample_applications(rng, batch)
    if surroundings:
        parameters = with_surroundings(rng, parameters)
    rates = synthetic_rates(rng, batch, steps, load * mean_rates)
    noise = draw_noise(rng, steps, batch)
    allocation = random_allocation(rng, limits)
    state = initial_state(parameters, limits, allocation, rates[:, 0])
    kills = restarts = failed = 0.0
    pending = draining = again = 0.0
    for index in range(steps):
        if index % 8 == 7:
            allocation = random_allocation(rng, limits)
        before = state
        inputs = (parameters, limits, allocation, rates[:, index], noise[:, index])
        state, samples = step(before, *inputs)
        plain_state, plain_samples = numpy_step(before, *inputs)
        np.testing.assert_allclose(state, plain_state, rtol=1e-9, atol=1e-9)
        for field, name in enumerate(SAMPLE_FIELDS):
            np.testing.assert_allclose(
                samples[:, field], plain_samples[:, field], rtol=1e-9, atol=1e-9, err_msg=name
            )
        kills += samples[:, OOM_KILLS].sum()
        restarts += samples[:, RESTARTS].sum()
        failed += samples[:, FAILED].sum()
        pending += samples[:, REPLICAS_PENDING].sum()
        draining += samples[:, REPLICAS_DRAINING].sum()
        again += state[:, RETRYING_REQUESTS].sum()
    # The course has met what the two could differ in.
    assert kills > 100
    assert restarts > kills
    assert failed > 0
    for met in (pending, draining, again):
        assert (met > 0) == surroundings
