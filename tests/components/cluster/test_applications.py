import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.applications import comfortable_latency_ms, sample_applications

PARAMETERS, LIMITS, RATES = sample_applications(np.random.default_rng(3), 400)


def test_parameters_are_inside_their_bounds() -> None:
    assert (par.lows(par.SERVICE_PARAMETERS) <= PARAMETERS).all()
    assert (par.highs(par.SERVICE_PARAMETERS) >= PARAMETERS).all()


def test_sizes_reach_from_a_fraction_of_a_core_to_sixteen() -> None:
    assert LIMITS[:, lim.CPU_MAX_M].min() < 300
    assert LIMITS[:, lim.CPU_MAX_M].max() > 12000
    assert (LIMITS[:, lim.CPU_MIN_M] < LIMITS[:, lim.CPU_MAX_M]).all()
    assert (LIMITS[:, lim.MEMORY_MIN_BYTES] < LIMITS[:, lim.MEMORY_MAX_BYTES]).all()
    assert (LIMITS[:, lim.REPLICAS_MIN] < LIMITS[:, lim.REPLICAS_MAX]).all()


def test_every_objective_can_be_met_with_the_largest_size() -> None:
    best = [
        comfortable_latency_ms(row, limits[lim.CPU_MAX_M], limits[lim.SLO_PERCENTILE])
        for row, limits in zip(PARAMETERS, LIMITS, strict=True)
    ]
    assert (np.array(best) < LIMITS[:, lim.SLO_LATENCY_MS]).all()


def test_full_replicas_fit_into_the_most_memory() -> None:
    full = (
        PARAMETERS[:, par.MEMORY_BASE_BYTES]
        + PARAMETERS[:, par.MEMORY_PER_REQUEST_BYTES] * PARAMETERS[:, par.CONCURRENCY_LIMIT]
    )
    assert (full < LIMITS[:, lim.MEMORY_MAX_BYTES]).all()


def test_the_mean_rate_needs_at_most_a_quarter_of_what_is_allowed() -> None:
    cores = np.minimum(LIMITS[:, lim.CPU_MAX_M] / 1000, PARAMETERS[:, par.PARALLELISM_CORES])
    needed = RATES * PARAMETERS[:, par.SERVICE_DEMAND_MS] / 1000
    assert (needed <= 0.25 * LIMITS[:, lim.REPLICAS_MAX] * cores + 1e-9).all()
    assert (RATES > 0.0).all()
