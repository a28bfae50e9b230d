"""What users complain of in other autoscalers, by number: those that the recommender answers.

The numbers are those of the list of complaints; the actuator's are tested beside it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cluster import sample as smp
from components.cluster.observation import OBSERVATION_MEMORY_COUNT, observe_one
from components.kubernetes_api.client import Json
from components.kubernetes_api.conditions import FALSE
from components.metrics.grid import Grid
from components.metrics.series import Series
from components.recommender.action_budget import BudgetSettings
from components.recommender.settings import RecommenderSettings
from components.recommender.telemetry_batch import batch_of
from components.recommender.telemetry_prometheus import PrometheusSource
from components.recommender.telemetry_source import recent_of
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from tests.components.recommender.recommending import (
    LOAD,
    MI,
    START_S,
    World,
    frame_of,
    mpa_path,
    world,
)

NAN = float("nan")
KEY = "shop/checkout"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"


def shop(container: str = "app") -> Workload:
    bounds = Bounds(1, 6, 50, 1000, 1, 2)
    return Workload(
        "shop",
        "checkout",
        "Deployment",
        container,
        Slo(0.95, 100.0),
        bounds,
        MetricSource("promql"),
    )


@pytest.mark.parametrize(
    ("plural", "kind", "reference"),
    [
        ("autoscaling/v2/namespaces/shop/horizontalpodautoscalers", "HPA", "scaleTargetRef"),
        ("autoscaling.k8s.io/v1/namespaces/shop/verticalpodautoscalers", "VPA", "targetRef"),
        ("keda.sh/v1alpha1/namespaces/shop/scaledobjects", "KEDA", "scaleTargetRef"),
    ],
)
def test_complaint_01_two_controllers_never_fight_over_one_workload(
    tmp_path: Path, plural: str, kind: str, reference: str
) -> None:
    made = world(tmp_path)
    made.recommender.capabilities = type(made.recommender.capabilities)(
        True,
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers",
        "/apis/keda.sh/v1alpha1/scaledobjects",
        "policy/v1",
    )
    made.api.objects[f"/apis/{plural}/old"] = {
        "metadata": {"namespace": "shop", "name": "old"},
        "spec": {reference: {"kind": "Deployment", "name": "checkout"}},
    }
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0}

    made.ticks(3)

    assert made.sizes() == (2, 200, 64 * MI), kind
    assert "shop/old also scales this workload" in made.told("RecommendationProvided").message


def test_complaint_02_a_kill_raises_memory_though_the_container_was_never_measured(
    tmp_path: Path,
) -> None:
    made = at_memory(tmp_path, 400)
    crash_loop = LOAD | {
        "memory_working_set_bytes": NAN,
        "memory_request_bytes": 400.0 * MI,
        "oom_kills": 1.0,
    }
    made.telemetry.rows[KEY] = crash_loop
    made.ticks(1)
    assert made.sizes()[2] >= 400 * MI
    made.telemetry.rows[KEY] = LOAD | {"memory_request_bytes": 400.0 * MI}

    made.ticks(13 * 22, apply=True, every_s=170.0)

    # 400 Mi were too little: at least 100 Mi and 20 % more, with the margin.
    assert made.sizes()[2] >= 500 * MI


def test_complaint_02_a_kill_is_counted_once_however_often_it_is_read(tmp_path: Path) -> None:
    made = at_memory(tmp_path, 400)
    frame = frame_of(LOAD | {"memory_request_bytes": 400.0 * MI}, START_S)
    frame.loc[frame.index[4], "oom_kills"] = 1.0
    frame.loc[frame.index[5:], "oom_kills"] = np.nan

    batch = batch_of(recent_of({KEY: frame}, [shop()]), np.array([[2.0, 200.0, 400.0 * MI]]))

    assert batch.samples[0, :, smp.OOM_KILLS].sum() == 1.0
    made.telemetry.frames = {KEY: frame}
    made.ticks(1)
    first = made.recommender.controllers.remembered(KEY)
    made.ticks(1)
    again = made.recommender.controllers.remembered(KEY)
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.history, again.history)


def test_complaint_02_feedback_of_a_kill_stays_under_the_cap_and_says_so(tmp_path: Path) -> None:
    made = at_memory(tmp_path, 1000)
    made.telemetry.rows[KEY] = LOAD | {
        "memory_working_set_bytes": 900.0 * MI,
        "memory_request_bytes": 1000.0 * MI,
        "oom_kills": 1.0,
    }

    made.ticks(5, apply=True)

    assert made.sizes()[2] == 1024 * MI


@pytest.mark.parametrize(
    ("spot", "value"),
    [
        ("env", [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xms64m -Xmx300m -Xss1m"}]),
        ("args", ["-Xmx900m", "-Xmx300m", "-jar", "app.jar"]),
        ("command", ["java", "-Xmx307200k"]),
    ],
)
def test_complaint_03_memory_never_shrinks_below_the_heap_of_a_jvm(
    tmp_path: Path, spot: str, value: list[object]
) -> None:
    made = at_memory(tmp_path, 600)
    made.api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0][spot] = value
    made.api.objects[mpa_path("checkout")]["metadata"]["annotations"] = {
        "aware.autoscaling/incumbent": '{"memory_floor_bytes": 1.0}'
    }

    made.ticks(13 * 22, apply=True, every_s=170.0)

    # A change of less than 5 % isn't made.
    assert 300 * MI <= made.sizes()[2] < 1.05 * 300 * MI


def test_complaint_03_a_heap_that_the_maximum_does_not_hold_is_refused_in_words(
    tmp_path: Path,
) -> None:
    made = world(tmp_path, annotations={"aware.autoscaling/heap": "2Gi"})

    made.ticks(1)

    told = made.told("RecommendationProvided")
    assert told.status == FALSE
    assert "the heap of 2048Mi is above the most memory allowed, 1024Mi" in told.message


@settings(deadline=None, max_examples=40)
@given(
    st.floats(0, 4000),
    st.floats(1, 2000),
    st.floats(0, 3),
    st.sampled_from((0.0, 1.0)),
)
def test_complaint_04_lower_target_and_upper_are_in_order(
    cpu_usage_m: float, working_set_mi: float, throttled: float, kills: float
) -> None:
    made = in_memory_world()
    made.telemetry.rows[KEY] = LOAD | {
        "cpu_usage_m": cpu_usage_m,
        "memory_working_set_bytes": working_set_mi * MI,
        "cpu_throttled_ratio": throttled,
        "oom_kills": kills,
    }

    made.ticks(2, apply=True)

    (one,) = made.mpa().recommendations
    for low, target, high in (
        (one.lower.cpu_m, one.target.cpu_m, one.upper.cpu_m),
        (one.lower.memory_bytes, one.target.memory_bytes, one.upper.memory_bytes),
    ):
        assert low is not None
        assert target is not None
        assert high is not None
        assert low <= target <= high


def test_complaint_05_one_fault_that_hits_all_shrinks_few_at_once(tmp_path: Path) -> None:
    names = [f"w{index}" for index in range(20)]
    made = world(tmp_path, names, RecommenderSettings(budget=BudgetSettings(shrinks=0.1)))
    made.telemetry.rows = {f"shop/{name}": LOAD | {"cpu_usage_m": 20.0} for name in names}
    shrunk = []
    for _ in range(9):
        before = {name: made.mpa(name).desired_replicas or 2 for name in names}
        made.ticks(1, apply=True)
        shrunk.append(sum((made.mpa(name).desired_replicas or 2) < before[name] for name in names))

    assert max(shrunk) == 2


def test_complaint_09_throttling_is_in_what_a_policy_sees() -> None:
    observations = []
    for ratio in (0.0, 0.4):
        frame = frame_of(LOAD | {"cpu_throttled_ratio": ratio}, START_S)
        batch = batch_of(recent_of({KEY: frame}, [shop()]), np.array([[2.0, 200.0, 64.0 * MI]]))
        assert batch.samples[0, -1, smp.CPU_THROTTLED_RATIO] == ratio
        seen = np.zeros(64)
        observe_one(
            batch.samples[0, -4:],
            np.zeros(OBSERVATION_MEMORY_COUNT),
            np.array([100.0, 0.95, 1, 6, 50, 1000, 32.0 * MI, 1024.0 * MI]),
            0.0,
            seen,
        )
        observations.append(seen)
    assert (observations[0] != observations[1]).any()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("cpu_usage_m", "no CPU use was measured"),
        ("memory_working_set_bytes", "no memory working set was measured"),
        ("replicas_ready", "no ready replicas was measured"),
    ],
)
def test_complaint_10_a_series_under_another_name_is_named_and_nothing_shrinks(
    tmp_path: Path, column: str, words: str
) -> None:
    made = world(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {column: NAN}

    made.ticks(12, apply=True)

    told = made.told("RecommendationProvided")
    assert told.reason == "HeldLastGood"
    assert words in told.message
    assert "aware preflight" in told.message
    assert made.sizes() == (2, 200, 64 * MI)


def test_complaint_11_which_bound_binds_is_said_the_vpa_s_own_minimum_too(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 20.0}
    made.ticks(1)
    assert "the VPA's minimum of 250 MiB binds" in made.told("RecommendationProvided").message
    container = made.api.objects[mpa_path("checkout")]["spec"]["constraints"]["container"][0]
    container["requests"]["maxAllowed"]["memory"] = "200Mi"
    container["requests"]["minAllowed"]["cpu"] = "300m"

    made.ticks(1)

    message = made.told("RecommendationProvided").message
    assert "cpu 200 was proposed, the minimum allowed is 300" in message


def test_complaint_12_neither_start_up_cpu_nor_a_rollout_scales(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.api.objects[DEPLOYMENT]["spec"]["replicas"] = 5
    # Two of five are ready and burn what a start burns: that asks for no sixth.
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0, "replicas_wanted": 5.0}
    made.ticks(1)
    assert made.sizes()[0] == 5
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 2000.0, "replicas_wanted": 5.0}
    made.api.objects[DEPLOYMENT]["status"] |= {"replicas": 6, "updatedReplicas": 1}
    before = (5, 200, 64 * MI)

    made.ticks(5)

    assert made.sizes() == before
    assert "being rolled out" in made.told("RecommendationProvided").message


def test_complaint_13_lost_metrics_hold_the_last_good_and_never_shrink(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0}
    made.ticks(3, apply=True)
    before = made.sizes()
    made.telemetry.frames = {}

    made.ticks(30, apply=True)

    assert made.sizes() == before
    assert made.told("RecommendationProvided").reason == "HeldLastGood"


class WithSidecar:
    """A Prometheus that has the same series of a sidecar too."""

    def over(self, query: str, page: Grid) -> list[Series]:
        """As a client."""
        values = {"app": 0.25, "proxy": 4.0}
        if "container_cpu_usage_seconds_total" not in query:
            return []
        labels = {"namespace": "shop", "pod": "checkout-5d4f8c7b9-abcde"}
        return [
            Series(labels | {"container": name}, page.times_ms, np.full(page.steps, cores))
            for name, cores in values.items()
        ]

    def at(self, query: str, time_ms: int) -> list[Series]:
        """As a client."""
        raise AssertionError(f"{query} at {time_ms}")


def test_complaint_14_a_sidecar_without_requests_neither_counts_nor_stops(tmp_path: Path) -> None:
    recent = PrometheusSource(WithSidecar()).recent([shop()], START_S)
    assert recent.values[0, -1, smp.CPU_USAGE_M] == 250.0
    made = world(tmp_path)
    containers: list[Json] = made.api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "proxy"})
    made.telemetry.rows[KEY] = LOAD | {"cpu_usage_m": 600.0}

    made.ticks(1)

    assert made.sizes()[0] == 5
    assert [one.container for one in made.mpa().recommendations] == ["app"]


def at_memory(folder: Path, memory_mi: int) -> World:
    """The world with containers of so much memory."""
    made = world(folder)
    (container,) = made.api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"]["memory"] = f"{memory_mi}Mi"
    return made


def in_memory_world() -> World:
    """A world that writes nothing into a folder."""
    return world(Path("unused"))
