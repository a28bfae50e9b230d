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
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.launcher import launch
    from components.meta_training.config import MetaTrainingConfig, quick_config
    from components.meta_training.stage import run
    from components.progress import Progress

    summary = launch(
        lambda: run(
            quick_config(seed) if quick else MetaTrainingConfig(seed=seed),
            dataset=Path(dataset.path),
            embedding=Path(embedding.path),
            output=Path(output.path),
            progress=Progress("meta_training"),
        )
    )
    metrics.log_metric("held_out_reward", summary.reward)
    metrics.log_metric("held_out_violation", summary.violation)
    metrics.log_metric("decisions", summary.decisions)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "meta_training.html", report)
