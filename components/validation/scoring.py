"""From episodes to validation.json: rows with intervals, the verdict, the gap that was closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.reward import EPISODE_FIELDS, INTERVAL_STEPS, STEP_HOURS
from components.cluster.rollout import Rollout
from components.policy.statistics import mean_interval
from components.validation.config import ValidationConfig
from components.validation.controllers import INCUMBENTS, TITLES, score
from components.validation.verdict import Criteria, Scores, gap_closed, judge_all

START = "hpa_default"


def workload_entry(played: Mapping[str, Rollout], config: ValidationConfig) -> dict[str, Any]:
    """One workload's rows, verdict and gap from its seeds x traces situations, as JSON values."""
    hardest, verdict = judge_all(
        _scores(played["policy"], config),
        {name: _scores(played[name], config) for name in INCUMBENTS},
        Criteria(
            config.violation_margin,
            config.kill_margin_per_h,
            config.cost_margin,
            config.confidence,
        ),
    )
    ours, start, bound = (
        score(played[name], config.violation_penalty) for name in ("policy", START, "foresight")
    )
    return {
        "rows": {name: rows(rollout.metrics, config.seeds) for name, rollout in played.items()},
        "verdict": {
            "accepted": verdict.accepted,
            "opponent": hardest,
            "reasons": [
                f"Against {TITLES[hardest]}: {verdict.reasons[0]}",
                *verdict.reasons[1:],
            ],
            "checks": [asdict(check) for check in verdict.checks],
        },
        "gap_closed": gap_closed(ours, start, bound),
    }


def rows(metrics: FloatArray, seeds: int) -> dict[str, dict[str, float]]:
    """{field: {mean, low, high}}: means over traces, intervals over seeds.

    metrics [seeds * R, E], seed by seed.
    """
    return interval_rows(metrics.reshape(seeds, -1, metrics.shape[1]).mean(axis=1))


def interval_rows(by_seed: FloatArray) -> dict[str, dict[str, float]]:
    """{field: {mean, low, high}} of each seed's means [seeds, E]."""
    return {
        field: asdict(mean_interval(by_seed[:, column]))
        for column, field in enumerate(EPISODE_FIELDS)
    }


def seed_means(played: Mapping[str, Rollout], workloads: int, seeds: int) -> dict[str, FloatArray]:
    """Each controller's means over workloads and traces, seed by seed, [seeds, E].

    The rollouts hold the situations of `workloads` workloads, one after the other.
    """
    means = {}
    for name, rollout in played.items():
        fields = rollout.metrics.shape[1]
        means[name] = rollout.metrics.reshape(workloads, seeds, -1, fields).mean(axis=(0, 2))
    return means


def _scores(rollout: Rollout, config: ValidationConfig) -> Scores:
    hours = config.decisions * INTERVAL_STEPS * STEP_HOURS
    return Scores(
        violation=rollout.metric("violation"),
        reward=rollout.metric("reward"),
        core_hours=rollout.metric("core_hours"),
        gib_hours=rollout.metric("gib_hours"),
        kills_per_h=rollout.metric("oom_kills") / hours,
    )


def parts(played: Mapping[str, Rollout], rows_of_one: slice) -> dict[str, Rollout]:
    """Each controller's rollout, cut down to some of the situations."""

    def cut(array: FloatArray | None) -> FloatArray | None:
        return None if array is None else array[rows_of_one]

    return {
        name: Rollout(rollout.metrics[rows_of_one], cut(rollout.samples), cut(rollout.allocations))
        for name, rollout in played.items()
    }


def joined(rollouts: list[Rollout]) -> Rollout:
    """Rollouts one after the other; only their metrics."""
    return Rollout(np.concatenate([rollout.metrics for rollout in rollouts]))
