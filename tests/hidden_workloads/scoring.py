"""A controller's figures in a hidden world, and the table of many controllers."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.reward import EPISODE_FIELDS, STEP_HOURS
from components.cluster.rollout import Rollout
from components.policy.statistics import mean_interval
from components.validation.verdict import GIB_PER_CORE
from tests.hidden_workloads.world import HiddenWorld

Figures = dict[str, FloatArray]
# Of each controller the figures of each seed's workloads.
Table = dict[str, list[Figures]]

SHOWN = (
    ("reward", "reward"),
    ("violation", "violations"),
    ("violation_5_percent", "by over 5 %"),
    ("cpu_utilisation", "CPU used"),
    ("memory_utilisation", "memory used"),
    ("cost", "cores"),
    ("actions_per_hour", "actions/h"),
    ("oom_kills", "OOM kills/h"),
)


def figures_of(rolled: Rollout, world: HiddenWorld) -> Figures:
    """Figures [W] of a controller: means over a workload's traces."""
    hours = world.rates.shape[1] * STEP_HOURS
    named = {name: rolled.metric(name) for name in EPISODE_FIELDS}
    named["cost"] = (named["core_hours"] + named["gib_hours"] / GIB_PER_CORE) / hours
    named["oom_kills"] = named["oom_kills"] / hours
    workloads = len(world.cases)
    return {name: value.reshape(workloads, -1).mean(axis=1) for name, value in named.items()}


def pooled(seeds: list[Figures], field: str = "reward") -> FloatArray:
    """A figure of all workloads of all seeds."""
    return np.concatenate([one[field] for one in seeds])


def over_seeds(seeds: list[Figures], field: str) -> tuple[float, float]:
    """(mean, half of its 95 % interval) of the seeds' means: Student's."""
    found = mean_interval(np.array([one[field].mean() for one in seeds]))
    return found.mean, found.high - found.mean


def worst_decile(seeds: list[Figures]) -> float:
    """Mean reward of the tenth of the workloads with the lowest."""
    worst = np.sort(pooled(seeds))
    return float(worst[: max(1, len(worst) // 10)].mean())


def print_table(table: Table) -> None:
    """A row a controller: mean and half interval over seeds; the worst decile of all workloads."""
    print(f"{'':44s}" + "".join(f"{heading:>18s}" for _, heading in SHOWN) + "  worst decile")
    for name, seeds in table.items():
        cells = ""
        for field, _ in SHOWN:
            mean, half = over_seeds(seeds, field)
            cells += f"{mean:10.3f} ±{half:6.3f}"
        print(f"{name:44s}{cells}{worst_decile(seeds):14.3f}")
