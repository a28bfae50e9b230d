"""`aware simulate`: what if another HPA, other sizes or another load?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.command_panels import LOOK

if TYPE_CHECKING:
    from components.cluster.compiled import FloatArray
    from components.cluster.rollout import Rollout


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=LOOK)
    def simulate(
        workload: Annotated[str, typer.Argument(help="namespace/name")],
        run: Annotated[Path, typer.Option(help="A finished run.")] = Path("runs/latest"),
        hpa_target: Annotated[
            float, typer.Option(min=0.05, max=1.0, help="CPU target, share of the request.")
        ] = 0.6,
        replicas: Annotated[int, typer.Option(min=0, help="At the start; 0: as usual.")] = 0,
        cpu: Annotated[str, typer.Option(help="A replica's CPU, such as 250m.")] = "",
        memory: Annotated[str, typer.Option(help="A replica's memory, such as 64Mi.")] = "",
        rate_factor: Annotated[float, typer.Option(min=0.01, help="Times the load.")] = 1.0,
        hours: Annotated[float, typer.Option(min=0.1, max=24.0, help="How long.")] = 1.0,
        seed: Annotated[int, typer.Option(min=0, help="Of the simulated hours.")] = 0,
        as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    ) -> None:
        """Play an HPA of your choice and the run's policy on the workload's twin and its own load.

        Example: aware simulate shop/checkout --hpa-target 0.5 --cpu 250m --rate-factor 2
        """
        import numpy as np

        from components.cluster.twin import from_json
        from components.errors import UserError
        from components.policy.measured import measured_workloads
        from components.policy.rule_parameters import rule_of
        from components.policy.what_if import what_if
        from pipelines.answer import run_console
        from pipelines.facts import AUTOSCALING, read_facts
        from pipelines.runs import finished_run

        folder = finished_run(run)
        part = read_facts(folder, {}).first
        dataset = folder.stage(AUTOSCALING, "ingestion")
        found = {one.workload.key: one for one in measured_workloads(dataset)}
        if workload not in found or workload not in part.twins:
            raise UserError(f"the run has no workload {workload}; it has {', '.join(found)}")
        situation = what_if(
            found[workload],
            from_json(part.twins[workload]),
            np.random.default_rng(seed),
            rate_factor=rate_factor,
            hours=hours,
        )
        allocation = _allocation(situation.usual, replicas, cpu, memory)
        rows = [(f"HPA at {hpa_target:.0%}", situation.hpa(hpa_target, allocation))]
        if rule := part.adapted.get(workload, {}).get("rule"):
            rows.append(("policy", situation.rule(rule_of(rule))))
        if as_json:
            typer.echo(json.dumps({name: _figures(rollout) for name, rollout in rows}))
        else:
            run_console().print(_table(workload, rows))


def _allocation(usual: FloatArray, replicas: int, cpu: str, memory: str) -> FloatArray:
    """Return replicas, millicores and bytes [3]: what was given, else as usual."""
    from components.errors import UserError
    from components.workload.quantities import parse_cpu, parse_memory

    chosen = usual.copy()
    try:
        given = (replicas, parse_cpu(cpu) if cpu else 0, parse_memory(memory) if memory else 0)
    except ValueError as error:
        raise UserError(f"{error}; give --cpu such as 250m and --memory such as 64Mi") from error
    for index, value in enumerate(given):
        if value:
            chosen[index] = value
    return chosen


def _figures(rollout: Rollout) -> dict[str, float]:
    """Return the mean of each of the comparison's columns, by its field."""
    import numpy as np

    from pipelines.comparison import COLUMNS

    return {column.field: float(np.mean(rollout.metric(column.field))) for column in COLUMNS}


def _table(workload: str, rows: list[tuple[str, Rollout]]) -> Any:
    from rich import box
    from rich.table import Table

    from pipelines.comparison import header, named_rows

    table = Table(box=box.SIMPLE_HEAD, title=f"{workload}: mean of simulated hours")
    for heading in header():
        table.add_column(heading, justify="right" if heading else "left")
    for name, rollout in rows:
        figures = {field: {"mean": mean} for field, mean in _figures(rollout).items()}
        ((_, cells),) = named_rows({"policy": figures})
        table.add_row(name, *cells[1:])
    return table
