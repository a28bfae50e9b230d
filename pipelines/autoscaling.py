"""The whole path, top to bottom: from telemetry to the objects that would be applied."""

from kfp import dsl

from components.embedding.component import embedding
from components.fine_tuning.component import fine_tuning
from components.ingestion.component import ingestion
from components.meta_training.component import meta_training
from components.rollout.component import rollout, run_summary
from components.validation.component import validation
from pipelines.stage_settings import settle


@dsl.pipeline(
    name="autoscaling",
    description="Learn one policy for all workloads, adapt it to each, prove it, roll it out.",
)
def autoscaling(
    telemetry: str = "",
    prometheus_url: str = "",
    workloads: str = "",
    start: str = "",
    end: str = "",
    store_url: str = "",
    dry_run: bool = True,
    seed: int = 0,
    quick: bool = False,
) -> None:
    """Wire the stages.

    Args:
        telemetry: folder of recorded telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder.
        start: first time to read from Prometheus, RFC 3339; empty for the default span.
        end: last time to read from Prometheus, RFC 3339; empty for now.
        store_url: where bundles are published: a folder or minio://bucket/prefix.
        dry_run: publish nothing there; bundles and channels stay in rollout's own output.
        seed: the same seed and input give the same result.
        quick: small sizes, to see that everything works.
    """
    ingested = ingestion(
        telemetry=telemetry,
        prometheus_url=prometheus_url,
        workloads=workloads,
        start=start,
        end=end,
    )
    # Telemetry and store lie outside of what kfp's cache knows.
    settle(ingested, "ingestion", cached=False)
    dataset = ingested.outputs["output"]

    embedded = embedding(dataset=dataset, seed=seed, quick=quick)
    settle(embedded, "embedding")
    learned = meta_training(
        dataset=dataset, embedding=embedded.outputs["output"], seed=seed, quick=quick
    )
    settle(learned, "meta_training")
    tuned = fine_tuning(
        dataset=dataset,
        embedding=embedded.outputs["output"],
        meta_policy=learned.outputs["output"],
        seed=seed,
        quick=quick,
    )
    settle(tuned, "fine_tuning")
    validated = validation(
        dataset=dataset,
        embedding=embedded.outputs["output"],
        meta_policy=learned.outputs["output"],
        adapted=tuned.outputs["output"],
        seed=seed,
        quick=quick,
    )
    settle(validated, "validation")
    rolled_out = rollout(
        dataset=dataset,
        embedding=embedded.outputs["output"],
        meta_policy=learned.outputs["output"],
        adapted=tuned.outputs["output"],
        validation=validated.outputs["output"],
        store_url=store_url,
        dry_run=dry_run,
    )
    settle(rolled_out, "rollout", cached=False)
    # Several states of tasks never change in the UI (kubeflow/pipelines#11979): this page does.
    ended = run_summary(
        dataset=dataset,
        embedding=embedded.outputs["output"],
        meta_policy=learned.outputs["output"],
        validation=validated.outputs["output"],
        rollout=rolled_out.outputs["output"],
    )
    settle(ended, "run_summary")
