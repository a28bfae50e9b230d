import numpy as np
import pytest

from components.cluster.applications import sample_applications
from components.cluster.environment_episode import random_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.cluster.sample import FAILED, OOM_KILLS, RESTARTS, SAMPLE_FIELDS
from components.cluster.simulator import step
from components.cluster.state import initial_state
from tests.numpy_simulator import numpy_step


@pytest.mark.parametrize("load", [0.5, 2.5])
def test_the_compiled_step_agrees_with_plain_numpy(load: float) -> None:
    rng = np.random.default_rng(11)
    batch, steps = 150, 80
    parameters, limits, mean_rates = sample_applications(rng, batch)
    rates = synthetic_rates(rng, batch, steps, load * mean_rates)
    noise = draw_noise(rng, steps, batch)
    allocation = random_allocation(rng, limits)
    state = initial_state(parameters, limits, allocation, rates[:, 0])
    kills = restarts = failed = 0.0
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
    # The course has met what the two could differ in.
    assert kills > 100
    assert restarts > kills
    assert failed > 0
