"""The whole path, top to bottom: from telemetry to the objects that would be applied."""

from kfp import dsl

from components.meta_training.component import meta_training
from components.rollout.component import run_summary
from pipelines.sharded import adapted, embedded, ingested
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
    days: float = 1.0,
    journal: str = "",
    store_url: str = "",
    dry_run: bool = True,
    seed: int = 0,
    quick: bool = False,
    shard_size: int = 25,
    trainer_nodes: int = 0,
    trainer_exchange: str = "",
) -> None:
    """Wire the stages.

    Args:
        telemetry: folder of recorded telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder. On a
            cluster /etc/aware/workloads.yaml is that key of the ConfigMap aware-workloads.
        start: first time to read from Prometheus, RFC 3339; empty for `days` before the end.
        end: last time to read from Prometheus, RFC 3339; empty for now.
        days: how long to look back where start is empty.
        journal: a folder on a volume or minio://bucket/prefix that keeps what the Prometheus said:
            a scheduled run asks for what is new only. Empty to ask for everything each time.
        store_url: where bundles are published: a folder or minio://bucket/prefix.
        dry_run: publish nothing there; bundles and channels stay in rollout's own output.
        seed: the same seed and input give the same result.
        quick: small sizes, to see that everything works.
        shard_size: how many workloads a pod takes at most; a stage has as many pods as it takes.
        trainer_nodes: 0 for meta-training in its own pod; else on so many nodes by a TrainJob of
            Kubeflow's Trainer (manifests/trainer).
        trainer_exchange: minio://bucket/prefix through which that TrainJob gets and gives.
    """
    source = {"telemetry": telemetry, "prometheus_url": prometheus_url, "workloads": workloads}
    learning = {"seed": seed, "quick": quick}
    span = {"start": start, "end": end, "days": days, "journal": journal}
    recorded = ingested(source, span, shard_size)
    dataset = recorded.outputs["output"]
    known = embedded(dataset, learning, recorded.outputs["Output"], shard_size)
    embedding = known.outputs["output"]
    learned = meta_training(
        dataset=dataset,
        embedding=embedding,
        trainer_nodes=trainer_nodes,
        trainer_exchange=trainer_exchange,
        **learning,
    )
    settle(learned, "meta_training")
    meta_policy = learned.outputs["output"]
    each = adapted(
        {"dataset": dataset, "embedding": embedding, "meta_policy": meta_policy},
        learning,
        {"store_url": store_url, "dry_run": dry_run},
        known.outputs["Output"],
    )
    # Several states of tasks never change in the UI (kubeflow/pipelines#11979): this page does.
    ended = run_summary(
        dataset=dataset,
        embedding=embedding,
        meta_policy=meta_policy,
        validation=each.validated.outputs["output"],
        rollout=each.rolled_out.outputs["output"],
    )
    settle(ended, "run_summary")
