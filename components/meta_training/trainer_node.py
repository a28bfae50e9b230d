"""One process of a TrainJob: inputs from the exchange, training with the others, output to it.

    torchrun -m components.meta_training.trainer_node --exchange minio://bucket/prefix --name NAME

What a user can mend ends in one line, which is left in the exchange for the task that waits.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from components.agent.workers import Workers, part_ways, workers_of_environment
from components.artifacts.files import json_bytes
from components.artifacts.folders import fetch_folder, remove_folder, send_folder
from components.artifacts.open import open_store
from components.errors import UserError
from components.launcher import launch
from components.meta_training.config import MetaTrainingConfig, quick_config
from components.meta_training.exchange import Exchange
from components.meta_training.stage import run
from components.progress import Progress


def main() -> None:
    """Train; a user's mistake is one line and exit code 2."""
    parser = argparse.ArgumentParser(prog="trainer_node", description=__doc__)
    parser.add_argument("--exchange", required=True, help="a folder or minio://bucket/prefix")
    parser.add_argument("--name", required=True, help="the TrainJob's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    given = parser.parse_args()
    config = quick_config(given.seed) if given.quick else MetaTrainingConfig(seed=given.seed)
    workers = workers_of_environment()
    with tempfile.TemporaryDirectory() as folder:
        launch(lambda: _train(given.exchange, Exchange(given.name), config, workers, Path(folder)))
    part_ways(workers)


def _train(
    url: str, exchange: Exchange, config: MetaTrainingConfig, workers: Workers, root: Path
) -> None:
    store = open_store(url, os.environ)
    output = root / "output"
    try:
        for name, prefix in (("dataset", exchange.dataset), ("embedding", exchange.embedding)):
            fetch_folder(store, prefix, root / name)
        summary = run(
            config,
            root / "dataset",
            root / "embedding",
            output,
            Progress("meta_training"),
            workers,
        )
    except UserError as error:
        store.write_if(exchange.failure, str(error).encode(), None)
        raise
    if workers.rank == 0:
        # What a job that was killed in the middle of this had sent.
        remove_folder(store, exchange.output)
        send_folder(store, exchange.output, output)
        # Last: the output is complete where this is.
        store.write_once(exchange.summary, json_bytes(asdict(summary)))


if __name__ == "__main__":
    main()
