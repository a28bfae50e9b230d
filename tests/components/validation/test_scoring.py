from __future__ import annotations

import numpy as np
import pytest

from components.cluster.reward import EPISODE_COUNT, EPISODE_FIELDS, REWARD, VIOLATION
from components.cluster.rollout import Rollout
from components.validation.config import ValidationConfig
from components.validation.controllers import TITLES
from components.validation.scoring import interval_rows, rows, seed_means, workload_entry

CONFIG = ValidationConfig(seeds=2, traces=2)


def rollout(rewards: list[float], violations: list[float] | None = None) -> Rollout:
    metrics = np.ones((len(rewards), EPISODE_COUNT))
    metrics[:, REWARD] = rewards
    metrics[:, VIOLATION] = violations or [0.0] * len(rewards)
    return Rollout(metrics)


def test_a_row_by_hand() -> None:
    """Seeds' means .2 and .4: mean .3, s / sqrt(2) = .1, t.975(1) = 12.7062."""
    row = rows(rollout([0.1, 0.3, 0.4, 0.4]).metrics, seeds=2)

    assert list(row) == list(EPISODE_FIELDS)
    assert row["reward"]["mean"] == pytest.approx(0.3)
    assert row["reward"]["low"] == pytest.approx(0.3 - 1.27062, abs=1e-5)
    assert row["reward"]["high"] == pytest.approx(0.3 + 1.27062, abs=1e-5)
    assert row["core_hours"] == {"mean": 1.0, "low": 1.0, "high": 1.0}


def test_the_summary_takes_each_seed_over_all_workloads() -> None:
    """Workload 1 has seeds .1 and .2, workload 2 has .5 and .8: seeds .3 and .5."""
    played = {"policy": rollout([0.0, 0.2, 0.1, 0.3, 0.5, 0.5, 0.7, 0.9])}
    means = seed_means(played, workloads=2, seeds=2)
    summary = interval_rows(means["policy"])

    assert summary["reward"]["mean"] == pytest.approx(0.4)
    assert summary["reward"]["high"] == pytest.approx(0.4 + 1.27062, abs=1e-5)


def test_an_entry_says_who_the_hardest_opponent_was_and_how_much_of_the_gap_is_closed() -> None:
    """Scores are reward - .4 * violation: start .5, bound .9, policy .8: three quarters."""
    played = {
        "hpa_default": rollout([0.54] * 4, [0.1] * 4),
        "hpa": rollout([0.7] * 4),
        "hpa_vpa": rollout([0.75] * 4),
        "zero_shot": rollout([0.75] * 4),
        "policy": rollout([0.8] * 4),
        "foresight": rollout([0.9] * 4),
    }
    entry = workload_entry(played, CONFIG)

    assert entry["verdict"]["accepted"]
    assert entry["verdict"]["opponent"] == "hpa_vpa"
    assert entry["verdict"]["reasons"][0].startswith(f"Against {TITLES['hpa_vpa']}: SLO violations")
    assert entry["gap_closed"] == pytest.approx(0.75)
    assert entry["rows"].keys() == played.keys() == TITLES.keys()
