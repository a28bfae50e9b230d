"""A run's facts as the page's documents."""

import dataclasses
import json

import pytest

from components.page.costs import Prices
from components.page.documents import LIST_PATH
from pipelines.facts import Facts
from pipelines.page_of_run import documents
from tests.pipelines.test_explanation import EMPTY, KEY, learned

CONTROLLER = {
    "replicas": [1.0, 2.0],
    "cpu_m": [100.0, 120.0],
    "memory_bytes": [1048576.0, 2097152.0],
    "latency_ms": [10.0, None],
}


def facts(accepted=True):
    part = learned(accepted)
    entry = part.validation["workloads"][KEY]
    entry["rows"]["hpa_default"] = entry["rows"]["hpa"]
    entry["verdict"]["checks"] = [
        {"name": name, "passed": True, "bound": 0.01, "limit": 0.0}
        for name in ("violation", "reward", "cost", "oom_kills")
    ]
    trace = {
        "time_s": [0, 15],
        "rate": [3.0, None],
        "slo_latency_ms": 150.0,
        "controllers": {
            "policy": CONTROLLER,
            "hpa": {**CONTROLLER, "replicas": [1.0, 1.0]},
        },
    }
    state = {"state": "SHADOW", "reasons": ["why"]}
    part = dataclasses.replace(part, traces={KEY: trace}, rollout={KEY: state})
    return Facts({}, part, {}, b"", EMPTY)


def answered(path, accepted=True):
    found = documents(facts(accepted), "a run", "now", Prices(1.0, 0.0))(path)
    return None if found is None else json.loads(found)


def test_a_row_holds_phase_sizes_promise_and_reason():
    (row,) = answered(LIST_PATH)["workloads"]
    assert (row["workload"], row["phase"], row["drift"]) == (KEY, "SHADOW", "untested")
    assert row["current"] == {"replicas": 1.0, "cpu_m": 120.0, "memory_bytes": 2097152.0}
    assert row["recommended"]["replicas"] == 2.0
    assert row["promised"] == pytest.approx(0.5)
    assert "reward better" in row["reason"]
    assert row["saved_per_month"] == 0.0


def test_a_detail_has_charts_in_their_units_and_the_slo_as_a_limit():
    charts = {chart["title"]: chart for chart in answered(f"/workloads/{KEY}.json")["charts"]}
    assert charts["Memory a replica"]["lines"]["policy"] == [1.0, 2.0]
    latency = charts["Latency at the SLO's percentile"]
    assert latency["limit"] == 150.0
    assert latency["lines"]["HPA, tuned"] == [10.0, None]


def test_pausing_and_stopping_are_commands_to_copy():
    commands = dict(answered(f"/workloads/{KEY}.json")["commands"])
    assert commands["Pause"] == "kubectl -n shop annotate mpa checkout aware.autoscaling/pause=true"
    assert commands["Stop for good"] == "kubectl -n shop delete mpa checkout"


def test_an_unknown_path_has_no_document():
    assert answered("/workloads/shop/none.json") is None
    assert answered("/secrets") is None
