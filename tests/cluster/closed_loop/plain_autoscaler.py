"""HPA and VPA as Kubernetes runs them, without this product's guard: what ours is compared with.

Every 15 s the exact rules of `components.cluster` read the last step of the same Prometheus. What
they want goes through the actuator's scale subresource and in-place resize, which is kinder to VPA
than its own evictions.
"""

from __future__ import annotations

import threading
import time

import numpy as np
import pandas as pd

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray
from components.cluster.hpa import HPA_MEMORY_COUNT, SYNC_S, hpa_one, reset_hpa
from components.cluster.limits import limits_of
from components.cluster.sample import OOM_KILLS
from components.cluster.telemetry_samples import telemetry_samples
from components.cluster.vpa import note_usage, vpa_one
from components.errors import TemporaryError, UserError
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.leases import LeaseHolder
from components.metrics.grid import grid_between
from components.workload.quantities import format_cpu, format_memory
from components.workload.spec import Workload
from tests.cluster.api_server import Cluster
from tests.cluster.closed_loop.arms import Incumbent
from tests.cluster.closed_loop.figures import frame_of
from tests.cluster.workloads import recommend

RECOMMENDER_LEASE = "aware-recommender"
_VPA_EVERY = 4  # syncs
_LEASE_S = 60
_RATE_WINDOW_S = 60


class PlainAutoscaler:
    """One workload's HPA on CPU, with VPA on memory where the incumbent has its history."""

    def __init__(
        self,
        cluster: Cluster,
        url: str,
        workload: Workload,
        incumbent: Incumbent,
        mine: MultidimPodAutoscaler,
    ) -> None:
        self._cluster = cluster
        self._url = url
        self._workload = workload
        self._incumbent = incumbent
        self._mine = mine
        self._limits = limits_of([workload])[0]
        self._hpa = np.zeros(HPA_MEMORY_COUNT)
        reset_hpa(self._hpa, incumbent.allocation[lim.REPLICAS])
        self._history = None if incumbent.history is None else incumbent.history.copy()
        self._wanted = incumbent.allocation.copy()
        self._kills, self._syncs = 0.0, 0
        # The actuator shrinks nothing on the word of somebody who has gone silent.
        self._lease = LeaseHolder(
            cluster.client, workload.namespace, RECOMMENDER_LEASE, "plain", _LEASE_S
        )
        self.failed: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Syncs every 15 s until `stop` is set; what fails is kept in `failed` and tried again."""
        while not stop.is_set():
            due_s = time.monotonic() + SYNC_S
            try:
                self._lease.hold()
                self.sync(time.time())
            except (TemporaryError, UserError) as error:
                self.failed.append(str(error))
            stop.wait(max(0.0, due_s - time.monotonic()))

    def sync(self, now_s: float) -> FloatArray:
        """One look and what is wanted after it [3]."""
        grid = grid_between(int(1000 * (now_s - 2 * SYNC_S)), int(1000 * now_s))
        frame = frame_of(self._url, self._workload, grid, _RATE_WINDOW_S)
        if frame is None or frame.iloc[-1][["cpu_usage_m", "replicas_ready"]].isna().any():
            return self._wanted
        sample = telemetry_samples(frame.iloc[-1:], self._workload)[0][0]
        before = self._wanted.copy()
        self._wanted[lim.REPLICAS] = hpa_one(
            self._hpa, self._limits, sample, before[lim.REPLICAS], self._incumbent.target
        )
        if self._history is not None:
            self._vertical(self._history, frame.iloc[-1:], float(sample[OOM_KILLS]))
        if not np.array_equal(before, self._wanted) or self._syncs == 0:
            self._write()
        self._syncs += 1
        return self._wanted

    def _vertical(self, history: FloatArray, row: pd.DataFrame, kills: float) -> None:
        per_replica = row["cpu_usage_m"].to_numpy() / np.maximum(
            row["replicas_ready"].to_numpy(), 1
        )
        note_usage(
            history,
            per_replica.astype(np.float64),
            row["memory_working_set_bytes"].to_numpy(dtype=np.float64).copy(),
            row["memory_request_bytes"].fillna(0.0).to_numpy(dtype=np.float64).copy(),
            np.array([kills]),
        )
        self._kills += kills
        if self._syncs % _VPA_EVERY:
            return
        limits = self._limits
        vpa_one(
            history,
            self._incumbent.margin,
            self._incumbent.minimum_bytes,
            limits[lim.CPU_MIN_M],
            limits[lim.CPU_MAX_M],
            limits[lim.MEMORY_MIN_BYTES],
            limits[lim.MEMORY_MAX_BYTES],
            self._kills,
            False,
            self._wanted,
        )
        self._kills = 0.0

    def _write(self) -> None:
        recommend(
            self._cluster,
            self._mine,
            int(self._wanted[lim.REPLICAS]),
            format_cpu(int(self._wanted[lim.CPU_M])),
            format_memory(int(self._wanted[lim.MEMORY_BYTES])),
            container=self._workload.container,
        )
