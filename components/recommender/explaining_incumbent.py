"""What moved the incumbent's proposal, by the own terms of HPA and VPA: exact.

replicas = what CPU use asks for + what the window of five minutes adds
memory   = what is in force      + what the memory's history adds
"""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, compiled, contiguous
from components.cluster.hpa import desired_replicas
from components.recommender.explaining_rule import Effects

INCUMBENT_FEATURES: tuple[tuple[str, str], ...] = (
    ("CPU use", "% of the request"),
    ("replicas of the last 5 minutes", ""),
    ("memory in use and its history", "MiB"),
)
_MIB = 2.0**20


def incumbent_effects(
    samples: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    targets: FloatArray,
    proposed: FloatArray,
) -> Effects:
    """The effects of INCUMBENT_FEATURES on N proposals [N, 3].

    samples [N, M]: the newest; limits [N, L]; current [N, 3]; targets [N]: the HPA's.
    """
    wanted = np.empty(len(samples))
    wanted_rows(contiguous(samples), contiguous(limits), contiguous(current), targets, wanted)
    offered_m = samples[:, smp.REPLICAS_READY] * samples[:, smp.CPU_REQUEST_M]
    moved = np.zeros((len(samples), 3, 3))
    moved[:, 0, lim.REPLICAS] = wanted - current[:, lim.REPLICAS]
    moved[:, 1, lim.REPLICAS] = proposed[:, lim.REPLICAS] - wanted
    moved[:, 2, lim.MEMORY_BYTES] = proposed[:, lim.MEMORY_BYTES] - current[:, lim.MEMORY_BYTES]
    values = np.stack(
        [
            100.0 * samples[:, smp.READY_CPU_USAGE_M] / np.maximum(offered_m, 1e-9),
            proposed[:, lim.REPLICAS],
            samples[:, smp.MEMORY_WORKING_SET_BYTES] / _MIB,
        ],
        axis=1,
    )
    calm = np.stack([100.0 * targets, wanted, current[:, lim.MEMORY_BYTES] / _MIB], axis=1)
    return Effects(values, calm, np.nan_to_num(moved))


@compiled
def wanted_rows(
    samples: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    targets: FloatArray,
    wanted: FloatArray,
) -> None:
    """What CPU use alone asks for within the bounds, into wanted [N]."""
    for row in range(samples.shape[0]):
        sample = samples[row]
        ready = sample[smp.REPLICAS_READY]
        replicas = desired_replicas(
            current[row, lim.REPLICAS],
            ready,
            max(sample[smp.REPLICAS_WANTED] - ready, 0.0),
            0.0,
            sample[smp.READY_CPU_USAGE_M],
            sample[smp.CPU_REQUEST_M],
            targets[row],
        )
        least, most = limits[row, lim.REPLICAS_MIN], limits[row, lim.REPLICAS_MAX]
        wanted[row] = min(max(replicas, least), most)
