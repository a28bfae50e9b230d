"""All series of a query as one block of numbers, each row with its workload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray
from components.metrics.grid import Grid
from components.metrics.queries import Query
from components.metrics.series import Measurements, Series
from components.workload.spec import Workload

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Values [S, T] of series, NaN for a gap, in the order of their workloads.

    owners [S]: the workloads' rows; numbers [S]: of what the series is of (a pod, a service).
    """

    owners: Rows
    numbers: Rows
    values: FloatArray

    @property
    def starts(self) -> Rows:
        """Return where each workload's series begin."""
        first = np.ones(len(self.owners), dtype=np.bool_)
        first[1:] = self.owners[1:] != self.owners[:-1]
        return np.flatnonzero(first)


@dataclass(slots=True)
class Owners:
    """Whose series are whose; each name is looked up once, as long as the workloads are the same.

    `names`: of what the series are, by number.
    """

    workloads: Sequence[Workload]
    names: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(init=False)
    _known: dict[tuple[str | None, ...], tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._places = {item.key: row for row, item in enumerate(self.workloads)}

    def of(
        self, number: int, query: Query, series: Sequence[Series], measurements: Measurements
    ) -> list[tuple[tuple[int, int], ...]]:
        """Each series' workloads, as (row, number of its name); `number` tells queries apart."""
        if query.by == "pod":
            keys: list[tuple[str | None, ...]] = [
                (one.labels.get("namespace"), one.labels.get("pod"), one.labels.get("container"))
                for one in series
            ]
        else:
            keys = [(str(number), *map(":".join, one.labels.items())) for one in series]
        known = self._known
        for key, one in zip(keys, series, strict=True):
            if key not in known:
                known[key] = self._found(query, one, measurements)
        return [known[key] for key in keys]

    def _found(
        self, query: Query, series: Series, measurements: Measurements
    ) -> tuple[tuple[int, int], ...]:
        found = []
        for key, name in measurements.owners(query, series.labels):
            found.append((self._places[key], len(self.names)))
            self.names.append(name)
        return tuple(found)


def block_of(
    series: Sequence[Series],
    owners: Sequence[tuple[tuple[int, int], ...]],
    scale: float,
    grid: Grid,
) -> Block:
    """The block of an answer; infinite and negative samples are gaps, others' series are left out.

    owners: as `Owners.of` gives them; a series of several workloads has a row for each.
    """
    mine = [(row, name, place) for place, found in enumerate(owners) for row, name in found]
    places = np.array(mine, dtype=np.int64).reshape(-1, 3)
    places = places[np.argsort(places[:, 0], kind="stable")]
    if not len(places):
        return Block(places[:, 0], places[:, 1], np.full((0, grid.steps), np.nan))
    laid = np.full((len(series), grid.steps), np.nan)
    counts = [len(one.values) for one in series]
    values = np.concatenate([one.values for one in series]) * scale
    slots = grid.slots(np.concatenate([one.times_ms for one in series]))
    rows = np.repeat(np.arange(len(series)), counts)
    # NaN compares as false: it is no sample.
    kept = (values >= 0) & (values < np.inf) & (slots >= 0) & (slots < grid.steps)
    laid[rows[kept], slots[kept]] = values[kept]
    return Block(places[:, 0], places[:, 1], laid[places[:, 2]])
