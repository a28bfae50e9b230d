"""Meta-training by itself, in one process or, under torchrun, in several that train together.

    python -m components.meta_training.main --dataset D --embedding E --output O
    torchrun --nproc-per-node 2 -m components.meta_training.main --dataset D ...

The second trains on as many workloads in all, shared out; two processes need .60 of one's time
for an iteration of 2,048 workloads (CPU time, update and gloo's averaging included).

A TrainJob of Kubeflow's Trainer runs trainer_node beside, which gets the folders from a store.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from components.agent.workers import part_ways, workers_of_environment
from components.launcher import launch
from components.meta_training.config import MetaTrainingConfig, quick_config
from components.meta_training.stage import run
from components.progress import Progress


def main() -> None:
    """Train and write the output; a user's mistake is one line and exit code 2."""
    parser = argparse.ArgumentParser(prog="meta_training", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="ingestion's output")
    parser.add_argument("--embedding", type=Path, required=True, help="embedding's output")
    parser.add_argument("--output", type=Path, required=True, help="a folder to be made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    given = parser.parse_args()
    workers = workers_of_environment()
    config = quick_config(given.seed) if given.quick else MetaTrainingConfig(seed=given.seed)
    summary = launch(
        lambda: run(
            config,
            given.dataset,
            given.embedding,
            given.output,
            Progress("meta_training"),
            workers,
        )
    )
    part_ways(workers)
    if workers.rank == 0:
        print(
            f"{summary.decisions:,} decisions by {workers.count} processes: reward"
            f" {summary.reward:.4f}, violations {summary.violation:.2%} on held-out applications"
        )


if __name__ == "__main__":
    main()
