import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.applications import sample_applications
from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.cluster.rollout import rollout_hpa
from components.cluster.twin_ensemble import fit_twin
from components.cluster.twin_evidence import evidence_of
from components.fine_tuning.members import (
    likely_members,
    loss,
    population_draws,
    synthetic_applications,
)
from components.policy.measured import MeasuredWorkload
from tests.baselines.worlds import hand_set
from tests.hidden_workloads.world import frame_of, workload_of

STEPS = 160
RNG = np.random.default_rng(12)
TRUE, BOUNDS, MEANS = sample_applications(RNG, 1)
WORKLOAD = workload_of(BOUNDS[0], 0)
LIMITS = limits_of([WORKLOAD])
PLAYED = rollout_hpa(
    TRUE, LIMITS, synthetic_rates(RNG, 1, STEPS, MEANS), draw_noise(RNG, STEPS, 1),
    hand_set(LIMITS), np.array([0.7]), keep=True,
)  # fmt: skip
assert PLAYED.samples is not None
FRAME = frame_of(PLAYED.samples[0])
MEASURED = MeasuredWorkload(WORKLOAD, FRAME, FRAME[:0], np.zeros((STEPS // 4, 1)), STEPS // 4)
TWIN = fit_twin(FRAME, FRAME, WORKLOAD, np.random.default_rng(1), 4)
EVIDENCE = evidence_of(FRAME, WORKLOAD)
POPULATION = synthetic_applications(np.random.default_rng(2), 512)


def test_without_more_fits_the_twins_members_come_in_turn() -> None:
    members = likely_members(MEASURED, TWIN, POPULATION, 0, 6, np.random.default_rng(0))
    np.testing.assert_array_equal(members, TWIN.members[[0, 1, 2, 3, 0, 1]])


def test_members_are_the_twins_own_and_the_better_fits_in_equal_numbers() -> None:
    members = likely_members(MEASURED, TWIN, POPULATION, 4, 14, np.random.default_rng(0))
    distinct, counts = np.unique(members, axis=0, return_counts=True)
    assert len(distinct) == 3 + 4
    np.testing.assert_array_equal(counts, 2)
    for own in TWIN.members:
        assert (distinct == own).all(axis=1).any()


def test_every_member_explains_the_telemetry_better_than_any_application_as_drawn() -> None:
    members = likely_members(MEASURED, TWIN, POPULATION, 4, 7, np.random.default_rng(0))
    untouched = population_draws(
        EVIDENCE, LIMITS[0], {}, POPULATION, 4, np.random.default_rng(0)
    )  # fmt: skip
    least = min(loss(one, LIMITS[0], EVIDENCE) for one in untouched)
    assert max(loss(one, LIMITS[0], EVIDENCE) for one in members) < 0.75 * least


def test_what_the_telemetry_does_not_tell_differs_between_members() -> None:
    members = likely_members(MEASURED, TWIN, POPULATION, 8, 24, np.random.default_rng(0))
    fitted = [own for own in members if not (TWIN.members == own).all(axis=1).any()]
    slots = np.log(np.stack(fitted)[:, par.PARALLELISM_CORES])
    assert slots.std() > 0.05


def test_applications_are_drawn_in_the_workloads_own_scale() -> None:
    rng = np.random.default_rng(3)
    drawn = population_draws(EVIDENCE, LIMITS[0], {}, POPULATION, 200, rng)
    idle = drawn[:, par.IDLE_CPU_M] / LIMITS[0, lim.CPU_MAX_M]
    # The population's services idle at .2 to 3 % of their largest size.
    assert idle.min() >= 0.0019
    assert idle.max() <= 0.031
    assert np.ptp(np.log(drawn[:, par.MEMORY_BASE_BYTES])) == pytest.approx(0.0, abs=1e-9)
    assert drawn[:, par.RESIZE_RESTARTS].mean() == pytest.approx(0.35, abs=0.15)


def test_what_the_telemetry_tells_is_not_drawn() -> None:
    told = {"startup_s": True, "resize_restarts": True, "timeout_ms": True}
    rng = np.random.default_rng(3)
    drawn = population_draws(EVIDENCE, LIMITS[0], told, POPULATION, 20, rng)
    for field in (par.STARTUP_S, par.RESIZE_RESTARTS, par.TIMEOUT_MS):
        assert np.unique(drawn[:, field]).size == 1
