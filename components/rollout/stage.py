"""Rollout: reads the validated policies, publishes them, moves their channels, writes objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.artifacts.bundle import Bundle, publish
from components.artifacts.collection import keep_published
from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.artifacts.local import LocalStore
from components.artifacts.open import open_store
from components.errors import UserError
from components.policy.network_file import META_POLICY_KIND, read_arrays
from components.progress import Progress
from components.rollout.code_version import code_version
from components.rollout.config import RolloutConfig
from components.rollout.decision import decision_reason, follow_verdict
from components.rollout.manifest import manifest_yaml, mpa_manifest
from components.rollout.page import rollout_html
from components.rollout.reference import reference_statistics, training_data_digest
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import read_telemetry, telemetry_file

DECISIONS_FILE = "rollout.json"
PAGE_FILE = "rollout.html"


@dataclass(frozen=True, slots=True)
class RolloutSummary:
    """Keys of the workloads whose policy was accepted, and of those whose policy was refused."""

    accepted: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The earlier stages' results, by workload key where they have one each."""

    workloads: tuple[Workload, ...]
    dataset: Path
    arrays: Mapping[str, Any]
    embeddings: Mapping[str, Any]
    twins: Mapping[str, Any]
    adapted: Mapping[str, Any]
    validated: Mapping[str, Any]


def run(
    config: RolloutConfig,
    *,
    dataset: Path,
    embedding: Path,
    meta_policy: Path,
    adapted: Path,
    validation: Path,
    output: Path,
    progress: Progress,
) -> RolloutSummary:
    """Writes `output`: manifests/NAMESPACE.NAME.yaml, rollout.json, rollout.html.

    Publishes one bundle per adapted workload and moves its channel as its verdict allows; in a
    dry run both go to `output`/store. The same inputs give the same digests and the same files.
    Raises UserError for a missing or damaged input, TemporaryError when the store may answer
    later or another run moved a channel meanwhile.
    """
    inputs = _read(dataset, embedding, meta_policy, adapted, validation)
    version = code_version()
    decisions: dict[str, dict[str, Any]] = {}
    manifests: dict[str, str] = {}
    with finished_directory(output) as folder:
        dry = config.dry_run
        store = LocalStore(folder / "store") if dry else open_store(config.store_url, os.environ)
        for done, workload in enumerate(inputs.workloads):
            progress.update(done, len(inputs.workloads), workload.key)
            validated = inputs.validated[workload.key]
            accepted = bool(validated["verdict"]["accepted"])
            bundle = _bundle(inputs, workload, version)
            digest = publish(store, bundle, config.signer)
            channel = follow_verdict(store, workload, digest, accepted)
            if channel.current == digest:
                keep_published(store, bundle, signer=config.signer)
            decisions[workload.key] = {
                "accepted": accepted,
                "digest": digest,
                "state": channel.state,
                "reasons": [
                    decision_reason(channel, digest, accepted),
                    *validated["verdict"]["reasons"],
                ],
            }
            incumbent = validated["incumbent"]
            manifests[workload.key] = manifest_yaml(
                mpa_manifest(workload, channel, incumbent, incumbent["cpu_target"])
            )
            write_text(manifest_file(folder, workload.key), manifests[workload.key])
        write_json(folder / DECISIONS_FILE, decisions)
        write_text(folder / PAGE_FILE, rollout_html(decisions, manifests))
    progress.update(1, 1)
    return RolloutSummary(
        tuple(key for key, item in decisions.items() if item["accepted"]),
        tuple(key for key, item in decisions.items() if not item["accepted"]),
    )


def manifest_file(folder: Path, key: str) -> Path:
    """Where the object of the workload NAMESPACE/NAME lies."""
    # A namespace has no dot, so no two workloads share a file.
    return folder / "manifests" / f"{key.replace('/', '.')}.yaml"


def _read(
    dataset: Path, embedding: Path, meta_policy: Path, adapted: Path, validation: Path
) -> _Inputs:
    policies = read_json(adapted / "adapted.json")
    validated = read_json(validation / "validation.json")["workloads"]
    every = load_workloads(dataset / "workloads.yaml")
    known = {workload.key for workload in every}
    for source, keys in (("the dataset", known), ("validation.json", validated.keys())):
        missing = sorted(policies.keys() - keys)
        if missing:
            raise UserError(
                f"adapted.json has {missing[0]}, which {source} lacks: give stages of one run"
            )
    return _Inputs(
        workloads=tuple(workload for workload in every if workload.key in policies),
        dataset=dataset,
        arrays=read_arrays(meta_policy / "meta_policy.safetensors", META_POLICY_KIND),
        embeddings=read_json(embedding / "embeddings.json")["workloads"],
        twins=read_json(embedding / "twins.json"),
        adapted=policies,
        validated=validated,
    )


def _bundle(inputs: _Inputs, workload: Workload, version: str) -> Bundle:
    frame = read_telemetry(telemetry_file(inputs.dataset, workload))
    validated = inputs.validated[workload.key]
    return Bundle(
        workload=workload.key,
        rule_parameters=inputs.adapted[workload.key]["rule"],
        arrays=inputs.arrays,
        manifest={
            "code_version": version,
            "training_data_digest": training_data_digest(workload, frame),
            "metrics": validated["rows"],
            "gap_closed": validated["gap_closed"],
            "verdict": validated["verdict"],
            "incumbent": validated["incumbent"],
            "reference": reference_statistics(frame),
            "embedding": inputs.embeddings[workload.key],
            "twin": inputs.twins[workload.key],
        },
    )
