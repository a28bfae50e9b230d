"""The workloads' digital twins: fitted one by one, so that shards of them can be fitted apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from components.artifacts.files import finished_directory, write_json
from components.cluster.twin import Twin, to_json
from components.cluster.twin_ensemble import fit_twin
from components.embedding.config import EmbeddingConfig
from components.errors import UserError
from components.policy.measured import MeasuredWorkload, measured_workloads
from components.progress import Progress
from components.workload.shard import Shard
from components.workload.spec import load_workloads


def fitted_twins(
    config: EmbeddingConfig,
    known: Sequence[MeasuredWorkload],
    on_workload: Callable[[int, str], None],
) -> tuple[dict[str, Twin], dict[str, str]]:
    """Return the twins by workload, and of those that could not be fitted the reason.

    on_workload(done, key) is called before each one. A workload's twin is the same whichever other
    workloads are fitted beside it.
    """
    twins, excluded = {}, {}
    for index, one in enumerate(known):
        key = one.workload.key
        on_workload(index, key)
        rng = np.random.default_rng([config.seed, *key.encode()])
        try:
            twins[key] = fit_twin(
                one.training, one.held_out, one.workload, rng, config.twin_members
            )
        except UserError as error:
            excluded[key] = str(error)
    return twins, excluded


def run(
    config: EmbeddingConfig,
    dataset: Path,
    output: Path,
    progress: Progress,
    only: Sequence[str],
    shard: Shard,
) -> tuple[int, int]:
    """Write twins.json and excluded.json of a shard; return how many were and weren't fitted.

    The shard is one of the dataset's workloads, or of those whose keys `only` has.

    Raises UserError when an input is missing or damaged.
    """
    listed = [workload.key for workload in load_workloads(dataset / "workloads.yaml")]
    keys = shard.of([key for key in listed if not only or key in only])
    known = measured_workloads(dataset, keys)
    twins, excluded = fitted_twins(
        config, known, lambda done, key: progress.update(done, len(known) + 1, f"twin of {key}")
    )
    with finished_directory(output) as folder:
        write_json(folder / "twins.json", {key: to_json(twin) for key, twin in twins.items()})
        write_json(folder / "excluded.json", excluded)
    progress.update(1, 1, f"{len(twins)} of {len(known)} twins fitted")
    return len(twins), len(excluded)
