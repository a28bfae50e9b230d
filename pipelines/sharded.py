"""The stages that work on many workloads, in shards: as many pods as it takes, then one output.

Each function wires one fan-out and the task that gathers it. Kubeflow drops a task's own retries
inside of a loop (kubeflow/pipelines#13897): the stages try again by themselves. What is looped
over is always named "Output": kfp.local 2.17 finds no list of any other name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp import dsl
from kfp.dsl import PipelineTask

from components.embedding.component import embedding, gather_embedding, twin_fitting
from components.fine_tuning.component import fine_tuning, gather_fine_tuning
from components.ingestion.component import gather_ingestion, ingestion, plan_shards
from components.rollout.component import gather_rollout, rollout
from components.validation.component import gather_validation, validation
from pipelines.stage_settings import settle

# At most so many pods of one stage at once; Prometheus and the nodes are shared.
PODS = 10
OUTPUT = "output"


def ingested(source: Mapping[str, Any], span: Mapping[str, Any], shard_size: Any) -> PipelineTask:
    """Wire ingestion. Returns the gathering.

    `source` are telemetry, prometheus_url and workloads; `span` are start, end, days and journal.
    Its outputs are the dataset, and the shards of the usable workloads.
    """
    planned = plan_shards(**source, shard_size=shard_size)
    # Telemetry and store lie outside of what kfp's cache knows.
    settle(planned, "plan_shards", cached=False)
    with dsl.ParallelFor(planned.output, name="ingestion-shards", parallelism=PODS) as shard:
        part = ingestion(**source, **span, shard=shard)
        settle(part, "ingestion", cached=False)
    whole = gather_ingestion(parts=dsl.Collected(part.outputs[OUTPUT]), shard_size=shard_size)
    return settle(whole, "gather_ingestion", cached=False)


def embedded(
    dataset: Any, learning: Mapping[str, Any], shards: Any, shard_size: Any, **given: Any
) -> PipelineTask:
    """Wire the encoder's training and the twins' fitting, which need not wait for each other.

    `learning` are seed and quick; `given` may have `earlier` and `only`. Returns the gathering.
    """
    only = {name: given.pop(name) for name in ("only",) if name in given}
    encoder = embedding(dataset=dataset, twins_too=False, **learning, **given)
    settle(encoder, "embedding")
    with dsl.ParallelFor(shards, name="twin-shards", parallelism=PODS) as shard:
        part = twin_fitting(dataset=dataset, shard=shard, **learning, **only)
        settle(part, "twin_fitting")
    whole = gather_embedding(
        encoder=encoder.outputs[OUTPUT],
        parts=dsl.Collected(part.outputs[OUTPUT]),
        shard_size=shard_size,
    )
    return settle(whole, "gather_embedding")


@dataclass(frozen=True, slots=True)
class Adapted:
    """The gatherings of fine-tuning, validation and rollout."""

    tuned: PipelineTask
    validated: PipelineTask
    rolled_out: PipelineTask


def adapted(
    inputs: Mapping[str, Any],
    learning: Mapping[str, Any],
    store: Mapping[str, Any],
    shards: Any,
    **defended: Any,
) -> Adapted:
    """Wire fine-tuning, validation and rollout: a shard goes on without waiting for the others.

    `inputs` are dataset, embedding and meta_policy; `learning` are seed and quick; `store` are
    store_url and dry_run. What has a twin in the embedding is adapted. In a retraining `defended`
    has `in_force`, the drift check's output with the rules that are.
    """
    with dsl.ParallelFor(shards, name="workload-shards", parallelism=PODS) as shard:
        tuned = fine_tuning(**inputs, **learning, **defended, shard=shard)
        settle(tuned, "fine_tuning")
        policies = tuned.outputs[OUTPUT]
        validated = validation(**inputs, **learning, adapted=policies, shard=shard)
        settle(validated, "validation")
        rolled_out = rollout(
            **inputs,
            **store,
            adapted=policies,
            validation=validated.outputs[OUTPUT],
            shard=shard,
        )
        settle(rolled_out, "rollout", cached=False)
    all_tuned = gather_fine_tuning(parts=dsl.Collected(tuned.outputs[OUTPUT]))
    settle(all_tuned, "gather_fine_tuning")
    all_validated = gather_validation(parts=dsl.Collected(validated.outputs[OUTPUT]), **learning)
    settle(all_validated, "gather_validation")
    all_rolled_out = gather_rollout(parts=dsl.Collected(rolled_out.outputs[OUTPUT]))
    settle(all_rolled_out, "gather_rollout", cached=False)
    return Adapted(all_tuned, all_validated, all_rolled_out)
