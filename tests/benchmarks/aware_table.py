"""How soon PPO solves AWARE's published test task, beside random, a 70 % rule and the optimum.

python -m tests.benchmarks.aware_table [--quick] [--output DIR]; the last line is JSON. AWARE's own
code, run unchanged: best moving average 7.17 (90 %) in 158 iterations of 5 episodes, 79 minutes.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

from components.agent.aware_table import MOVING_AVERAGE_EPISODES, TableTraining
from components.agent.aware_table_run import run

SEEDS = 5


def median_of(values: list[float | None]) -> float | None:
    """The median, a seed that never got there counting as the worst; None if it is one of those."""
    middle = median(float("inf") if value is None else float(value) for value in values)
    return None if middle == float("inf") else middle


def main() -> None:
    """Train once for each seed and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, 60 iterations")
    parser.add_argument("--output", type=Path, help="keep logs, checkpoints and results here")
    arguments = parser.parse_args()
    seeds = 2 if arguments.quick else SEEDS
    training = TableTraining(iterations=60) if arguments.quick else TableTraining()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.output or Path(scratch)
        results = [run(folder / f"seed-{seed}", seed, training) for seed in range(seeds)]
    first = results[0]
    print(f"mean return of an episode (moving average over {MOVING_AVERAGE_EPISODES} episodes)")
    print(f"  random {first.random_return:.2f}, 70 % rule {first.threshold_return:.2f}")
    print(f"  optimum {first.optimum:.2f} (dynamic programming)")
    for seed, result in enumerate(results):
        print(
            f"  seed {seed}: trained {result.policy_return:.3f} ({result.share_of_optimum:.1%} of "
            f"the optimum), 95 % after {result.episodes_to_95} episodes, "
            f"{result.seconds_to_95 or float('nan'):.1f} s; in all {result.seconds:.1f} s"
        )
    keys = {
        "seconds_to_95": median_of([result.seconds_to_95 for result in results]),
        "episodes_to_95": median_of([result.episodes_to_95 for result in results]),
        "share_of_optimum": median(result.share_of_optimum for result in results),
        "best_moving_average": median(result.best_moving_average for result in results),
        "random_return": first.random_return,
        "threshold_return": first.threshold_return,
        "optimum": first.optimum,
    }
    print(json.dumps({name: value and round(value, 4) for name, value in keys.items()}))


if __name__ == "__main__":
    main()
