"""The tables of the benchmark `twin`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.twin import Twin
from tests.baselines.twin_rows import QUANTITIES, HeldOut, errors_of, mean_known


def shown(values: FloatArray) -> str:
    """Shares as per cents in columns."""
    return " ".join("       -" if np.isnan(value) else f"{value:8.1%}" for value in values)


def print_rows(title: str, rows: list[HeldOut]) -> tuple[FloatArray, float]:
    """Print a table; returns the errors [5] over all rows and the share covered."""
    print(title)
    print(f"  {'median error':26s} {' '.join(f'{name[:8]:>8s}' for name in QUANTITIES)}  covered")
    for row in rows:
        errors = errors_of(row.measured, row.predicted)
        print(f"  {row.key:26s} {shown(errors)} {mean_known(row.covered):8.0%}")
    measured = np.concatenate([row.measured for row in rows])
    errors = errors_of(measured, np.concatenate([row.predicted for row in rows]))
    covered = np.concatenate([row.covered for row in rows])
    print(f"  {'all rows':26s} {shown(errors)} {mean_known(covered):8.0%}")
    print(f"  {'covered':26s} {shown(np.array([mean_known(each) for each in covered.T]))}")
    repeated = np.array([np.median([row.repeat[each] for row in rows]) for each in range(4)])
    if np.nanmax(repeated) > 0.0:
        print(f"  {'rows side by side differ':26s} {shown(repeated)}")
    return errors, mean_known(covered)


def unidentified(twins: Mapping[str, Twin]) -> None:
    """Print what the telemetry of each workload can't tell."""
    print("not identified, and drawn from the prior (no variation seen):")
    for key, twin in twins.items():
        names = [name for name, seen in twin.identified.items() if not seen]
        print(f"  {key:26s} {', '.join(names) or 'nothing'}")
