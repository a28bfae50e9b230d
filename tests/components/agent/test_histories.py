import numpy as np
import pytest

from components.agent.histories import (
    allocation_schedule,
    parameters_unit,
    simulated_histories,
)
from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.applications import sample_applications
from components.cluster.observation import OBSERVATION_COUNT, OBSERVATION_FIELDS

APPLICATIONS = 40


@pytest.fixture(scope="module")
def applications() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return sample_applications(np.random.default_rng(3), APPLICATIONS)


def test_histories_are_bounded_observations_of_every_interval(applications) -> None:
    observations = simulated_histories(*applications, 12, np.random.default_rng(0))
    assert observations.shape == (APPLICATIONS, 12, OBSERVATION_COUNT)
    assert np.isfinite(observations).all()
    assert np.abs(observations).max() <= 3.0


def test_histories_repeat_with_their_generator_and_differ_without(applications) -> None:
    first, again, other = (
        simulated_histories(*applications, 6, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_histories_show_both_missed_and_kept_objectives(applications) -> None:
    """An encoder that never saw a starving service could not tell one."""
    observations = simulated_histories(*applications, 24, np.random.default_rng(0))
    preserved = observations[:, :, OBSERVATION_FIELDS.index("slo_preservation")]
    assert 0.1 < (preserved < 0.8).mean() < 0.9


def test_a_schedule_holds_allocations_for_two_to_ten_intervals_within_bounds(applications) -> None:
    parameters, limits, rates = applications
    schedule = allocation_schedule(parameters, limits, rates, 60, np.random.default_rng(0))
    assert schedule.shape == (APPLICATIONS, 60, 3)
    for dimension in range(3):
        values = schedule[:, :, dimension]
        low, high = limits[:, lim.REPLICAS_MIN + 2 * dimension :][:, :2].T
        assert (values >= low[:, None]).all()
        assert (values <= high[:, None]).all()
    # CPU follows replicas and utilisation, which change apart from each other.
    memory = schedule[:, :, lim.MEMORY_BYTES]
    changes = (np.diff(memory, axis=1) != 0.0).mean()
    assert 1.0 / 10.0 / 2.0 < changes < 1.0 / 2.0


def test_parameters_scale_from_bound_to_bound() -> None:
    specs = par.SERVICE_PARAMETERS
    low, high = par.lows(specs), par.highs(specs)
    np.testing.assert_allclose(
        parameters_unit(np.stack([low, high])), [[0.0], [1.0]] * np.ones(par.EVERY_SERVICE_COUNT)
    )
    # service_demand_ms is logarithmic from 0.2 to 1000; resize_delay_s linear from 0 to 60.
    middle = low.copy()
    middle[par.SERVICE_DEMAND_MS] = np.sqrt(0.2 * 1000.0)
    middle[par.RESIZE_DELAY_S] = 15.0
    unit = parameters_unit(middle)
    assert unit[par.SERVICE_DEMAND_MS] == pytest.approx(0.5)
    assert unit[par.RESIZE_DELAY_S] == pytest.approx(0.25)
