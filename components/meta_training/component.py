"""The KFP face of meta-training: an import and a call."""

from kfp import dsl


@dsl.component(
    base_image="aware-python/meta_training:0.1.0", packages_to_install=[], install_kfp_package=False
)
def meta_training(
    dataset: dsl.Input[dsl.Artifact],
    embedding: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    seed: int = 0,
    quick: bool = False,
    trainer_nodes: int = 0,
    trainer_exchange: str = "",
) -> None:
    """Learn one policy that proposes a rule for any workload from its past.

    Args:
        dataset: ingestion's output.
        embedding: embedding's output.
        output: meta_policy.safetensors, curve.json, curve.png, meta_training.html.
        metrics: reward and violations on held-out applications, and decisions learned from.
        report: meta_training.html.
        seed: of everything drawn at random.
        quick: small sizes, to see that everything works.
        trainer_nodes: 0 to train in this task; else on so many nodes by a TrainJob of Kubeflow's
            Trainer, which the task starts, waits for and removes.
        trainer_exchange: minio://bucket/prefix through which task and TrainJob exchange folders.
    """
    import os
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.launcher import launch
    from components.meta_training.config import MetaTrainingConfig, quick_config
    from components.meta_training.remote_training import remote_in_cluster, train_remotely
    from components.meta_training.stage import MetaTrainingSummary, run
    from components.progress import Progress

    paths = (Path(dataset.path), Path(embedding.path), Path(output.path))
    progress = Progress("meta_training")

    def trained() -> MetaTrainingSummary:
        if trainer_nodes:
            remote = remote_in_cluster(trainer_nodes, trainer_exchange, os.environ)
            return train_remotely(remote, seed, quick, *paths, progress)
        config = quick_config(seed) if quick else MetaTrainingConfig(seed=seed)
        return run(config, *paths, progress)

    summary = launch(trained)
    metrics.log_metric("held_out_reward", summary.reward)
    metrics.log_metric("held_out_violation", summary.violation)
    metrics.log_metric("decisions", summary.decisions)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "meta_training.html", report)
