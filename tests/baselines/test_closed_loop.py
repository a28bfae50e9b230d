"""The closed loop over the simulator's station, against throughput known by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.baselines.closed_loop import closed_rate, fit_closed_loop, predict
from tests.baselines.published import capacity_frame


def test_few_users_get_an_answer_each_round() -> None:
    # One user, 1 s of pause, 10 ms of work on 4 free cores: 1 / 1.01 requests per second.
    assert closed_rate(1.0, 4.0, 0.01, 0.5, 1.0, 4.0) == pytest.approx(1 / 1.01, rel=0.01)


def test_many_users_are_served_at_the_capacity() -> None:
    # 2 cores of quota and 10 ms a request: 200 per second, however many wait.
    assert closed_rate(1e5, 2.0, 0.01, 0.5, 0.1, 8.0) == pytest.approx(200.0, rel=0.01)


def test_a_fit_predicts_cpu_limits_between_those_it_saw() -> None:
    values = [2.0, 0.5, 50.0, 0.8, 8.0, 400.0, 3.0]
    limits = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0]
    users = [400.0] * len(limits)
    columns = ["throughput_rps", "resp_ms", "cpu_usage_cores", "mem_usage_mb", "p99_ms"]
    rows = pd.DataFrame(predict(values, limits, users), columns=columns)
    rows["cpu_limit_cores"], rows["load"] = limits, users
    fitted = fit_closed_loop(rows.drop(index=3))
    # 3 cores, .8 usable, 2 ms a request: 1,200 per second.
    assert rows["throughput_rps"][3] == pytest.approx(1200.0, rel=0.01)
    assert predict(fitted, [3.0], [400.0])[0, 0] == pytest.approx(1200.0, rel=0.03)


def test_a_published_run_becomes_steady_telemetry() -> None:
    runs = pd.DataFrame(
        {"replicas": [2], "target_rps": [80], "completed": [90], "errors": [10], "p50_ms": [9.0],
         "p99_ms": [20.0], "max_pod_cpu": [0.3], "max_throttle_ratio": [0.1]}
    )  # fmt: skip
    frame = capacity_frame(runs)
    assert len(frame) == 6
    assert frame["cpu_usage_m"].unique().tolist() == [600.0]
    assert frame["error_ratio"].unique().tolist() == [0.1]
