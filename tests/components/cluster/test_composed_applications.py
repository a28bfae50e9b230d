"""Compositions as applications to learn from."""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.composed_applications import sample_compositions
from components.cluster.compositions import compositions
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.cluster.rollout import rollout_hpa

COUNT = 60


def test_the_services_are_the_compositions_of_the_seed() -> None:
    parameters, limits, rates = sample_compositions(np.random.default_rng(2), COUNT)
    made = compositions(np.random.default_rng(2), COUNT)
    np.testing.assert_array_equal(parameters, np.stack([each.parameters() for each in made]))
    assert (parameters[:, par.WAIT_VARIABILITY] > 0.0).any()
    assert np.isfinite(limits).all()
    assert (limits[:, lim.CPU_MIN_M] < limits[:, lim.CPU_MAX_M]).all()
    assert (limits[:, lim.MEMORY_MIN_BYTES] <= limits[:, lim.MEMORY_MAX_BYTES]).all()
    assert (rates > 0.0).all()


def test_an_objective_can_be_met_within_the_bounds() -> None:
    rng = np.random.default_rng(3)
    parameters, limits, rates = sample_compositions(rng, COUNT)
    most = np.ascontiguousarray(limits[:, [lim.REPLICAS_MAX, lim.CPU_MAX_M, lim.MEMORY_MAX_BYTES]])
    traces, noise = synthetic_rates(rng, COUNT, 40, rates), draw_noise(rng, 40, COUNT)
    # A target that HPA never reaches: it stays at the most that is allowed.
    rolled = rollout_hpa(parameters, limits, traces, noise, most, np.full(COUNT, 0.01))
    assert np.median(rolled.metric("violation")) == 0.0
    assert (rolled.metric("violation") < 0.2).mean() > 0.9
