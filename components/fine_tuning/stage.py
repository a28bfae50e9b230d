"""The stage: for each workload, search the rule on its twin from the meta-policy's proposal."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.twin import Twin, from_json
from components.errors import UserError
from components.fine_tuning.challenge import challenge, rules_in_force
from components.fine_tuning.config import FineTuningConfig
from components.fine_tuning.members import Applications, synthetic_applications
from components.fine_tuning.page import fine_tuning_html
from components.fine_tuning.variants import Variants, variants_of
from components.policy.measured import MeasuredWorkload, measured_workloads
from components.policy.network import MetaPolicy
from components.policy.prices import Prices
from components.policy.rule_parameters import RULE_NAMES, default_rule, from_unit, to_unit
from components.policy.search import SearchResult, search_rule
from components.policy.watched import watched
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
    the validation that the policies in force passed, this is a retraining: a rule in force is a
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
        task = _Task(one, from_json(twins[key]), proposed[row], defending.get(key))
        adapted[key] = _entry(config, task, population, _reporter(progress, row, len(chosen)))
    with finished_directory(output) as folder:
        write_json(folder / "adapted.json", adapted)
        write_text(folder / "fine_tuning.html", fine_tuning_html(adapted))
    gain = float(np.mean([one["score"] - one["proposed_score"] for one in adapted.values()]))
    cpu_s = float(np.mean([one["cpu_seconds"] for one in adapted.values()]))
    progress.update(1.0, 1.0, f"{len(chosen)} rules adapted, mean gain {gain:+.3f}")
    return FineTuningSummary(tuple(adapted), gain, cpu_s)


def prices_of(config: FineTuningConfig) -> Prices:
    """What violations and OOM kills cost in the search."""
    return Prices(config.violation_penalty, config.oom_penalty, config.violation_budget)


def rivals_of(workloads: int) -> FloatArray:
    """What competes with every proposal, in the unit box [workloads, R, K]: the default rule."""
    return np.tile(to_unit(default_rule()), (workloads, 1, 1))


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


@dataclass(frozen=True, slots=True)
class _Task:
    """A workload, its twin, the proposal [K] in the unit box, and the rule in force [K] if any."""

    measured: MeasuredWorkload
    twin: Twin
    proposed: FloatArray
    in_force: FloatArray | None


def _entry(
    config: FineTuningConfig,
    task: _Task,
    population: Applications,
    report: Callable[[int, int], None],
) -> dict[str, Any]:
    """What adapted.json says of a workload: the same whichever others are adapted beside it."""
    started = time.process_time()
    seed = [config.seed, *task.measured.workload.key.encode()]
    worlds_rng, search_rng, challenge_rng = np.random.default_rng(seed).spawn(3)
    variants = variants_of(task.measured, task.twin, config, population, worlds_rng)
    result = _search(config, task, variants, search_rng, report)
    rule, score, said = result.rule[0], float(result.score[0]), {}
    if task.in_force is not None:
        prices = replace(prices_of(config), violation=float(result.violation_price[0]))
        services = variants.parameters
        outcome = challenge(
            config, task.measured, services, task.in_force, rule, prices, challenge_rng
        )
        said = {"in_force": outcome.to_json()}
        if outcome.kept:
            rule, score = outcome.rule, score - outcome.advantage.mean
    cpu_s = time.process_time() - started
    return said | {
        "rule": dict(zip(RULE_NAMES, rule.tolist(), strict=True)),
        "proposed": dict(zip(RULE_NAMES, from_unit(task.proposed).tolist(), strict=True)),
        "curve": result.curve[0].tolist(),
        "score": score,
        "proposed_score": float(result.start_score[0]),
        "violation": float(result.violation[0]),
        "oom_kills_per_h": float(result.kills_per_h[0]),
        "violation_price": float(result.violation_price[0]),
        "cpu_seconds": cpu_s,
    }


def _search(
    config: FineTuningConfig,
    task: _Task,
    variants: Variants,
    rng: np.random.Generator,
    report: Callable[[int, int], None],
) -> SearchResult:
    """A search of one workload alone: a batch is no faster, and chance would tie them together."""
    one, rivals = task.measured, rivals_of(1)
    if task.in_force is not None:
        rivals = np.concatenate([rivals, to_unit(task.in_force)[None, None]], axis=1)
    return search_rule(
        parameters=variants.parameters[None],
        limits=limits_of([one.workload]),
        rates=variants.rates_per_s[None],
        initial_allocation=one.usual_allocation[None],
        start_unit=task.proposed[None],
        start_deviation=config.start_deviation,
        rng=rng,
        iterations=config.iterations,
        candidates=config.candidates,
        traces=config.traces,
        prices=prices_of(config),
        pasts=watched([one]),
        rivals=rivals,
        held_back=config.held_back,
        caution=config.caution,
        on_iteration=report,
    )
