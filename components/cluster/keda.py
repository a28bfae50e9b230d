"""A KEDA ScaledObject with an AverageValue target: an HPA on a total that KEDA's adapter serves.

Source: keda.sh, "ScaledObject specification" and "Prometheus" and queue scalers (metricType
AverageValue, the default), and kubernetes/kubernetes, replica_calculator.go
(GetExternalPerPodMetricReplicas): the total over the target is compared with the replicas that
exist, whether they are ready or not. Behaviour policies and windows are the HPA's. Scaling to and
from zero is left out: the bounds ask for one replica at least.
"""

from __future__ import annotations

import math

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, compiled
from components.cluster.hpa import scale_up_limit, stabilised, within_tolerance


@compiled
def replicas_for_total(total: float, target: float, existing: float) -> float:
    """Replicas so that each has at most `target` of `total`, before stabilisation and bounds."""
    if existing > 0.0 and within_tolerance(total / (target * existing)):
        return existing
    return float(math.ceil(total / target))


@compiled
def requests_in_system(sample: FloatArray) -> float:
    """Requests at work or waiting: what a queue's length is to a worker of a queue."""
    return float(sample[smp.CONCURRENCY] + sample[smp.QUEUED])


@compiled
def keda_one(
    memory: FloatArray,
    limits: FloatArray,
    total: float,
    existing: float,
    current: float,
    target: float,
) -> float:
    """Replicas after one sync of 15 s; memory [21] is the HPA's and is updated.

    total: requests per second, or requests in the system, over all `existing` replicas.
    """
    desired = replicas_for_total(total, target, existing)
    replicas = min(stabilised(memory, current, desired), scale_up_limit(current, 0.0, 0.0))
    return float(min(max(replicas, limits[lim.REPLICAS_MIN]), limits[lim.REPLICAS_MAX]))
