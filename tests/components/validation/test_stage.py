from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.artifacts.files import read_json, write_bytes
from components.cluster.reward import EPISODE_FIELDS
from components.errors import UserError
from components.progress import Progress
from components.validation.config import quick_config
from components.validation.stage import run
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import (
    read_telemetry,
    split,
    telemetry_bytes,
    telemetry_file,
)
from tests.components.validation.stage_inputs import (
    verdicts,
    write_policies,
    write_stage_outputs,
)
from tests.telemetry_folders import KEYS

QUICK = quick_config(3)
CONTROLLERS = {"hpa_default", "hpa", "hpa_vpa", "zero_shot", "policy", "foresight"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    write_stage_outputs(root)
    return root


@pytest.fixture(scope="module")
def finished(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run's output, for tests that only look at it."""
    output = tmp_path_factory.mktemp("finished") / "out"
    validate({path.name: path for path in template.iterdir()}, output)
    return output


@pytest.fixture
def inputs(template: Path, tmp_path: Path) -> dict[str, Path]:
    shutil.copytree(template, tmp_path / "in")
    return {path.name: path for path in (tmp_path / "in").iterdir()}


def validate(inputs: dict[str, Path], output: Path) -> dict[str, Any]:
    run(QUICK, **inputs, output=output, progress=Progress("validation"))
    report: dict[str, Any] = read_json(output / "validation.json")
    return report


def change_held_out(workload: Workload, dataset: Path, column: str, factor: float) -> None:
    path = telemetry_file(dataset, workload)
    frame = read_telemetry(path)
    first = len(split(frame)[0])
    frame.loc[first:, column] *= factor
    write_bytes(path, telemetry_bytes(frame))


def test_every_controller_has_every_figure_with_an_interval(finished: Path) -> None:
    report = read_json(finished / "validation.json")

    assert set(report["workloads"]) == set(KEYS)
    for rows in [report["summary"], *(entry["rows"] for entry in report["workloads"].values())]:
        assert set(rows) == CONTROLLERS
        for fields in rows.values():
            assert set(fields) == set(EPISODE_FIELDS)
            for interval in fields.values():
                assert interval["low"] <= interval["mean"] <= interval["high"]
                assert all(math.isfinite(value) for value in interval.values())
    for entry in report["workloads"].values():
        assert len(entry["verdict"]["reasons"]) == 5
        assert entry["judged_on"] == "held-out part's twin"


def test_the_summary_is_the_mean_over_the_workloads(finished: Path) -> None:
    report = read_json(finished / "validation.json")

    for name in CONTROLLERS:
        each = [entry["rows"][name]["reward"]["mean"] for entry in report["workloads"].values()]
        assert report["summary"][name]["reward"]["mean"] == pytest.approx(sum(each) / len(each))


def test_no_rule_beats_perfect_foresight(finished: Path) -> None:
    report = read_json(finished / "validation.json")

    def score(fields: dict[str, dict[str, float]]) -> float:
        return fields["reward"]["mean"] - QUICK.violation_penalty * fields["violation"]["mean"]

    for entry in report["workloads"].values():
        rows = entry["rows"]
        assert score(rows["foresight"]) >= score(rows["policy"])
        assert score(rows["foresight"]) >= score(rows["zero_shot"])
        assert entry["gap_closed"] is None or entry["gap_closed"] <= 1.0


def test_the_same_inputs_give_the_same_files_over_old_ones(
    inputs: dict[str, Path], finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("of an earlier run")
    validate(inputs, tmp_path / "out")

    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["seed_means.json", "traces.json", "validation.html", "validation.json"]
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (finished / name).read_bytes()


def test_a_workload_s_verdict_does_not_depend_on_its_neighbours(
    inputs: dict[str, Path], finished: Path, tmp_path: Path
) -> None:
    together = read_json(finished / "validation.json")
    write_policies(inputs, {KEYS[1]: {}})
    alone = validate(inputs, tmp_path / "out")

    assert list(alone["workloads"]) == [KEYS[1]]
    assert alone["workloads"][KEYS[1]] == together["workloads"][KEYS[1]]


@pytest.mark.parametrize(
    ("bad", "harmed"),
    [
        ({"target_utilisation": 0.95, "slack_gain": 0.0, "peak_weight": 0.0, "cpu_band": 0.0,
         "reference_cpu_share": 0.0, "saturation_boost": 1.0, "scale_up_tolerance": 0.6}, KEYS),
        # A request of shop/payment holds half a MiB: hardly any memory is enough for it.
        ({"memory_margin": 0.01, "memory_variability_weight": 0.0, "memory_half_life_min": 1.0,
         "memory_dead_band": 0.01, "oom_bump": 1.1}, KEYS[:2]),
    ],
    ids=["starves CPU", "shrinks memory"],
)  # fmt: skip
def test_a_policy_that_is_bad_on_purpose_is_refused(
    inputs: dict[str, Path], tmp_path: Path, bad: dict[str, float], harmed: tuple[str, ...]
) -> None:
    write_policies(inputs, dict.fromkeys(harmed, bad))
    validate(inputs, tmp_path / "out")

    assert verdicts(tmp_path / "out") == dict.fromkeys(harmed, False)


def test_the_rule_that_was_judged_is_told_for_a_retraining(finished: Path, template: Path) -> None:
    judged = read_json(finished / "validation.json")["workloads"]
    policies = read_json(template / "adapted" / "adapted.json")
    assert {key: entry["rule"] for key, entry in judged.items()} == {
        key: pytest.approx(policies[key]["rule"]) for key in KEYS
    }


def test_what_incumbents_are_tuned_on_is_not_what_they_are_judged_on(
    inputs: dict[str, Path], finished: Path, tmp_path: Path
) -> None:
    before = read_json(finished / "validation.json")["workloads"][KEYS[0]]
    workload = load_workloads(inputs["dataset"] / "workloads.yaml")[0]
    change_held_out(workload, inputs["dataset"], "request_rate_per_s", 1.5)
    change_held_out(workload, inputs["dataset"], "cpu_usage_m", 1.5)
    after = validate(inputs, tmp_path / "out")["workloads"][KEYS[0]]

    assert workload.key == KEYS[0]
    assert after["incumbent"] == before["incumbent"]
    assert after["rows"]["hpa_vpa"] != before["rows"]["hpa_vpa"]


def test_a_held_out_part_too_short_for_a_twin_is_judged_on_the_other_and_says_so(
    tmp_path: Path,
) -> None:
    inputs = write_stage_outputs(tmp_path / "in", steps=60)
    path = telemetry_file(
        inputs["dataset"], load_workloads(inputs["dataset"] / "workloads.yaml")[0]
    )
    frame = read_telemetry(path)
    frame.loc[50:, "cpu_usage_m"] = float("nan")
    write_bytes(path, telemetry_bytes(frame))
    report = validate(inputs, tmp_path / "out")

    assert report["workloads"][KEYS[0]]["judged_on"] == "training part's twin"


def test_traces_hold_one_course_of_each_controller(finished: Path, template: Path) -> None:
    traces = json.loads((finished / "traces.json").read_text())
    workload = load_workloads(template / "dataset" / "workloads.yaml")[0]
    held_out = split(read_telemetry(telemetry_file(template / "dataset", workload)))[1]
    steps = 4 * QUICK.decisions

    trace = traces[workload.key]
    measured = held_out["request_rate_per_s"].to_numpy()
    longest = [
        shift
        for shift in range(len(measured) - steps + 1)
        if trace["rate"] == pytest.approx(measured[shift : shift + steps], rel=1e-3)
    ]
    assert len(longest) == 1
    assert trace["time_s"] == [15 * step for step in range(steps)]
    assert trace["slo_latency_ms"] == workload.slo.latency_ms
    assert set(trace["controllers"]) == CONTROLLERS
    for course in trace["controllers"].values():
        assert {name: len(values) for name, values in course.items()} == dict.fromkeys(
            ("replicas", "cpu_m", "memory_bytes", "latency_ms"), steps
        )
        assert min(course["replicas"]) >= workload.bounds.replicas_min
        assert max(course["cpu_m"]) <= workload.bounds.cpu_max_m


def test_the_page_shows_each_workload(finished: Path) -> None:
    page = (finished / "validation.html").read_text()

    assert page.count("<img ") == len(KEYS)
    for key in KEYS:
        assert f"<h2>{key}</h2>" in page
    assert "under the incumbent" in page
    # The policy's every parameter, beside what the incumbent has in its place.
    assert page.count("The incumbent: HPA at") == len(KEYS)
    assert page.count("target utilisation</td>") == len(KEYS)
    assert "nan" not in page.split("base64")[0]


@pytest.mark.parametrize("how", ["truncated", "deleted"])
@pytest.mark.parametrize(
    "damaged",
    [
        "adapted/adapted.json",
        "embedding/twins.json",
        "meta_policy/meta_policy.safetensors",
        "dataset/workloads.yaml",
        "dataset/shop/payment.parquet",
    ],
)
def test_a_damaged_input_is_named_and_nothing_is_left(
    inputs: dict[str, Path], tmp_path: Path, damaged: str, how: str
) -> None:
    path = tmp_path / "in" / damaged
    if how == "deleted":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(UserError, match=path.name.replace(".", r"\.")):
        validate(inputs, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shop/unknown": {}}, "has shop/unknown, which the dataset lacks"),
        ({}, "has no workload"),
    ],
)
def test_policies_that_do_not_fit_the_dataset_are_refused(
    inputs: dict[str, Path], tmp_path: Path, changes: dict[str, dict[str, float]], message: str
) -> None:
    write_policies(inputs, changes)

    with pytest.raises(UserError, match=message):
        validate(inputs, tmp_path / "out")
