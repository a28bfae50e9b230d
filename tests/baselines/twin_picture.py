"""The picture of the benchmark `twin`: predicted over measured, and what no configuration tells."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.cluster.compiled import FloatArray
from tests.baselines import published
from tests.baselines.twin_rows import HeldOut

UNITS = ("CPU, m", "memory, bytes", "median latency, ms", "slow latency, ms", "requests per s")


def draw(figure: Figure, rows: list[HeldOut], surfaces: dict[str, FloatArray]) -> None:
    """Above: rows of open-loop services, a panel a quantity. Below: kruize_autotune's, and anfa's
    p99 by a pod's rate and by the CPU time of a request."""
    above, below = figure.subplots(2, len(UNITS))
    for column, (axes, unit) in enumerate(zip(above, UNITS, strict=True)):
        for row in rows:
            measured, predicted = row.measured[:, column], row.predicted[:, column]
            axes.plot(measured, predicted, ".", markersize=3, label=row.key)
        with_truth(axes, f"measured {unit}")
    above[0].legend(fontsize=5)
    found = published.surfaces()
    for axes, column, unit in zip(below, (0, 1), ("throughput_rps", "resp_ms"), strict=False):
        for name, logs in surfaces.items():
            measured = found[name][unit].to_numpy()
            predicted = measured * np.exp(logs[:, column])
            axes.plot(measured, predicted, ".", label=name.replace("/experiment-data", ""))
        with_truth(axes, f"measured {'requests per s' if column == 0 else 'response, ms'}")
    below[0].legend(fontsize=5)
    above[0].set_ylabel("the twin's prediction")
    below[0].set_ylabel("the closed loop's prediction")
    draw_reasons(below[2], below[3])
    below[4].set_axis_off()


def with_truth(axes: Axes, label: str) -> None:
    """Logarithmic axes and the line of truth."""
    axes.set(xscale="log", yscale="log", xlabel=label)
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color="grey", linestyle="-", linewidth=1.0)


def draw_reasons(by_rate: Axes, by_work: Axes) -> None:
    """anfa's p99, which follows the CPU time of a request and not a pod's rate."""
    runs = published.capacity_runs()
    if runs is None:
        return
    rate = runs["target_rps"] / runs["replicas"]
    for axes, value, label in (
        (by_rate, rate, "anfa: requests per s of a pod"),
        (by_work, 1000.0 * runs["max_pod_cpu"] / rate, "anfa: CPU of a request, ms"),
    ):
        axes.plot(value, runs["p99_ms"], ".")
        axes.set(yscale="log", xlabel=label)
    by_rate.set_ylabel("p99, ms")
