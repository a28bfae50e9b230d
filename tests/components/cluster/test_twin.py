"""The twin, fitted to telemetry of simulated services whose parameters are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.parameters import MIB
from components.cluster.replay import REPLAY_CPU_M, replay
from components.cluster.simulator import step
from components.cluster.state import initial_state
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.cluster.twin import from_json, to_json
from components.cluster.twin_ensemble import block_weights, fit_twin
from components.cluster.twin_evidence import evidence_of, settled, starts
from components.cluster.twin_fit import first_guess
from components.errors import UserError
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from components.workload.surroundings import Surroundings
from components.workload.telemetry import COLUMNS, split

WORKLOAD = Workload(
    "shop",
    "checkout",
    "Deployment",
    "app",
    Slo(0.95, 200.0),
    Bounds(1, 6, 50, 600, 32 * 2**20, 384 * 2**20),
    MetricSource("istio"),
)


def service() -> FloatArray:
    """Parameters [P] of a small Python service."""
    parameters = np.maximum(par.neutral_row(), par.lows(par.SERVICE_PARAMETERS))
    parameters[par.SERVICE_DEMAND_MS] = 8.0
    parameters[par.DEMAND_VARIABILITY] = 0.5
    parameters[par.WAIT_MS] = 20.0
    parameters[par.PARALLELISM_CORES] = 1.0
    parameters[par.CONCURRENCY_LIMIT] = 16.0
    parameters[par.TIMEOUT_MS] = 5000.0
    parameters[par.IDLE_CPU_M] = 4.0
    parameters[par.MEMORY_BASE_BYTES] = 40 * MIB
    parameters[par.MEMORY_PER_REQUEST_BYTES] = 2 * MIB
    parameters[par.MEMORY_RELEASE_PER_STEP] = 0.3
    parameters[par.STARTUP_S] = 20.0
    parameters[par.STARTUP_CPU_M] = 100.0
    parameters[par.METRIC_NOISE] = 0.02
    parameters[par.TAIL_FACTOR] = 1.0
    return parameters


def observed(parameters: FloatArray, seed: int, steps: int = 240) -> pd.DataFrame:
    """A frame of `steps` rows: a varied rate, and sizes and replicas that change every 8 steps."""
    rng = np.random.default_rng(seed)
    limits = limits_of([WORKLOAD])
    rates = 14.0 * (1.0 + 0.5 * np.sin(np.arange(steps) / 15.0)) * rng.uniform(0.9, 1.1, steps)
    noise = draw_noise(rng, steps, 1)
    allocation = np.array([[2.0, 150.0, 128 * MIB]])
    state = initial_state(parameters[None], limits, allocation, rates[:1])
    rows = []
    for index in range(steps):
        if index % 8 == 7:
            replicas = rng.integers(1, 5)
            cpu_m = np.round(rates[index] * 8.0 * rng.uniform(1.1, 2.5) / replicas)
            allocation = np.array([[replicas, max(cpu_m, 50.0), 128 * MIB]])
        state, sample = step(
            state, parameters[None], limits, allocation, rates[index : index + 1], noise[:, index]
        )
        rows.append(sample[0, : smp.CONCURRENCY])
    frame = pd.DataFrame(np.array(rows), columns=list(MEASURED_COLUMNS))
    frame["cpu_limit_m"] = frame["cpu_request_m"]
    frame["memory_limit_bytes"] = frame["memory_request_bytes"]
    times = pd.date_range("2026-01-01", periods=steps, freq="15s", tz="UTC", unit="ms")
    frame.insert(0, "time", times)
    return frame[["time", *COLUMNS]]


def test_the_fit_recovers_what_the_telemetry_identifies() -> None:
    training, held_out = split(observed(service(), 1))
    twin = fit_twin(training, held_out, WORKLOAD, np.random.default_rng(0), members=2)
    fitted = twin.members[0]
    assert fitted[par.SERVICE_DEMAND_MS] == pytest.approx(8.0, rel=0.05)
    assert fitted[par.WAIT_MS] == pytest.approx(20.0, rel=0.15)
    assert fitted[par.MEMORY_BASE_BYTES] == pytest.approx(40 * MIB, rel=0.05)
    assert fitted[par.DEMAND_VARIABILITY] == pytest.approx(0.5, rel=0.5)
    assert twin.identified["service_demand_ms"]
    assert twin.identified["startup_s"]
    assert not twin.identified["parallelism_cores"]
    assert not {"retry_share", "drain_s", "node_cpu_m", "arrival_variability"} & set(
        twin.identified
    )


def test_a_wait_that_varies_is_told_from_one_that_does_not() -> None:
    fitted = []
    for variability in (0.0, 1.0):
        parameters = service()
        parameters[par.WAIT_VARIABILITY] = variability
        training, held_out = split(observed(parameters, 13))
        twin = fit_twin(training, held_out, WORKLOAD, np.random.default_rng(0), members=1)
        assert twin.identified["wait_variability"]
        assert twin.errors["latency"] < 0.12
        fitted.append(twin.members[0, par.WAIT_VARIABILITY])
    assert fitted[0] < 0.2
    assert fitted[1] == pytest.approx(1.0, rel=0.25)


def test_errors_on_held_out_rows_are_near_the_noise_of_the_metrics() -> None:
    training, held_out = split(observed(service(), 2))
    twin = fit_twin(training, held_out, WORKLOAD, np.random.default_rng(0), members=1)
    assert twin.errors["cpu"] < 0.04
    assert twin.errors["memory"] < 0.02
    assert twin.errors["latency"] < 0.12


def test_errors_show_that_held_out_telemetry_is_of_another_service() -> None:
    slower = service()
    slower[par.SERVICE_DEMAND_MS] *= 1.8
    twin = fit_twin(
        observed(service(), 3), observed(slower, 3), WORKLOAD, np.random.default_rng(0), members=1
    )
    assert twin.errors["cpu"] > 0.3


def test_gaps_and_outliers_do_not_move_the_fit() -> None:
    clean = observed(service(), 4)
    broken = clean.copy()
    broken.loc[20:30, ["cpu_usage_m", "latency_ms"]] = np.nan
    broken.loc[50, "cpu_usage_m"] *= 40.0
    twins = [
        fit_twin(frame, clean, WORKLOAD, np.random.default_rng(0), members=1)
        for frame in (clean, broken)
    ]
    assert twins[1].members[0, par.SERVICE_DEMAND_MS] == pytest.approx(
        twins[0].members[0, par.SERVICE_DEMAND_MS], rel=0.03
    )


def test_members_differ_and_stay_within_the_bounds() -> None:
    frame = observed(service(), 5)
    twin = fit_twin(frame, frame, WORKLOAD, np.random.default_rng(0), members=4)
    assert twin.members.shape == (4, par.PARAMETER_COUNT)
    assert np.all(np.std(twin.members[:, par.SERVICE_DEMAND_MS]) > 0.0)
    assert np.array_equal(par.clip_parameters(twin.members), twin.members)


def test_what_the_owner_tells_of_the_surroundings_is_in_every_member() -> None:
    told = replace(WORKLOAD, surroundings=Surroundings(drain_s=30.0, node_cpu_m=4000))
    frame = observed(service(), 5, steps=80)
    twins = [
        fit_twin(frame, frame, workload, np.random.default_rng(0), members=2).members
        for workload in (WORKLOAD, told)
    ]
    assert (twins[1][:, par.DRAIN_S] == 30.0).all()
    assert (twins[1][:, par.NODE_CPU_M] == 4000.0).all()
    twins[1][:, [par.DRAIN_S, par.NODE_CPU_M]] = 0.0
    np.testing.assert_array_equal(*twins)


def test_members_spread_their_slow_latency_as_far_as_the_model_misses_it() -> None:
    clean = observed(service(), 5)
    strange = clean.copy()
    strange["latency_ms"] *= np.exp(np.random.default_rng(1).normal(0.0, 0.6, len(strange)))
    spreads = [
        np.std(
            np.log(
                fit_twin(frame, clean, WORKLOAD, np.random.default_rng(0), members=6).members[
                    :, par.TAIL_FACTOR
                ]
            )
        )
        for frame in (clean, strange)
    ]
    assert spreads[0] < 0.15
    assert spreads[1] > 0.25


def test_the_same_seed_gives_the_same_twin() -> None:
    frame = observed(service(), 6, steps=80)
    first, second = (
        fit_twin(frame, frame, WORKLOAD, np.random.default_rng(7), members=2) for _ in range(2)
    )
    assert np.array_equal(first.members, second.members)


def test_a_workload_without_variation_says_what_it_can_not_tell() -> None:
    frame = observed(service(), 8, steps=80)
    still = frame.assign(
        replicas_ready=2.0, replicas_wanted=2.0, cpu_request_m=150.0, cpu_limit_m=150.0,
        request_rate_per_s=14.0, latency_p50_ms=30.0, cpu_usage_m=120.0, restarts=0.0,
    )  # fmt: skip
    seen = fit_twin(still, still, WORKLOAD, np.random.default_rng(0), members=1).identified
    assert seen["service_demand_ms"]
    for name in ("idle_cpu_m", "demand_variability", "memory_per_request_bytes", "startup_s"):
        assert not seen[name]


def test_too_little_telemetry_is_refused_in_one_line() -> None:
    frame = observed(service(), 9, steps=40)
    frame["request_rate_per_s"] = np.nan
    with pytest.raises(UserError, match="shop/checkout: 0 steps"):
        fit_twin(frame, frame, WORKLOAD, np.random.default_rng(0))


def test_json_round_trip_keeps_every_number() -> None:
    frame = observed(service(), 10, steps=80)
    twin = fit_twin(frame, frame, WORKLOAD, np.random.default_rng(0), members=2)
    again = from_json(to_json(twin))
    assert np.array_equal(again.members, twin.members)
    assert again.errors == twin.errors


def test_a_twin_stored_before_a_parameter_existed_is_read_with_its_neutral_value() -> None:
    document = json.loads((Path(__file__).parent / "stored/twin_of_18_parameters.json").read_text())
    twin = from_json(document)
    known = [document["members"][1][name] for name in par.PARAMETER_NAMES[:18]]
    assert twin.members[1, :18].tolist() == known
    assert np.array_equal(twin.members[:, 18:], np.tile(par.neutral_row()[18:], (2, 1)))
    assert twin.intervals["cpu"] == tuple(document["intervals"]["cpu"])
    assert from_json(to_json(twin)).members.tolist() == twin.members.tolist()


def test_a_twin_document_without_a_parameter_is_refused() -> None:
    with pytest.raises(UserError, match="service_demand_ms"):
        from_json({"members": [{}], "errors": {}, "identified": {}})


def test_replayed_cpu_is_demand_plus_idling() -> None:
    # 10 requests a second of 8 ms each are 80 m; two pods idle at 4 m each.
    samples = np.zeros((1, smp.SAMPLE_COUNT))
    samples[0, smp.REQUEST_RATE_PER_S] = 10.0
    samples[0, smp.REPLICAS_READY] = 2.0
    samples[0, smp.CPU_REQUEST_M] = 300.0
    samples[0, smp.MEMORY_REQUEST_BYTES] = 128 * MIB
    predicted = replay(service(), limits_of([WORKLOAD])[0], samples)
    assert predicted[0, REPLAY_CPU_M] == pytest.approx(88.0)


def test_rows_around_a_change_do_not_count() -> None:
    frame = observed(service(), 11, steps=30)
    frame[["replicas_wanted", "replicas_ready"]] = 2.0
    frame[["cpu_request_m", "cpu_limit_m"]] = 150.0
    frame["restarts"] = 0.0
    frame.loc[10:, ["cpu_request_m", "cpu_limit_m"]] = 200.0
    calm = settled(evidence_of(frame, WORKLOAD).samples)
    assert np.flatnonzero(~calm).tolist() == [10, 11, 12]


def test_start_up_time_is_from_wanted_to_ready() -> None:
    samples = np.zeros((6, smp.SAMPLE_COUNT))
    samples[:, smp.REPLICAS_WANTED] = [1, 2, 2, 2, 2, 2]
    samples[:, smp.REPLICAS_READY] = [1, 1, 1, 2, 2, 2]
    assert starts(samples).tolist() == [37.5]


def test_bootstrap_weights_count_whole_blocks() -> None:
    weights = block_weights(np.random.default_rng(0), 20)
    assert weights.shape == (20,)
    assert all(len(set(weights[start : start + 8])) == 1 for start in (0, 8, 16))


def test_a_refusal_is_no_timeout_and_a_stall_is_one() -> None:
    frame = observed(service(), 12, steps=80)
    refused = frame.assign(error_ratio=0.0, latency_ms=100.0)
    refused.loc[40:45, ["error_ratio", "latency_ms"]] = [0.5, 150.0]
    stalled = refused.copy()
    stalled.loc[42, "latency_ms"] = 4800.0
    guesses = [first_guess(evidence_of(each, WORKLOAD)) for each in (refused, stalled)]
    assert [guess[par.TIMEOUT_MS] for guess in guesses] == [10_000.0, 4800.0]
