"""What if: the load is the workload's own, times the factor; the HPA is the one asked for."""

import numpy as np
import pytest

from components.cluster.twin_ensemble import fit_twin
from components.policy.measured import measured_workloads
from components.policy.rule_parameters import default_rule
from components.policy.what_if import what_if
from tests.telemetry_folders import write_telemetry_folder


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = write_telemetry_folder(tmp_path_factory.mktemp("what-if") / "telemetry")
    measured = measured_workloads(folder)[0]
    rng = np.random.default_rng(0)
    twin = fit_twin(measured.training, measured.held_out, measured.workload, rng, members=2)
    return measured, twin


def situation(known, **options):
    return what_if(*known, np.random.default_rng(1), traces=6, **options)


def test_the_load_is_measured_and_scaled(known):
    once, twice = situation(known), situation(known, rate_factor=2.0)
    np.testing.assert_allclose(twice.rates, 2.0 * once.rates)
    parts = (known[0].training, known[0].held_out)
    mean = np.concatenate([part["request_rate_per_s"] for part in parts]).mean()
    assert once.rates.mean() == pytest.approx(mean, rel=0.3)


def test_a_higher_target_asks_for_no_more_cpu(known):
    found = situation(known)
    low, high = (found.hpa(target, found.usual).metric("core_hours") for target in (0.3, 0.9))
    assert (high <= low).all()
    assert high.mean() < low.mean()


def test_twice_the_load_costs_the_policy_more(known):
    costs = [
        situation(known, rate_factor=factor).rule(default_rule()).metric("core_hours").mean()
        for factor in (1.0, 2.0)
    ]
    assert costs[1] > costs[0]


def test_hours_are_cut_to_whole_minutes(known):
    assert situation(known, hours=0.1).rates.shape == (6, 24)
