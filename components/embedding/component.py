"""The KFP face of the embedding: an import and a call."""

from typing import List, NamedTuple  # noqa: UP035

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
    twins_too: bool = True,
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
        twins_too: fit the twins here; otherwise in shards, by twin_fitting.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
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
            twins_too=twins_too,
        )
    )
    metrics.log_metric("workloads", len(summary.workloads))
    metrics.log_metric("error_share_synthetic", summary.error_share_synthetic)
    metrics.log_metric("error_share_telemetry", summary.error_share_telemetry)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "embedding.html", report)


@dsl.component(
    base_image="aware-python/embedding:0.1.0", packages_to_install=[], install_kfp_package=False
)
def twin_fitting(
    dataset: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    only: List[str] = [],  # noqa: UP006, B006
    seed: int = 0,
    quick: bool = False,
    shard: str = "1/1",
) -> None:
    """Fit the digital twins of a part of the workloads.

    Args:
        dataset: ingestion's output.
        output: twins.json, excluded.json.
        metrics: how many twins were fitted, and how many could not be.
        only: keys (namespace/name) of the workloads to fit; empty for all.
        seed: of everything drawn at random.
        quick: small sizes, to see that everything works.
        shard: which part of these workloads: "2/5" is the second of five.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics
    from components.embedding import twins
    from components.embedding.config import EmbeddingConfig, quick_config
    from components.launcher import launch
    from components.progress import Progress
    from components.workload.shard import parse_shard

    fitted, excluded = launch(
        lambda: twins.run(
            quick_config(seed) if quick else EmbeddingConfig(seed=seed),
            dataset=Path(dataset.path),
            output=Path(output.path),
            progress=Progress("twin_fitting", shard),
            only=only,
            shard=parse_shard(shard),
        )
    )
    metrics.log_metric("twins", fitted)
    metrics.log_metric("excluded", excluded)
    leave_metrics(metrics)


@dsl.component(
    base_image="aware-python/embedding:0.1.0", packages_to_install=[], install_kfp_package=False
)
def gather_embedding(
    encoder: dsl.Input[dsl.Artifact],
    parts: dsl.Input[List[dsl.Artifact]],  # noqa: UP006
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    shard_size: int = 25,
) -> NamedTuple("Outputs", [("Output", List[str])]):  # type: ignore[valid-type]  # noqa: UP006
    """Put the encoder's output and the twins together.

    Args:
        encoder: the embedding without twins.
        parts: the outputs of twin_fitting's shards.
        output: the embedding, as if it had fitted the twins itself.
        metrics: the encoder's error as a share of persistence's, how many workloads and twins.
        report: embedding.html.
        shard_size: how many workloads a pod takes at most.

    Returns:
        The shards of the workloads that have a twin.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.embedding.gather import gather
    from components.launcher import launch
    from components.workload.shard import shards_of

    def gathered() -> list[str]:
        places = [Path(part.path) for part in parts]
        summary, twins = gather(Path(encoder.path), places, Path(output.path))
        metrics.log_metric("workloads", len(summary.workloads))
        metrics.log_metric("twins", twins)
        metrics.log_metric("error_share_synthetic", summary.error_share_synthetic)
        metrics.log_metric("error_share_telemetry", summary.error_share_telemetry)
        return shards_of(twins, shard_size)

    shards = launch(gathered)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "embedding.html", report)
    return (shards,)
