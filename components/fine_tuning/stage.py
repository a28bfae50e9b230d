"""The stage: for each workload, search the rule on its twin from the meta-policy's proposal."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.twin import from_json
from components.errors import UserError
from components.fine_tuning.config import FineTuningConfig
from components.fine_tuning.members import synthetic_applications
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
) -> FineTuningSummary:
    """Write adapted.json and fine_tuning.html, of all workloads or of those whose keys `only` has.

    The shard is of those among them that have a twin.

    Proposal, twin and traces come from the training part of the telemetry alone.

    Raises UserError when an input is missing, damaged, or lacks a workload.
    """
    twins = read_json(embedding / "twins.json")
    chosen = measured_workloads(dataset, shard.of(_chosen(dataset, only, twins)))
    policy = MetaPolicy.load(meta_policy / "meta_policy.safetensors")
    proposed = np.concatenate([policy.propose(one.past) for one in chosen])
    started = time.process_time()
    variants = _variants(config, chosen, twins)
    fitting_s = time.process_time() - started
    result = _search(config, chosen, variants, proposed, progress)
    cpu_s = (fitting_s + result.cpu_seconds) / len(chosen)
    adapted = _entries(chosen, proposed, result, cpu_s)
    with finished_directory(output) as folder:
        write_json(folder / "adapted.json", adapted)
        write_text(folder / "fine_tuning.html", fine_tuning_html(adapted))
    gain = float((result.score - result.start_score).mean())
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


def _variants(
    config: FineTuningConfig, chosen: Sequence[MeasuredWorkload], twins: Mapping[str, Any]
) -> list[Variants]:
    population = synthetic_applications(np.random.default_rng(config.seed))
    variants = []
    for one in chosen:
        key = one.workload.key
        # A workload's worlds are the same whichever others are adapted beside it.
        rng = np.random.default_rng([config.seed, *key.encode()])
        variants.append(variants_of(one, from_json(twins[key]), config, population, rng))
    return variants


def _search(
    config: FineTuningConfig,
    chosen: Sequence[MeasuredWorkload],
    variants: Sequence[Variants],
    proposed: FloatArray,
    progress: Progress,
) -> SearchResult:
    def report(done: int, total: int) -> None:
        # The last word is said when the files are there.
        progress.update(done, total + 1, f"search iteration {done} of {total}")

    return search_rule(
        parameters=np.stack([one.parameters for one in variants]),
        limits=limits_of([one.workload for one in chosen]),
        rates=np.stack([one.rates_per_s for one in variants]),
        initial_allocation=np.stack([one.usual_allocation for one in chosen]),
        start_unit=proposed,
        start_deviation=config.start_deviation,
        rng=np.random.default_rng(config.seed),
        iterations=config.iterations,
        candidates=config.candidates,
        traces=config.traces,
        prices=prices_of(config),
        pasts=watched(chosen),
        rivals=rivals_of(len(chosen)),
        held_back=config.held_back,
        caution=config.caution,
        on_iteration=report,
    )


def _entries(
    chosen: Sequence[MeasuredWorkload], proposed: FloatArray, result: SearchResult, cpu_s: float
) -> dict[str, dict[str, Any]]:
    proposals = from_unit(proposed)
    return {
        one.workload.key: {
            "rule": dict(zip(RULE_NAMES, result.rule[row].tolist(), strict=True)),
            "proposed": dict(zip(RULE_NAMES, proposals[row].tolist(), strict=True)),
            "curve": result.curve[row].tolist(),
            "score": float(result.score[row]),
            "proposed_score": float(result.start_score[row]),
            "violation": float(result.violation[row]),
            "oom_kills_per_h": float(result.kills_per_h[row]),
            "violation_price": float(result.violation_price[row]),
            "cpu_seconds": cpu_s,
        }
        for row, one in enumerate(chosen)
    }
