import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.applications import sample_applications
from components.cluster.limits import clip_allocation, limits_of
from components.cluster.noise import draw_noise
from components.cluster.observation import (
    OBSERVATION_COUNT,
    OBSERVATION_FIELDS,
    observations_of_telemetry,
)
from components.cluster.rates import synthetic_rates
from components.cluster.state import initial_state
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.policy.rule_parameters import default_rule
from components.policy.rule_rollout import initial_rule_state, interval
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from components.workload.telemetry import COLUMNS


def workload_of(row: np.ndarray) -> Workload:
    return Workload(
        "shop",
        "checkout",
        "Deployment",
        "app",
        Slo(float(row[1]), float(row[0])),
        Bounds(*(int(value) for value in row[2:])),
        MetricSource("ingress-nginx", "checkout"),
    )


def simulated(intervals: int) -> tuple[Workload, np.ndarray, np.ndarray]:
    """A workload with its samples [T, M] and observations [T // 4, O] in the simulator."""
    rng = np.random.default_rng(9)
    parameters, sampled, means = sample_applications(rng, 1)
    workload = workload_of(sampled[0])
    limits = limits_of([workload])
    rates, noise = synthetic_rates(rng, 1, 4 * intervals, means), draw_noise(rng, 4 * intervals, 1)
    allocation = clip_allocation(0.5 * (limits[:, [2, 4, 6]] + limits[:, [3, 5, 7]]), limits)
    state = initial_state(parameters, limits, allocation, rates[:, 0])
    memory = initial_rule_state(1)
    samples, observations = [], []
    for at in range(0, 4 * intervals, 4):
        state, memory, allocation, seen, observed, _, _ = interval(
            state, memory, parameters, limits, allocation, default_rule()[None],
            rates[:, at : at + 4], noise[:, at : at + 4],
        )  # fmt: skip
        samples.append(seen[0])
        observations.append(observed[0])
    return workload, np.concatenate(samples), np.array(observations)


def frame_of(samples: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(samples[:, : len(MEASURED_COLUMNS)], columns=list(MEASURED_COLUMNS))
    frame["cpu_limit_m"] = frame["cpu_request_m"]
    frame["memory_limit_bytes"] = frame["memory_request_bytes"]
    frame["time"] = pd.date_range("2026-01-01", periods=len(frame), freq="15s", tz="UTC")
    return frame[["time", *COLUMNS]]


def test_telemetry_of_a_simulation_is_observed_as_the_simulation_was() -> None:
    workload, samples, observations = simulated(10)
    # Telemetry has no count of requests at work: Little's law stands in.
    others = [name != "concurrency" for name in OBSERVATION_FIELDS]
    seen = observations_of_telemetry(frame_of(samples), workload)
    np.testing.assert_allclose(seen[:, others], observations[:, others], atol=1e-12)


def test_gaps_are_filled_and_flagged() -> None:
    workload, samples, _ = simulated(4)
    frame = frame_of(samples)
    frame.loc[4:7, ["latency_ms", "cpu_usage_m"]] = np.nan
    seen = observations_of_telemetry(frame, workload)
    assert np.isfinite(seen).all()
    missing = seen[:, OBSERVATION_FIELDS.index("missing")]
    np.testing.assert_allclose(missing, [0.0, 2 / len(MEASURED_COLUMNS), 0.0, 0.0])


def test_nothing_but_gaps_is_still_an_observation() -> None:
    workload, samples, _ = simulated(2)
    frame = frame_of(samples)
    frame[list(COLUMNS)] = np.nan
    seen = observations_of_telemetry(frame, workload)
    assert seen.shape == (2, OBSERVATION_COUNT)
    assert (np.abs(seen) <= 3.0).all()


def test_rows_beyond_the_last_minute_are_left_out() -> None:
    workload, samples, _ = simulated(3)
    assert len(observations_of_telemetry(frame_of(samples[:10]), workload)) == 2
    assert len(observations_of_telemetry(frame_of(samples[:3]), workload)) == 0


def test_one_policy_s_inputs_stay_small_for_every_size_of_service() -> None:
    rng = np.random.default_rng(4)
    batch = 60
    parameters, limits, means = sample_applications(rng, batch)
    rates, noise = synthetic_rates(rng, batch, 80, 3 * means), draw_noise(rng, 80, batch)
    allocation = clip_allocation(0.3 * (limits[:, [2, 4, 6]] + limits[:, [3, 5, 7]]), limits)
    state = initial_state(parameters, limits, allocation, rates[:, 0])
    memory = initial_rule_state(batch)
    rules = np.tile(default_rule(), (batch, 1))
    for at in range(0, 80, 4):
        state, memory, allocation, samples, observed, _, _ = interval(
            state, memory, parameters, limits, allocation, rules, rates[:, at : at + 4],
            noise[:, at : at + 4],
        )  # fmt: skip
        assert np.isfinite(observed).all()
        assert (np.abs(observed) <= 3.0).all()
    assert samples.shape == (batch, 4, smp.SAMPLE_COUNT)
