"""AWARE's test task as a run that leaves a log, checkpoints and results in a folder."""

from __future__ import annotations

import csv
import resource
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from components.agent.aware_table import (
    Iteration,
    TableTraining,
    Trained,
    reached,
    train_on_table,
)
from components.agent.categorical_ppo import CategoricalActorCritic
from components.agent.export import module_arrays
from components.artifacts.files import finished_directory, write_bytes, write_json
from components.cluster.aware_table import (
    TableProblem,
    expected_return,
    optimal_actions,
    random_policy,
    table_problem,
    threshold_policy,
)
from components.pictures import picture_png
from components.policy.network_file import write_arrays
from components.progress import Progress

CHECKPOINT_KIND = "aware_table"
CHECKPOINT_EVERY = 25
GOAL_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class TableResult:
    """Mean returns of an episode, and when the moving average reached 95 % of the optimum.

    episodes_to_95, seconds_to_95: None when it never did.
    policy_return: of the trained network's likeliest actions, computed exactly.
    """

    random_return: float
    threshold_return: float
    optimum: float
    policy_return: float
    share_of_optimum: float
    episodes_to_95: int | None
    seconds_to_95: float | None
    best_moving_average: float
    seconds: float


def run(
    output: Path,
    seed: int = 0,
    training: TableTraining | None = None,
    progress: Progress | None = None,
) -> TableResult:
    """Train once; `output` gets log.csv, checkpoints/, learning.png and results.json.

    Raises UserError when the folder can't be written.
    """
    chosen = training or TableTraining()
    report = progress or Progress("aware-table")
    problem = table_problem()
    with finished_directory(output) as folder:
        (folder / "checkpoints").mkdir()
        with (folder / "log.csv").open("w", newline="", encoding="utf-8") as file:
            log = csv.writer(file)
            log.writerow([*Iteration.__dataclass_fields__, "memory_mib"])

            def note(iteration: Iteration, network: CategoricalActorCritic) -> None:
                row = [_shown(value) for value in asdict(iteration).values()]
                log.writerow([*row, f"{peak_memory_mib():.1f}"])
                last = iteration.number == chosen.iterations
                if last or iteration.number % CHECKPOINT_EVERY == 0:
                    name = f"iteration-{iteration.number:05d}.safetensors"
                    arrays = module_arrays(network, "")
                    write_arrays(folder / "checkpoints" / name, arrays, CHECKPOINT_KIND)
                message = f"moving average {iteration.moving_average:.2f}"
                report.update(iteration.number, chosen.iterations, message)

            trained = train_on_table(problem, chosen, seed, note)
        result = result_of(problem, trained)
        write_bytes(
            folder / "learning.png",
            picture_png(lambda figure: _draw(figure, result, trained), 7.0, 3.5),
        )
        write_json(folder / "results.json", {"seed": seed, **asdict(result)})
    return result


def result_of(problem: TableProblem, trained: Trained) -> TableResult:
    """What a training came to, beside random, the 70 % rule and the optimum."""
    optimum, _ = optimal_actions(problem)
    goal = reached(trained.iterations, GOAL_SHARE * optimum)
    return TableResult(
        random_return=expected_return(problem, random_policy(problem)),
        threshold_return=expected_return(problem, threshold_policy(problem)),
        optimum=optimum,
        policy_return=trained.expected_return,
        share_of_optimum=trained.expected_return / optimum,
        episodes_to_95=goal.episodes if goal else None,
        seconds_to_95=goal.seconds if goal else None,
        best_moving_average=max(each.moving_average for each in trained.iterations),
        seconds=trained.iterations[-1].seconds,
    )


def peak_memory_mib() -> float:
    """The most memory that this process has held, in MiB (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _draw(figure: Figure, result: TableResult, trained: Trained) -> None:
    """The returns of the training's episodes beside what they are compared with."""
    axes = figure.subplots()
    iterations = trained.iterations
    episodes = [each.episodes for each in iterations]
    axes.plot(episodes, [each.reward for each in iterations], label="iteration")
    axes.plot(episodes, [each.moving_average for each in iterations], label="moving average")
    lines = {
        "optimum": result.optimum,
        "70 % rule": result.threshold_return,
        "random": result.random_return,
    }
    for style, (name, value) in zip(("-", "--", ":"), lines.items(), strict=True):
        axes.axhline(value, linestyle=style, linewidth=1.0, color="grey", label=name)
    axes.set_xlabel("episodes")
    axes.set_ylabel("return of an episode")
    axes.legend()
