from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from components.cluster.parameters import PARAMETER_COUNT
from components.cluster.twin import Twin
from components.policy.measured import MeasuredWorkload
from components.validation.config import ValidationConfig
from components.validation.situations import (
    Case,
    draw_situations,
    tuning_scenarios,
)
from tests.telemetry_folders import MIB, telemetry_frame, workload

CONFIG = ValidationConfig(seeds=3, traces=2, decisions=10, tuning_traces=5)


def case(name: str = "checkout", held_out_steps: int = 24) -> Case:
    """Members 1, 2, 3 judge; members 11 and 12 tune; rates of the training part are over 1000."""
    frame = telemetry_frame(name, seed=0, steps=48 + held_out_steps)
    training, held_out = frame.iloc[:48].copy(), frame.iloc[48:].reset_index(drop=True)
    training["request_rate_per_s"] += 1000.0

    def twin(values: list[float]) -> Twin:
        return Twin(np.repeat(np.array(values)[:, None], PARAMETER_COUNT, axis=1), {}, {})

    one = workload(name)
    measured = MeasuredWorkload(one, training, held_out, np.zeros((0, 1)), 12)
    return Case(measured, twin([11.0, 12.0]), twin([1.0, 2.0, 3.0]), "test's twin")


def test_the_first_trace_of_each_seed_begins_as_measured() -> None:
    one = case()
    situations = draw_situations([one], CONFIG)

    assert situations.rates.shape == (6, 40)
    measured = one.measured.held_out["request_rate_per_s"].to_numpy()
    for seed in range(3):
        np.testing.assert_allclose(situations.rates[2 * seed, :24], measured)
    assert np.unique(situations.rates[:, -1]).size > 1


def test_a_longer_held_out_part_gives_stretches_of_itself() -> None:
    one = case(held_out_steps=100)
    measured = one.measured.held_out["request_rate_per_s"].to_numpy()
    trace = draw_situations([one], CONFIG).rates[0]

    assert any(np.array_equal(trace, measured[start : start + 40]) for start in range(61))


def test_judges_and_tuners_never_share_rates_or_members() -> None:
    one = case()
    situations, scenarios = draw_situations([one], CONFIG), tuning_scenarios([one], CONFIG)

    assert set(np.unique(situations.parameters)) <= {1.0, 2.0, 3.0}
    assert set(np.unique(scenarios.parameters)) == {11.0, 12.0}
    assert situations.rates.max() < 500.0
    assert scenarios.rates.min() > 500.0
    assert scenarios.rates.shape == (1, 5, 40)


def test_a_workload_s_draws_are_its_own() -> None:
    both = draw_situations([case("checkout"), case("payment")], CONFIG)
    alone = draw_situations([case("payment")], CONFIG)

    np.testing.assert_array_equal(both.noise[6:], alone.noise)
    np.testing.assert_array_equal(both.rates[6:], alone.rates)
    np.testing.assert_array_equal(both.parameters[6:], alone.parameters)


def test_another_seed_draws_another_world() -> None:
    one = case()
    other = draw_situations([one], replace(CONFIG, seed=1))

    assert not np.array_equal(other.noise, draw_situations([one], CONFIG).noise)


def test_the_usual_allocation_is_the_median_within_bounds() -> None:
    one = case()
    frame = one.measured.training
    frame["replicas_wanted"] = 3.0
    frame["cpu_request_m"] = 9999.0
    frame.loc[frame.index[-3:], ["replicas_wanted", "cpu_request_m"]] = [1.0, 50.0]
    frame.loc[frame.index[:2], "replicas_wanted"] = np.nan
    frame["memory_request_bytes"] = np.nan

    np.testing.assert_array_equal(one.usual_allocation, [[3.0, 600.0, 384.0 * MIB]])


def test_missing_rates_are_filled() -> None:
    one = case()
    one.measured.held_out.loc[3:6, "request_rate_per_s"] = np.nan

    assert np.isfinite(draw_situations([one], CONFIG).rates).all()
    assert isinstance(one.measured.held_out, pd.DataFrame)


@pytest.mark.parametrize("traces", [1, 4])
def test_the_number_of_traces_is_as_asked(traces: int) -> None:
    situations = draw_situations([case()], replace(CONFIG, traces=traces))

    assert len(situations.rates) == len(situations.noise) == len(situations.limits) == 3 * traces
