"""The check on the project's own recordings: one service got a slower build, two did not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.cluster.twin_ensemble import fit_twin
from components.drift_check.check import check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.inputs import read_dataset
from components.drift_check.verdict import FINE_TUNE, Verdict, judge

APPLICATION = Path(__file__).parents[3] / "images" / "synthetic_app"
CONFIG = DriftConfig()


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    before = read_dataset(APPLICATION / "recordings")
    checked = {}
    for key, (workload, recent) in read_dataset(APPLICATION / "recordings-later").items():
        reference = before[key][1]
        twin = fit_twin(reference, reference, workload, np.random.default_rng(0), members=1)
        check = check_workload(reference, recent, workload, twin.members[0], CONFIG)
        checked[key] = check.checked
    return judge(checked, CONFIG)


def test_the_slower_build_and_only_it_has_drifted(verdicts: dict[str, Verdict]) -> None:
    drifted = [key for key, verdict in verdicts.items() if verdict.drifted]
    assert drifted == ["shop/checkout"]
    assert len(verdicts) > 1


def test_the_slower_build_is_found_by_its_cpu_and_by_how_much(
    verdicts: dict[str, Verdict],
) -> None:
    verdict = verdicts["shop/checkout"]
    assert verdict.recommendation == FINE_TUNE
    assert "dynamics" in verdict.alarms
    test = verdict.to_json()["tests"]["dynamics"]
    assert test["measure"] == "CPU per request"
    # 1.8 times the work, with HTTP's own share unchanged.
    assert 1.3 < test["size"] < 2.0


def test_a_rate_within_what_was_seen_is_no_drift(verdicts: dict[str, Verdict]) -> None:
    assert not any("input" in verdict.alarms for verdict in verdicts.values())
