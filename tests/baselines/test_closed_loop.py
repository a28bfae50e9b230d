"""The closed loop over the simulator's station, against throughput known by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.baselines.closed_loop import (
    MEASURED,
    closed_rate,
    fit_closed_loop,
    held_out_errors,
    predict,
)
from tests.baselines.published import capacity_frame


def test_few_users_get_an_answer_each_round() -> None:
    # One user, 1 s of pause, 10 ms of work on 4 free cores: 1 / 1.01 requests per second.
    assert closed_rate(1.0, 4.0, 0.01, 0.5, 1.0, 4.0) == pytest.approx(1 / 1.01, rel=0.01)


def test_many_users_are_served_at_the_capacity() -> None:
    # 2 cores of quota and 10 ms a request: 200 per second, however many wait.
    assert closed_rate(1e5, 2.0, 0.01, 0.5, 0.1, 8.0) == pytest.approx(200.0, rel=0.01)


def test_a_fit_predicts_cpu_limits_between_those_it_saw() -> None:
    rows = surface(2.0, 0.1)
    fitted = fit_closed_loop(rows.drop(index=3))
    # 3 cores, .8 usable, 2 ms a request: 1,200 per second; 400 MB and a tenth of 2,000.
    assert rows["throughput_rps"][3] == pytest.approx(1200.0, rel=0.01)
    assert rows["mem_usage_mb"][3] == pytest.approx(600.0)
    predicted = predict(fitted, rows.loc[[3]])[0]
    assert predicted[0] == pytest.approx(1200.0, rel=0.03)
    assert predicted[3] == pytest.approx(600.0, rel=0.03)


def surface(demand_ms: float, heap_share: float) -> pd.DataFrame:
    """What a JVM of 400 MB and a heap beside it would show at seven sizes."""
    rows = pd.DataFrame({"cpu_limit_cores": [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0], "load": 400.0})
    rows["mem_limit_mb"] = [1000.0, 3000.0, 1500.0, 2000.0, 1200.0, 2500.0, 1700.0]
    values = np.array([demand_ms, 0.5, 50.0, 0.8, 8.0, 400.0, 3.0, heap_share])
    rows[list(MEASURED)] = predict(values, rows)
    return rows


def test_a_program_that_can_t_use_its_limit_is_found() -> None:
    rows = surface(2.0, 0.1)
    values = np.array([2.0, 0.5, 50.0, 0.8, 0.9, 400.0, 3.0, 0.1])
    rows[list(MEASURED)] = predict(values, rows)
    # .9 cores of 2 ms a request: 450 per second from the second limit on, whatever it is.
    assert rows["throughput_rps"][4] == pytest.approx(450.0, rel=0.01)
    predicted = predict(fit_closed_loop(rows.drop(index=4)), rows.loc[[4]])[0]
    assert predicted[0] == pytest.approx(450.0, rel=0.03)


def test_a_collector_with_rows_enough_is_fitted_by_itself_a_rare_one_with_all() -> None:
    frugal, greedy = surface(2.0, 0.05).assign(gc="Serial"), surface(3.0, 0.3).assign(gc="Z")
    rare = surface(2.0, 0.05).assign(gc="Epsilon")
    held_out = pd.concat([frugal[3:4], greedy[3:4], rare[3:4]], ignore_index=True)
    training = pd.concat([frugal.drop(index=3), greedy.drop(index=3), rare[:2]])
    errors = held_out_errors(training, held_out)
    assert np.abs(errors[:2, [0, 2, 3]]).max() < 0.03
    assert np.abs(errors[2, 3]) > 0.05


def test_a_published_run_becomes_steady_telemetry() -> None:
    runs = pd.DataFrame(
        {"replicas": [2], "target_rps": [80], "completed": [90], "errors": [10], "p50_ms": [9.0],
         "p99_ms": [20.0], "max_pod_cpu": [0.3], "max_throttle_ratio": [0.1]}
    )  # fmt: skip
    frame = capacity_frame(runs)
    assert len(frame) == 6
    assert frame["cpu_usage_m"].unique().tolist() == [600.0]
    assert frame["error_ratio"].unique().tolist() == [0.1]
