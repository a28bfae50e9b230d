"""The KFP face of the embedding: an import and a call."""

from kfp import dsl


@dsl.component(
    base_image="aware-python/embedding:0.1.0", packages_to_install=[], install_kfp_package=False
)
def embedding(
    dataset: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    earlier: dsl.Input[dsl.Artifact] = None,
    seed: int = 0,
    quick: bool = False,
) -> None:
    """Learn to tell workloads apart, and fit each one's digital twin.

    Args:
        dataset: ingestion's output.
        output: encoder.safetensors, embeddings.json, twins.json, errors.json, map.png and .html.
        metrics: the encoder's error as a share of persistence's, and how many workloads.
        report: embedding.html.
        earlier: an earlier embedding whose encoder is taken over; without it one is trained.
        seed: of everything drawn at random.
        quick: small sizes, to see that everything works.
    """
    import shutil
    from pathlib import Path

    from components.artifacts.files import write_json
    from components.embedding.config import EmbeddingConfig, quick_config
    from components.embedding.stage import run
    from components.launcher import launch
    from components.progress import Progress

    summary = launch(
        lambda: run(
            quick_config(seed) if quick else EmbeddingConfig(seed=seed),
            dataset=Path(dataset.path),
            output=Path(output.path),
            progress=Progress("embedding"),
            earlier=Path(earlier.path) if earlier else None,
        )
    )
    metrics.log_metric("workloads", len(summary.workloads))
    metrics.log_metric("error_share_synthetic", summary.error_share_synthetic)
    metrics.log_metric("error_share_telemetry", summary.error_share_telemetry)
    # Kubeflow's cache takes a task for unfinished when a file of its outputs is missing.
    write_json(Path(metrics.path), metrics.metadata)
    shutil.copyfile(Path(output.path) / "embedding.html", report.path)
