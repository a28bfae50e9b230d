"""The stage: for each workload, search the rule on its twin from the meta-policy's proposal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.cluster.twin import from_json
from components.errors import UserError
from components.fine_tuning.adapt import Task, adapt
from components.fine_tuning.challenge import rules_in_force
from components.fine_tuning.config import FineTuningConfig
from components.fine_tuning.members import synthetic_applications
from components.fine_tuning.page import fine_tuning_html
from components.policy.measured import measured_workloads
from components.policy.network import MetaPolicy
from components.progress import Progress
from components.workload.shard import ALL, Shard
from components.workload.spec import load_workloads


@dataclass(frozen=True, slots=True)
class FineTuningSummary:
    """The adapted workloads' keys, the mean gain in score on the twins, CPU seconds of each."""

    workloads: tuple[str, ...]
    mean_gain: float
    cpu_seconds_per_workload: float


def run(
    config: FineTuningConfig,
    dataset: Path,
    embedding: Path,
    meta_policy: Path,
    output: Path,
    progress: Progress,
    only: Sequence[str] = (),
    shard: Shard = ALL,
    in_force: Path | None = None,
) -> FineTuningSummary:
    """Write adapted.json and fine_tuning.html, of all workloads or of those whose keys `only` has.

    The shard is of those among them that have a twin.

    Proposal, twin and traces come from the training part of the telemetry alone. With `in_force`,
    the drift check's output, this is a retraining: a rule in force is a
    rival in the search, and stays unless what was found is surely better (challenge.py).

    Raises UserError when an input is missing, damaged, or lacks a workload.
    """
    twins = read_json(embedding / "twins.json")
    chosen = measured_workloads(dataset, shard.of(_chosen(dataset, only, twins)))
    policy = MetaPolicy.load(meta_policy / "meta_policy.safetensors")
    proposed = np.concatenate([policy.propose(one.past) for one in chosen])
    population = synthetic_applications(np.random.default_rng(config.seed))
    defending = {} if in_force is None else rules_in_force(in_force)
    adapted = {}
    for row, one in enumerate(chosen):
        key = one.workload.key
        task = Task(one, from_json(twins[key]), proposed[row], defending.get(key))
        adapted[key] = adapt(config, task, population, _reporter(progress, row, len(chosen)))
    with finished_directory(output) as folder:
        write_json(folder / "adapted.json", adapted)
        write_text(folder / "fine_tuning.html", fine_tuning_html(adapted))
    gain = float(np.mean([one["score"] - one["proposed_score"] for one in adapted.values()]))
    cpu_s = float(np.mean([one["cpu_seconds"] for one in adapted.values()]))
    progress.update(1.0, 1.0, f"{len(chosen)} rules adapted, mean gain {gain:+.3f}")
    return FineTuningSummary(tuple(adapted), gain, cpu_s)


def _chosen(dataset: Path, only: Sequence[str], twins: Collection[str]) -> list[str]:
    """The keys of the workloads that are asked for and have a twin."""
    known = [workload.key for workload in load_workloads(dataset / "workloads.yaml")]
    for key in only:
        if key not in known:
            raise UserError(f"only names {key}, which the dataset lacks; it has {min(known)}, ...")
    asked = [key for key in known if not only or key in only]
    chosen = [key for key in asked if key in twins]
    if not chosen:
        keys = ", ".join(asked)
        raise UserError(f"no twin was fitted for {keys}; see the embedding's errors.json")
    return chosen


def _reporter(progress: Progress, row: int, workloads: int) -> Callable[[int, int], None]:
    def report(done: int, iterations: int) -> None:
        # The last word is said when the files are there.
        progress.update(
            row * iterations + done,
            workloads * iterations + 1,
            f"workload {row + 1} of {workloads}, search iteration {done} of {iterations}",
        )

    return report
