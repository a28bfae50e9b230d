"""The hidden workloads that the learning benchmarks score on."""

import gzip

import numpy as np
import pytest

from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster.noise import draw_noise, no_noise
from components.cluster.parameters import PARAMETER_COUNT
from components.cluster.rates import synthetic_rates
from components.cluster.rollout import rollout_hpa
from components.policy.rule_parameters import default_rule
from components.policy.rule_rollout import rollout_rule
from tests.baselines.worlds import hand_set
from tests.hidden_workloads.real_rates import FOLDER, real_rates
from tests.hidden_workloads.rebuilt import Rebuilder, hidden_hpa, hidden_rule
from tests.hidden_workloads.service import (
    CACHE_SHARE,
    CONTENTION,
    HIDDEN_PARAMETER_COUNT,
    LEAK_PER_H,
    MEMORY_EXPONENT,
    STALL_WEIGHT,
    sample_hidden,
)
from tests.hidden_workloads.world import Sizes, draw_hidden_world

BATCH, STEPS = 3, 240
RNG = np.random.default_rng(4)
PARAMETERS, LIMITS, MEANS = sample_hidden(RNG, BATCH)
RATES = synthetic_rates(RNG, BATCH, STEPS, MEANS)
NOISE = draw_noise(RNG, STEPS, BATCH)
START = hand_set(LIMITS)
TARGET = np.full(BATCH, 0.5)


def plain(**changed: float) -> np.ndarray:
    """The services without anything hidden but what `changed` names by its constant."""
    parameters = PARAMETERS.copy()
    neutral = {STALL_WEIGHT: 0.0, CONTENTION: 0.0, MEMORY_EXPONENT: 1.0, CACHE_SHARE: 0.0}
    for column, value in {**neutral, LEAK_PER_H: 0.0}.items():
        parameters[:, column] = value
    for name, value in changed.items():
        parameters[:, globals()[name]] = value
    return parameters


def test_without_anything_hidden_every_controller_meets_the_simulator_itself() -> None:
    family = PARAMETERS[:, :PARAMETER_COUNT].copy()
    rules = np.tile(default_rule(), (BATCH, 1))
    np.testing.assert_array_equal(
        hidden_hpa(plain(), LIMITS, RATES, NOISE, START, TARGET).metrics,
        rollout_hpa(family, LIMITS, RATES, NOISE, START, TARGET).metrics,
    )
    np.testing.assert_array_equal(
        hidden_rule(rules, plain(), LIMITS, RATES, NOISE, START).metrics,
        rollout_rule(rules, family, LIMITS, RATES, NOISE, START).metrics,
    )


def test_a_leak_of_a_tenth_an_hour_makes_a_tenth_more_memory_in_an_hour() -> None:
    flat = np.full((BATCH, STEPS), 1e-6)
    roomy = START.copy()
    roomy[:, 2] = LIMITS[:, 7]

    def memory(leak: float) -> np.ndarray:
        rolled = hidden_hpa(
            plain(LEAK_PER_H=leak), LIMITS, flat, no_noise(STEPS, BATCH), roomy, TARGET, keep=True
        )
        assert rolled.samples is not None
        return rolled.samples[:, -1, smp.EXACT_MEMORY_BYTES]

    # The last of 240 steps still lacks what leaks in it.
    expected = 0.1 * PARAMETERS[:, par.MEMORY_BASE_BYTES] * 239 / 240
    np.testing.assert_allclose(memory(0.1) - memory(0.0), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("STALL_WEIGHT", 0.3, smp.EXACT_LATENCY_MS),
        ("CONTENTION", 0.4, smp.EXACT_CPU_USAGE_M),
        ("CACHE_SHARE", 0.3, smp.EXACT_MEMORY_BYTES),
    ],
)
def test_what_is_hidden_makes_the_service_heavier(name: str, value: float, column: int) -> None:
    def mean(parameters: np.ndarray) -> float:
        rolled = hidden_hpa(parameters, LIMITS, RATES, NOISE, START, TARGET, keep=True)
        assert rolled.samples is not None
        return float(rolled.samples[:, :, column].mean())

    assert mean(plain(**{name: value})) > mean(plain())


def test_a_function_that_reaches_nothing_replaced_stays_itself() -> None:
    rebuilder = Rebuilder({}, {})
    assert rebuilder(rollout_hpa) is rollout_hpa


def test_a_world_shows_its_learner_telemetry_and_scores_on_other_traces() -> None:
    sizes = Sizes(workloads=2, telemetry_min=30, decisions=10, traces=2, twin_members=2)
    world = draw_hidden_world(1, sizes, None)
    assert world.parameters.shape == (4, HIDDEN_PARAMETER_COUNT)
    for index, case in enumerate(world.cases):
        assert len(case.measured.training) == 120
        assert case.training_twin.members.shape == (2, PARAMETER_COUNT)
        seen = case.measured.training["request_rate_per_s"].to_numpy()
        assert not np.isin(world.rates[2 * index], seen).any()
    np.testing.assert_array_equal(world.parameters[0], world.parameters[1])
    again = draw_hidden_world(1, sizes, None)
    np.testing.assert_array_equal(again.rates, world.rates)
    np.testing.assert_array_equal(
        again.cases[1].training_twin.members, world.cases[1].training_twin.members
    )


def test_real_days_have_mean_one_and_no_peak_over_four(tmp_path) -> None:
    minutes = np.arange(1440)
    day = 50.0 + 40.0 * np.sin(2.0 * np.pi * minutes / 1440)
    folder = tmp_path / "azure_functions_2019"
    folder.mkdir()
    rows = ["function," + ",".join(f"m{minute + 1}" for minute in minutes)]
    rows += [
        name + "," + ",".join(f"{value:.0f}" for value in values)
        for name, values in (("busy", day), ("idle", 0.1 * day), ("dead", 0.0 * day))
    ]
    with gzip.open(folder / "azure2019_invitro1350_inv_per_min.csv.gz", "wt") as file:
        file.write("\n".join(rows))
    rates = real_rates(tmp_path)
    assert rates is not None
    assert rates.shape == (1, 4 * 1440)
    assert rates.mean() == pytest.approx(1.0)
    # Of the minute with the highest rate, 90 over a mean of 50.
    assert rates.max() == pytest.approx(1.8, abs=0.01)
    assert real_rates(tmp_path / "absent") is None


def test_the_folder_of_real_traces_gives_whole_days() -> None:
    rates = real_rates()
    if rates is None:
        pytest.skip(f"no real traces: {FOLDER} is missing")
    assert len(rates) > 20
    assert rates.max() <= 4.0 + 0.5
    np.testing.assert_allclose(rates.mean(axis=1), 1.0, atol=0.2)
