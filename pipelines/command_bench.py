"""`aware bench`: tasks that others published, run here so that figures can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.command_panels import COMPARE

bench = typer.Typer(help="Run published tasks to compare figures with.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the `bench` commands to the app."""
    app.add_typer(bench, name="bench", rich_help_panel=COMPARE)


@bench.callback()
def group() -> None:
    """Run published tasks to compare figures with."""


@bench.command("aware-table")
def aware_table(
    output: Annotated[
        Path, typer.Option(help="Folder for log.csv, checkpoints, learning.png, results.json.")
    ] = Path("aware-table"),
    iterations: Annotated[
        int, typer.Option(min=1, max=100_000, help="Iterations of PPO, 16 episodes each.")
    ] = 150,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same training.")] = 0,
) -> None:
    """Train on AWARE's published test task; log every iteration's reward, memory and CPU.

    Example: aware bench aware-table --output aware-table
    """
    from components.agent.aware_table import TableTraining
    from components.agent.aware_table_run import run

    result = run(output, seed, TableTraining(iterations=iterations))
    typer.echo(
        f"mean return of an episode: random {result.random_return:.2f},"
        f" 70 % rule {result.threshold_return:.2f}, optimum {result.optimum:.2f}"
    )
    typer.echo(
        f"trained: {result.policy_return:.2f}, {result.share_of_optimum:.1%} of the optimum,"
        f" in {result.seconds:.1f} s"
    )
    if result.episodes_to_95 is None:
        typer.echo("95 % of the optimum: not reached by the moving average")
    else:
        typer.echo(
            f"95 % of the optimum: after {result.episodes_to_95} episodes,"
            f" {result.seconds_to_95:.1f} s"
        )
    typer.echo(f"log, checkpoints and results: {output}")
