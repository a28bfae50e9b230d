"""Validation: reads the adapted policies and held-out telemetry, judges, writes verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.cluster.compiled import FloatArray
from components.cluster.rollout import Rollout
from components.cluster.twin import from_json
from components.cluster.twin_ensemble import fit_twin
from components.errors import UserError
from components.policy.measured import MeasuredWorkload, measured_workloads
from components.policy.network import MetaPolicy
from components.policy.rule_parameters import RULE_NAMES, from_unit, rule_of
from components.policy.watched import watched
from components.progress import Progress
from components.validation.config import ValidationConfig
from components.validation.controllers import (
    TITLES,
    handed_over,
    play_bound,
    play_incumbents,
    play_rules,
)
from components.validation.incumbents import tune_incumbents
from components.validation.page import method_text, validation_html
from components.validation.scoring import (
    interval_rows,
    joined,
    parts,
    seed_means,
    workload_entry,
)
from components.validation.situations import (
    FITTING,
    Case,
    draw_situations,
    stream,
)
from components.validation.traces import trace_entry

MEANS_FILE = "seed_means.json"


@dataclass(frozen=True, slots=True)
class ValidationSummary:
    """Keys of the workloads whose policy was accepted and refused, and {row: {field: mean}}."""

    accepted: tuple[str, ...]
    refused: tuple[str, ...]
    means: Mapping[str, Mapping[str, float]]


def run(
    config: ValidationConfig,
    *,
    dataset: Path,
    embedding: Path,
    meta_policy: Path,
    adapted: Path,
    output: Path,
    progress: Progress,
) -> ValidationSummary:
    """Writes `output`: validation.json, traces.json, seed_means.json, validation.html.

    The score is not computed on anything that a policy or an incumbent was tuned on. Everything
    was tuned on the training part of the telemetry: the policy and the incumbents on the twin
    that the embedding stage fitted to it. The judge is a twin of its own, fitted here to the
    held-out part, under the held-out request rates. Where the held-out part is too short to fit
    one, the training part's members judge, and the entry says so.
    Raises UserError for a missing or damaged input.
    """
    policies = read_json(adapted / "adapted.json")
    network = MetaPolicy.load(meta_policy / "meta_policy.safetensors")
    documents = read_json(embedding / "twins.json")
    cases = []
    adapted_workloads = _adapted_workloads(dataset, policies)
    for index, measured in enumerate(adapted_workloads):
        progress.update(0.25 * index, len(adapted_workloads), f"twin of {measured.workload.key}")
        cases.append(_case(measured, documents, config))
    rules = {
        "zero_shot": from_unit(
            np.concatenate([network.propose(one.measured.past) for one in cases])
        ),
        "policy": np.stack([rule_of(policies[case.workload.key]["rule"]) for case in cases]),
    }
    report, traces, means = _judge(cases, rules, config, progress)
    with finished_directory(output) as folder:
        write_json(folder / "validation.json", report)
        write_json(folder / MEANS_FILE, means)
        write_text(folder / "traces.json", traces_text(traces))
        write_text(folder / "validation.html", validation_html(report, traces, method_text(config)))
    progress.update(1, 1)
    return summary_of(report)


def _judge(
    cases: Sequence[Case],
    rules: Mapping[str, FloatArray],
    config: ValidationConfig,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """validation.json, traces.json and seed_means.json."""
    total = len(cases)
    progress.update(0.25 * total, total, "tuning HPA and VPA")
    incumbents = tune_incumbents(cases, config)
    situations = draw_situations(cases, config)
    taken_over = handed_over(situations, incumbents)
    past = watched([case.measured for case in cases])
    played = play_incumbents(situations, incumbents) | play_rules(taken_over, rules, past)
    entries: dict[str, Any] = {}
    traces: dict[str, Any] = {}
    bounds: list[Rollout] = []
    each = config.seeds * config.traces
    for index, case in enumerate(cases):
        progress.update(0.5 * (total + index), total, f"bound of {case.workload.key}")
        rows = slice(index * each, (index + 1) * each)
        here, own = taken_over.part(rows), parts(played, rows)
        own["foresight"] = play_bound(here, own, case, config)
        bounds.append(own["foresight"])
        ordered = {name: own[name] for name in TITLES}
        entries[case.workload.key] = workload_entry(ordered, config) | {
            "rule": dict(zip(RULE_NAMES, rules["policy"][index].tolist(), strict=True)),
            "incumbent": incumbents.settings(index),
            "judged_on": case.judged_on,
            "twin_errors": case.held_out_twin.errors,
        }
        traces[case.workload.key] = trace_entry(case.workload, here.rates[0], ordered)
    played["foresight"] = joined(bounds)
    means = seed_means({name: played[name] for name in TITLES}, total, config.seeds)
    summary = {name: interval_rows(by_seed) for name, by_seed in means.items()}
    said = {"workloads": total, "means": {name: one.tolist() for name, one in means.items()}}
    return {"workloads": entries, "summary": summary}, traces, said


def traces_text(traces: Mapping[str, Any]) -> str:
    """traces.json; one number a line would treble its size."""
    return json.dumps(traces, allow_nan=False, sort_keys=True)


def _adapted_workloads(dataset: Path, policies: Mapping[str, Any]) -> list[MeasuredWorkload]:
    known = measured_workloads(dataset, policies.keys())
    missing = sorted(policies.keys() - {measured.workload.key for measured in known})
    if missing:
        raise UserError(f"adapted.json has {missing[0]}, which the dataset lacks: give one run's")
    if not policies:
        raise UserError("adapted.json has no workload: run fine-tuning first")
    return list(known)


def _case(
    measured: MeasuredWorkload, documents: Mapping[str, Any], config: ValidationConfig
) -> Case:
    key = measured.workload.key
    if key not in documents:
        raise UserError(f"twins.json lacks {key}: run the embedding stage again")
    known = from_json(documents[key])
    rng = stream(config, FITTING, key)
    try:
        judge = fit_twin(
            measured.held_out, measured.training, measured.workload, rng, config.members
        )
    except UserError:
        return Case(measured, known, known, "training part's twin")
    return Case(measured, known, judge, "held-out part's twin")


def summary_of(report: Mapping[str, Any]) -> ValidationSummary:
    """The verdicts and means of validation.json."""
    verdicts = {key: entry["verdict"]["accepted"] for key, entry in report["workloads"].items()}
    return ValidationSummary(
        accepted=tuple(key for key, accepted in verdicts.items() if accepted),
        refused=tuple(key for key, accepted in verdicts.items() if not accepted),
        means={
            name: {field: interval["mean"] for field, interval in fields.items()}
            for name, fields in report["summary"].items()
        },
    )
