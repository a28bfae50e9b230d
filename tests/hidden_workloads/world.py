"""Hidden workloads with an hour of telemetry under the incumbent, their twins, and fresh traces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.observation import observations_of_telemetry
from components.cluster.rates import synthetic_rates
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.rollout import Rollout
from components.cluster.twin import Twin
from components.cluster.twin_ensemble import fit_twin
from components.errors import UserError
from components.policy.measured import MeasuredWorkload
from components.validation.situations import Case
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from components.workload.telemetry import COLUMNS, STEP_S
from tests.baselines.worlds import hand_set
from tests.hidden_workloads.rebuilt import hidden_hpa
from tests.hidden_workloads.service import sample_hidden

INCUMBENT_TARGET = 0.7


@dataclass(frozen=True, slots=True)
class Sizes:
    """workloads of a seed; minutes of telemetry; decisions and traces that are scored of each."""

    workloads: int
    telemetry_min: int
    decisions: int
    traces: int
    twin_members: int


@dataclass(frozen=True, slots=True)
class HiddenWorld:
    """W workloads. What a learner may see of them is `cases`; the rest only plays and scores.

    parameters [W R, P], limits [W R, L], rates [W R, T], noise [W R, T, N], usual [W R, 3]: the
    scored situations, R fresh traces of each workload; `usual` is the incumbent's allocation.
    contact: the incumbent's telemetry as a rollout with its samples, [W].
    days: rates [W, D] from the telemetry's first step on, for whoever stays in contact for longer;
        a day that begins anew where it ends, so they pass through the scored traces' times.
    """

    cases: tuple[Case, ...]
    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    noise: FloatArray
    usual: FloatArray
    contact: Rollout
    days: FloatArray

    @property
    def course(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What every rollout begins with."""
        return self.parameters, self.limits, self.rates, self.noise

    def spread(self, values: FloatArray) -> FloatArray:
        """Values of workloads [W, ...] for their situations [W R, ...]."""
        return np.repeat(values, len(self.limits) // len(self.cases), axis=0)


def draw_hidden_world(seed: int, sizes: Sizes, real: FloatArray | None) -> HiddenWorld:
    """The world of a seed; where no twin can be fitted, another application is drawn.

    Rates are stretches of a real day (`real` [N, T]), the scored ones after the telemetry's, or
    synthetic ones where it is None.
    """
    rng = np.random.default_rng([seed, 3])
    drawn = [_draw_one(rng, sizes, real, index) for index in range(sizes.workloads)]
    cases = tuple(case for case, *_ in drawn)
    steps = sizes.decisions * INTERVAL_STEPS
    limits = np.repeat(limits_of([case.workload for case in cases]), sizes.traces, axis=0)
    return HiddenWorld(
        cases=cases,
        parameters=np.repeat(np.stack([one[1] for one in drawn]), sizes.traces, axis=0),
        limits=limits,
        rates=np.concatenate([one[2] for one in drawn]),
        noise=draw_noise(rng, steps, len(limits)),
        usual=np.repeat(np.vstack([case.usual_allocation for case in cases]), sizes.traces, axis=0),
        contact=Rollout(
            np.concatenate([one[3].metrics for one in drawn]),
            np.concatenate([one[3].samples for one in drawn if one[3].samples is not None]),
        ),
        days=np.stack([one[4] for one in drawn]),
    )


def _draw_one(
    rng: np.random.Generator, sizes: Sizes, real: FloatArray | None, index: int
) -> tuple[Case, FloatArray, FloatArray, Rollout, FloatArray]:
    while True:
        parameters, limits, means = sample_hidden(rng, 1)
        known, fresh, day = _rates(rng, sizes, real, means)
        workload = workload_of(limits[0], index)
        limits = limits_of([workload])
        steps = known.shape[1]
        contact = hidden_hpa(
            parameters, limits, known, draw_noise(rng, steps, 1), hand_set(limits),
            np.array([INCUMBENT_TARGET]), keep=True,
        )  # fmt: skip
        assert contact.samples is not None
        frame = frame_of(contact.samples[0])
        try:
            # The last quarter is only looked at for the twin's own account of its errors.
            twin = fit_twin(frame, frame[-steps // 4 :], workload, rng, sizes.twin_members)
        except UserError:
            continue
        return case_of(workload, frame, twin), parameters[0], fresh, contact, day


def _rates(
    rng: np.random.Generator, sizes: Sizes, real: FloatArray | None, means: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(rates of the telemetry [1, T0], of the scored traces [R, T], of the day [D])."""
    first = sizes.telemetry_min * INTERVAL_STEPS
    steps = sizes.decisions * INTERVAL_STEPS
    if real is None:
        known = synthetic_rates(rng, 1, first, means)
        fresh = synthetic_rates(rng, sizes.traces, steps, np.repeat(means, sizes.traces))
        return known, fresh, np.concatenate([known[0], fresh.ravel()])
    day = real[rng.integers(len(real))] * means[0]
    start = int(rng.integers(len(day) - first - 2 * steps))
    later = rng.integers(start + first, len(day) - steps + 1, size=sizes.traces)
    fresh = np.stack([day[begin : begin + steps] for begin in later])
    return day[None, start : start + first], fresh, np.roll(day, -start)


def workload_of(limits: FloatArray, index: int) -> Workload:
    """The spec with these limits [L], in whole replicas, millicores and bytes."""
    return Workload(
        namespace="hidden",
        name=f"workload-{index}",
        kind="Deployment",
        container="app",
        slo=Slo(float(limits[lim.SLO_PERCENTILE]), float(limits[lim.SLO_LATENCY_MS])),
        bounds=Bounds(*(round(float(limits[field])) for field in range(lim.REPLICAS_MIN, 8))),
        metrics=MetricSource(source="ingress-nginx", ingress=f"workload-{index}"),
    )


def frame_of(samples: FloatArray) -> pd.DataFrame:
    """Telemetry [T] as a recorder would have it, from samples [T, M]; limits equal requests."""
    fields = {name: samples[:, smp.SAMPLE_FIELDS.index(name)] for name in smp.SAMPLE_FIELDS}
    fields["cpu_limit_m"] = fields["cpu_request_m"]
    fields["memory_limit_bytes"] = fields["memory_request_bytes"]
    frame = pd.DataFrame({column: fields[column] for column in COLUMNS})
    times = pd.date_range("2026-01-05", periods=len(frame), freq=f"{STEP_S}s", tz="UTC", unit="ms")
    frame.insert(0, "time", times)
    return frame


def case_of(workload: Workload, frame: pd.DataFrame, twin: Twin) -> Case:
    """All of the telemetry as training part: the fresh traces are what is held out."""
    observations = observations_of_telemetry(frame, workload)
    measured = MeasuredWorkload(
        workload, frame, frame[:0], observations, len(frame) // INTERVAL_STEPS
    )
    return Case(measured, twin, twin, "hidden workload")
