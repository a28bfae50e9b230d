"""The stage: train the encoder, fit the twins, write what kind of workload each one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.agent.checkpoint import load_encoder, save_encoder
from components.agent.encoder import EMBEDDING_SIZE, Encoder, workload_shape
from components.agent.encoder_training import EncoderSettings, embed, train_encoder
from components.artifacts.files import finished_directory, write_bytes, write_json, write_text
from components.cluster.twin import Twin, to_json
from components.embedding.config import EmbeddingConfig
from components.embedding.forecasts import synthetic_forecast, telemetry_forecast
from components.embedding.map import map_png
from components.embedding.page import embedding_html
from components.embedding.pasts import past_intervals, synthetic_pasts, with_telemetry
from components.embedding.twins import fitted_twins
from components.errors import UserError
from components.policy.measured import MeasuredWorkload, measured_workloads
from components.progress import Progress

# Shares of the stage's time, for the progress bar.
_SIMULATED, _TRAINED = 0.1, 0.7


@dataclass(frozen=True, slots=True)
class EmbeddingSummary:
    """The workloads' keys, and the encoder's error as a share of persistence's."""

    workloads: tuple[str, ...]
    error_share_synthetic: float
    error_share_telemetry: float


def run(
    config: EmbeddingConfig,
    dataset: Path,
    output: Path,
    progress: Progress,
    earlier: Path | None = None,
    twins_too: bool = True,
) -> EmbeddingSummary:
    """Write encoder.safetensors, embeddings.json, twins.json, errors.json, map.png, .html.

    With `earlier`, an embedding's folder, its encoder is taken over, so that a meta-policy that
    was learned on it still understands the vectors. The encoder and the twins see only the
    training part of the telemetry; the errors are of the held-out part. A workload whose telemetry
    can't be fitted is left out of twins.json, with the reason in errors.json. Without `twins_too`
    all of them are left out, to be fitted elsewhere (`twins`).

    Raises UserError when an input is missing or damaged, or when no twin can be fitted.
    """
    known = measured_workloads(dataset)
    keys = tuple(one.workload.key for one in known)
    pasts_rng, learning_rng = (np.random.default_rng([config.seed, index]) for index in range(2))
    progress.update(0.0, 1.0, "simulating synthetic applications")
    intervals = past_intervals(known, config.intervals)
    unseen = synthetic_pasts(config.held_out_applications, intervals, pasts_rng)
    if earlier is None:
        encoder = _trained(config, known, intervals, pasts_rng, learning_rng, progress)
    else:
        encoder = load_encoder(earlier / "encoder.safetensors", workload_shape())
    twins, excluded = _twins(config, known, progress) if twins_too else ({}, {})
    vectors = np.concatenate([embed(encoder, one.past) for one in known])
    forecasts = {
        "synthetic": synthetic_forecast(encoder, unseen.observations),
        "telemetry": telemetry_forecast(encoder, known),
    }
    picture = map_png(embed(encoder, unseen.observations), vectors, keys)
    errors = {
        "encoder": forecasts,
        "twins": {key: twin.errors for key, twin in twins.items()},
        "excluded": excluded,
    }
    _write(output, encoder, dict(zip(keys, vectors.tolist(), strict=True)), twins, errors, picture)
    progress.update(1.0, 1.0, f"{len(known)} workloads embedded, {len(twins)} twins fitted")
    shares = [one["encoder"] / max(one["persistence"], 1e-9) for one in forecasts.values()]
    return EmbeddingSummary(keys, shares[0], shares[1])


def _trained(
    config: EmbeddingConfig,
    known: Sequence[MeasuredWorkload],
    intervals: int,
    pasts_rng: np.random.Generator,
    learning_rng: np.random.Generator,
    progress: Progress,
) -> Encoder:
    synthetic = synthetic_pasts(config.applications, intervals, pasts_rng)
    pasts = with_telemetry(synthetic, known, learning_rng)

    def report(update: int, loss: float) -> None:
        share = _SIMULATED + (_TRAINED - _SIMULATED) * update / config.updates
        progress.update(share, 1.0, f"encoder update {update} of {config.updates}, loss {loss:.3f}")

    settings = EncoderSettings(updates=config.updates)
    return train_encoder(workload_shape(), pasts, settings, learning_rng, report)


def _twins(
    config: EmbeddingConfig, known: Sequence[MeasuredWorkload], progress: Progress
) -> tuple[dict[str, Twin], dict[str, str]]:
    def report(done: int, key: str) -> None:
        share = _TRAINED + (1.0 - _TRAINED) * done / len(known)
        progress.update(share, 1.0, f"twin of {key}")

    twins, excluded = fitted_twins(config, known, report)
    if not twins:
        raise UserError(next(iter(excluded.values())))
    return twins, excluded


def _write(
    output: Path,
    encoder: Encoder,
    vectors: dict[str, list[float]],
    twins: dict[str, Twin],
    errors: dict[str, Any],
    picture: bytes,
) -> None:
    documents: dict[str, Any] = {
        "embeddings.json": {"embedding_size": EMBEDDING_SIZE, "workloads": vectors},
        "twins.json": {key: to_json(twin) for key, twin in twins.items()},
        "errors.json": errors,
    }
    page = embedding_html(picture, documents["errors.json"], documents["twins.json"])
    with finished_directory(output) as folder:
        save_encoder(folder / "encoder.safetensors", encoder)
        for name, document in documents.items():
            write_json(folder / name, document)
        write_bytes(folder / "map.png", picture)
        write_text(folder / "embedding.html", page)
