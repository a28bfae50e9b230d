"""Prometheus' series told apart by workload and laid on the grid."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from components.metrics.grid import Grid
from components.metrics.queries import Query
from components.workload.spec import Workload

FloatArray = npt.NDArray[np.float64]

_POD_SUFFIX = {"Deployment": r"-[a-z0-9]+-[a-z0-9]+", "StatefulSet": r"-[0-9]+"}


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series: `times_ms` [N] and `values` [N]."""

    labels: Mapping[str, str]
    times_ms: npt.NDArray[np.int64]
    values: FloatArray


@dataclass(slots=True)
class Measurement:
    """What one query said of one workload: a row [T] on the grid for each series, NaN = no sample.

    Rows of a container's measure are named by its pod. `invalid` counts infinite and negative
    samples, which are kept as missing.
    """

    query: Query
    rows: dict[str, FloatArray] = field(default_factory=dict)
    invalid: int = 0


class Measurements:
    """All workloads' measurements, filled query by query and page by page."""

    def __init__(self, workloads: Sequence[Workload], grid: Grid) -> None:
        self.grid = grid
        self._workloads = {workload.key: workload for workload in workloads}
        self._patterns = [
            (workload, re.compile(re.escape(workload.name) + _POD_SUFFIX[workload.kind]))
            # The longest name first: a pod of shop-web-0 is not one of shop.
            for workload in sorted(workloads, key=lambda workload: -len(workload.name))
        ]
        self._by_key: defaultdict[str, dict[str, Measurement]] = defaultdict(dict)

    def of(self, workload: Workload) -> dict[str, Measurement]:
        """Return the workload's measurements by measure; what no series told is absent."""
        return self._by_key[workload.key]

    def add(self, query: Query, series: Iterable[Series]) -> None:
        """Put the series of the query's answer where they belong; others' are left out."""
        for one in series:
            for key, name in self._owners(query, one.labels):
                measurement = self._by_key[key].setdefault(query.measure, Measurement(query))
                # Two queries may ask for the same (latency in seconds, in milliseconds): the first
                # that has an answer counts.
                if measurement.query.text == query.text:
                    self._lay(measurement, name, one)

    def _lay(self, measurement: Measurement, name: str, series: Series) -> None:
        row = measurement.rows.setdefault(name, np.full(self.grid.steps, np.nan))
        values = series.values * measurement.query.scale
        wrong = np.isinf(values) | (values < 0)
        measurement.invalid += int(wrong.sum())
        slots = self.grid.slots(series.times_ms)
        kept = ~wrong & (slots >= 0) & (slots < self.grid.steps)
        row[slots[kept]] = values[kept]

    def _owners(self, query: Query, labels: Mapping[str, str]) -> list[tuple[str, str]]:
        if query.by == "pod":
            return [(owner, labels["pod"]) for owner in self._owner_of_pod(labels)]
        name = ",".join(f"{label}={value}" for label, value in sorted(labels.items()))
        if not query.name_label:
            return [(query.keys[0], name)]
        namespaces = [labels[label] for label in query.namespace_labels if labels.get(label)]
        called = labels.get(query.name_label, "")
        return [
            (key, name)
            for key in query.keys
            if namespaces
            and self._workloads[key].namespace == namespaces[0]
            and called == self._called(key, query)
        ]

    def _called(self, key: str, query: Query) -> str:
        workload = self._workloads[key]
        return workload.metrics.ingress if query.name_label == "ingress" else workload.name

    def _owner_of_pod(self, labels: Mapping[str, str]) -> list[str]:
        pod, container = labels.get("pod", ""), labels.get("container", "")
        for workload, pattern in self._patterns:
            if workload.namespace == labels.get("namespace") and pattern.fullmatch(pod):
                return [workload.key] if workload.container == container else []
        return []
