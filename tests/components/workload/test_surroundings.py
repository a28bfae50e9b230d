"""What the workloads file tells of a workload's surroundings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from components.cluster.parameters import PARAMETER_NAMES
from components.errors import UserError
from components.workload.spec import dump_workloads, load_workloads
from components.workload.surroundings import Surroundings

FILE = """\
workloads:
  - namespace: shop
    name: checkout
    kind: Deployment
    container: app
    slo: {latency_percentile: 0.95, latency_ms: 150}
    bounds: {replicas: {min: 1, max: 6}, cpu: {min: 50m, max: 600m}, memory: {min: 40Mi, max: 1Gi}}
    metrics: {source: istio}
"""
TOLD = """\
    surroundings: {drain_s: 30, node_cpu: 4, node_memory: 8Gi, retry_share: 0.5}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "workloads.yaml"
    path.write_text(text)
    return path


def test_what_is_told_is_read_with_its_units_and_written_again(tmp_path: Path) -> None:
    (workload,) = load_workloads(written(tmp_path, FILE + TOLD))
    expected = Surroundings(30.0, 4000, 8 * 2**30, 0.0, 0.5, retry_cap=0.2, retry_delay_s=1.0)
    assert workload.surroundings == expected
    assert load_workloads(written(tmp_path, dump_workloads([workload]))) == (workload,)


def test_nothing_told_is_neutral_and_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    (workload,) = load_workloads(written(tmp_path, FILE))
    assert workload.surroundings == Surroundings()
    assert workload.surroundings.told() == {}
    assert "surroundings" not in dump_workloads([workload])
    # Without retries their cap and delay mean nothing.
    told = TOLD.replace(", retry_share: 0.5", ", retry_delay_s: 5")
    (other,) = load_workloads(written(tmp_path, FILE + told))
    assert other.surroundings.retry_delay_s == 0.0


@pytest.mark.parametrize(
    "told", ["{drain_s: -1}", "{drain_s: 500}", "{retry_share: 2}", "{node_cpu: 0}", "{nodes: 3}"]
)
def test_what_can_not_be_meant_is_refused_with_its_line(tmp_path: Path, told: str) -> None:
    with pytest.raises(UserError, match="line 9"):
        load_workloads(written(tmp_path, f"{FILE}    surroundings: {told}\n"))


def test_each_name_is_one_of_the_simulator() -> None:
    all_told = replace(Surroundings(), **dict.fromkeys(Surroundings.__dataclass_fields__, 1.0))
    assert set(all_told.told()) <= set(PARAMETER_NAMES)
