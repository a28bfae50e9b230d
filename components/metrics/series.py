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

# What follows the workload's name in a pod's. No part of it holds a '-', so a name is found by
# cutting, not by trying every workload; the longest first: a pod of shop-web-0 is not one of shop.
_POD_SUFFIX = (
    ("StatefulSet", 1, re.compile(r"[0-9]+")),
    ("Deployment", 2, re.compile(r"[a-z0-9]+-[a-z0-9]+")),
)


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
    samples, which are kept as missing; `units` are those that the samples came in.
    """

    query: Query
    rows: dict[str, FloatArray] = field(default_factory=dict)
    invalid: int = 0
    units: set[str] = field(default_factory=set)


class Measurements:
    """All workloads' measurements, filled query by query and page by page."""

    def __init__(self, workloads: Sequence[Workload], grid: Grid) -> None:
        self.grid = grid
        self._workloads = {workload.key: workload for workload in workloads}
        self._controllers = {
            (workload.kind, workload.namespace, workload.name): workload for workload in workloads
        }
        self._named_by_query: dict[str, defaultdict[tuple[str, str], list[str]]] = {}
        self._by_key: defaultdict[str, dict[str, Measurement]] = defaultdict(dict)

    def of(self, workload: Workload) -> dict[str, Measurement]:
        """Return the workload's measurements by measure; what no series told is absent."""
        return self._by_key[workload.key]

    def add(self, query: Query, series: Iterable[Series]) -> None:
        """Put the series of the query's answer where they belong; others' are left out."""
        for one in series:
            for key, name in self.owners(query, one.labels):
                measurement = self._by_key[key].setdefault(query.measure, Measurement(query))
                self._lay(measurement, query, name, one)

    def _lay(self, measurement: Measurement, query: Query, name: str, series: Series) -> None:
        row = measurement.rows.setdefault(name, np.full(self.grid.steps, np.nan))
        values = series.values * query.scale
        wrong = np.isinf(values) | (values < 0)
        measurement.invalid += int(wrong.sum())
        slots = self.grid.slots(series.times_ms)
        kept = ~wrong & ~np.isnan(values) & (slots >= 0) & (slots < self.grid.steps)
        if measurement.query.text != query.text:
            # Two queries may ask for the same (latency in seconds, in milliseconds): in a step
            # in which both have an answer, the first one's counts.
            kept &= np.isnan(row[np.clip(slots, 0, self.grid.steps - 1)])
        if kept.any():
            row[slots[kept]] = values[kept]
            measurement.units.add(query.told_unit)

    def owners(self, query: Query, labels: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the keys of the workloads that a series belongs to, each with the row's name."""
        if query.by == "pod":
            name = labels.get(query.row_label or "pod", "")
            return [(owner, name) for owner in self._owner_of_pod(labels)]
        name = ",".join(f"{label}={value}" for label, value in sorted(labels.items()))
        if not query.name_label:
            return [(query.keys[0], name)]
        namespaces = [labels[label] for label in query.namespace_labels if labels.get(label)]
        called = labels.get(query.name_label, "")
        keys = self._named(query).get((namespaces[0], called), []) if namespaces else []
        return [(key, name) for key in keys]

    def _named(self, query: Query) -> Mapping[tuple[str, str], list[str]]:
        """Return the keys by namespace and by what the query's series call a workload."""
        index = self._named_by_query.get(query.text)
        if index is None:
            index = self._named_by_query[query.text] = defaultdict(list)
            for key in query.keys:
                index[self._workloads[key].namespace, self._called(key, query)].append(key)
        return index

    def _called(self, key: str, query: Query) -> str:
        workload = self._workloads[key]
        return workload.metrics.ingress if query.name_label == "ingress" else workload.name

    def _owner_of_pod(self, labels: Mapping[str, str]) -> list[str]:
        namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
        for kind, parts, suffix in _POD_SUFFIX:
            cut = pod.rsplit("-", parts)
            workload = self._controllers.get((kind, namespace, cut[0]))
            if workload is not None and suffix.fullmatch(pod[len(cut[0]) + 1 :]):
                return [workload.key] if workload.container == labels.get("container") else []
        return []
