"""From series to columns: pods, faults in samples, requests that aren't set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from components.metrics.assemble import Assembled, assemble
from components.metrics.grid import Grid
from components.metrics.met import Met
from components.metrics.piece import met_in, piece_of
from components.metrics.queries import Query, container_queries, replica_queries
from components.metrics.scrape import taken_of
from components.metrics.series import Measurements, Series
from components.metrics.traffic import traffic_queries
from components.workload.spec import Bounds, MetricSource, Slo, Workload

GRID = Grid(15_000, 4)
NAN = np.nan


def _workload(name: str, kind: str = "Deployment", source: str = "istio") -> Workload:
    bounds = Bounds(1, 2, 1, 2, 1, 2)
    return Workload("shop", name, kind, "app", Slo(0.9, 100.0), bounds, MetricSource(source))


SHOP = _workload("shop")
SHOP_WEB = _workload("shop-web", "StatefulSet")


def _query(measure: str, workload: Workload = SHOP) -> Query:
    queries = [
        *container_queries([workload], 60),
        *replica_queries([workload]),
        *traffic_queries([workload], 60),
    ]
    return next(query for query in queries if query.measure == measure)


def _of_pod(pod: str, values: list[float], first_step: int = 0, container: str = "app") -> Series:
    times = 15_000 * (1 + first_step + np.arange(len(values)))
    labels = {"namespace": "shop", "pod": pod, "container": container}
    return Series(labels, times.astype(np.int64), np.array(values))


def _of_name(values: list[float]) -> Series:
    labels = {"destination_workload_namespace": "shop", "destination_workload": "shop"}
    return Series(labels, 15_000 * (1 + np.arange(len(values))), np.array(values))


def _frame(given: dict[str, list[Series]]) -> pd.DataFrame:
    measurements = Measurements([SHOP, SHOP_WEB], GRID)
    for measure, series in given.items():
        measurements.add(_query(measure), series)
    return _assembled(measurements, SHOP).frame


def _assembled(measurements: Measurements, workload: Workload) -> Assembled:
    measured = measurements.of(workload)
    return assemble(piece_of(measured, GRID, met_in(measured, GRID, Met())))


def _values(frame: pd.DataFrame, column: str) -> list[float]:
    return [float(value) for value in frame[column]]


def test_pods_are_summed_or_the_highest_counts_while_they_come_and_go() -> None:
    frame = _frame(
        {
            "cpu_usage": [
                _of_pod("shop-a1-b1", [0.1, 0.1]),
                _of_pod("shop-a1-b2", [0.2, 0.3], first_step=1),
            ],
            "working_set": [
                _of_pod("shop-a1-b1", [5.0, 9.0]),
                _of_pod("shop-a1-b2", [7.0, 8.0], first_step=1),
            ],
        }
    )
    np.testing.assert_allclose(frame["cpu_usage_m"], [100, 300, 300, NAN])
    np.testing.assert_allclose(frame["memory_working_set_bytes"], [5, 9, 8, NAN])


def test_the_memory_of_a_pod_that_is_gone_does_not_linger() -> None:
    frame = _frame(
        {
            "working_set": [
                _of_pod("shop-a1-b1", [90.0, 90.0, 90.0, 90.0]),
                _of_pod("shop-a1-b2", [50.0, 50.0, 50.0, 50.0]),
            ],
            "restarts_total": [
                _of_pod("shop-a1-b1", [0.0, 0.0]),
                _of_pod("shop-a1-b2", [0.0, 0.0, 0.0, 0.0]),
            ],
        }
    )
    assert _values(frame, "memory_working_set_bytes") == [90, 90, 50, 50]


def test_a_pod_belongs_to_the_longest_name_that_fits_and_to_its_container() -> None:
    measurements = Measurements([SHOP, SHOP_WEB], GRID)
    measurements.add(
        _query("cpu_usage"),
        [
            _of_pod("shop-web-0", [1.0]),
            _of_pod("shop-a1-b1", [2.0]),
            _of_pod("shop-a1-b1", [9.0], container="proxy"),
            _of_pod("shopping-a1-b1", [9.0]),
        ],
    )
    assert list(measurements.of(SHOP)["cpu_usage"].rows) == ["shop-a1-b1"]
    assert list(measurements.of(SHOP_WEB)["cpu_usage"].rows) == ["shop-web-0"]


def test_infinite_negative_and_absent_samples_are_missing_and_the_wrong_ones_counted() -> None:
    measurements = Measurements([SHOP], GRID)
    measurements.add(_query("request_rate"), [_of_name([1.0, np.inf, -2.0, NAN])])
    assembled = _assembled(measurements, SHOP)
    np.testing.assert_allclose(assembled.frame["request_rate_per_s"], [1, NAN, NAN, NAN])
    assert assembled.invalid == {"request_rate_per_s": 2}


def test_samples_off_the_grid_go_to_their_nearest_step_and_outside_ones_nowhere() -> None:
    series = Series(
        {"destination_workload_namespace": "shop", "destination_workload": "shop"},
        np.array([1_000, 14_000, 31_000, 99_000]),
        np.array([9.0, 1.0, 2.0, 9.0]),
    )
    frame = _frame({"request_rate": [series]})
    np.testing.assert_allclose(frame["request_rate_per_s"], [1, 2, NAN, NAN])


def test_no_error_series_means_no_errors_where_requests_are_known() -> None:
    frame = _frame({"request_rate": [_of_name([2.0, 0.0])]})
    np.testing.assert_allclose(frame["error_ratio"], [0, 0, NAN, NAN])
    frame = _frame({"request_rate": [_of_name([2.0, 0.0])], "error_rate": [_of_name([0.5, 0.0])]})
    np.testing.assert_allclose(frame["error_ratio"], [0.25, 0, NAN, NAN])


def test_throttling_is_weighted_by_periods_and_never_above_one() -> None:
    frame = _frame(
        {
            "cfs_periods": [
                _of_pod("shop-a1-b1", [10, 0, 10]),
                _of_pod("shop-a1-b2", [30, 0, 0]),
            ],
            "throttled_periods": [
                _of_pod("shop-a1-b1", [10, 0, 10.5]),
                _of_pod("shop-a1-b2", [0, 0, 0]),
            ],
        }
    )
    np.testing.assert_allclose(frame["cpu_throttled_ratio"], [0.25, 0, 1, NAN])


def test_a_request_that_is_not_set_is_the_limit() -> None:
    frame = _frame({"cpu_limit": [_of_pod("shop-a1-b1", [0.2, 0.4])]})
    np.testing.assert_allclose(frame["cpu_request_m"], [200, 400, NAN, NAN])
    frame = _frame(
        {
            "cpu_limit": [_of_pod("shop-a1-b1", [0.2, 0.4])],
            "cpu_request": [_of_pod("shop-a1-b1", [0.1])],
        }
    )
    np.testing.assert_allclose(frame["cpu_request_m"], [100, NAN, NAN, NAN])


def test_a_restart_that_shows_the_oom_flag_is_a_kill_and_one_without_is_not() -> None:
    frame = _frame(
        {
            "restarts_total": [_of_pod("shop-a1-b1", [0, 1, 1, 2])],
            "oom_terminated": [_of_pod("shop-a1-b1", [1, 1], first_step=1)],
        }
    )
    assert _values(frame, "restarts") == [0, 1, 0, 1]
    assert _values(frame, "oom_kills") == [0, 1, 0, 0]


def test_of_two_counts_of_kills_the_one_that_tells_of_more_is_believed() -> None:
    events = [_of_pod("shop-a1-b1", [0, 1, 1, 3])]
    flags = {
        "restarts_total": [_of_pod("shop-a1-b1", [0, 1, 1, 2])],
        "oom_terminated": [_of_pod("shop-a1-b1", [1], first_step=1)],
    }
    assert _values(_frame({**flags, "oom_events_total": events}), "oom_kills") == [0, 1, 0, 2]
    lost = [_of_pod("shop-a1-b1", [0, 0, 0, 0])]
    assert _values(_frame({**flags, "oom_events_total": lost}), "oom_kills") == [0, 1, 0, 0]


def test_without_any_series_every_column_is_missing() -> None:
    assert _frame({}).drop(columns="time").isna().all(axis=None)


def test_the_first_of_two_queries_for_the_same_that_has_an_answer_counts() -> None:
    workload = _workload("shop", source="opentelemetry")
    seconds, milliseconds = (
        query for query in traffic_queries([workload], 60) if query.measure == "latency"
    )
    measurements = Measurements([workload], GRID)
    labels = {"namespace": "shop", "owner": "shop"}
    for query, value in ((seconds, 0.02), (milliseconds, 50.0)):
        measurements.add(query, [Series(labels, np.array([15_000]), np.array([value]))])
    frame = _assembled(measurements, workload).frame
    np.testing.assert_allclose(frame["latency_ms"], [20, NAN, NAN, NAN])


def test_doubts_about_the_units_of_own_queries_are_told() -> None:
    metrics = MetricSource("promql", request_rate="a", latency="b", error_ratio="c")
    workload = replace(SHOP, metrics=metrics)
    queries = {query.measure: query for query in traffic_queries([workload], 60)}

    def notes(latency: float, errors: float) -> tuple[str, ...]:
        measurements = Measurements([workload], GRID)
        for measure, value in (
            ("request_rate", 5.0),
            ("latency", latency),
            ("error_ratio", errors),
        ):
            series = Series({}, np.array([15_000]), np.array([value]))
            measurements.add(queries[measure], [series])
        measured = measurements.of(workload)
        piece = piece_of(measured, GRID, met_in(measured, GRID, Met()))
        return taken_of(workload, piece, [*queries.values()]).notes

    assert notes(20.0, 0.5) == ()
    assert notes(0.02, 0.5) == (
        "metrics.latency never reaches 1 ms, which it is taken to be in: multiply seconds by 1000",
    )
    assert notes(20.0, 2.5) == (
        "metrics.error_ratio is above 1 and read as 1: divide per cent by 100",
    )
