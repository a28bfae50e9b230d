"""Applications to learn from that could be run: compositions of segments measured on a service."""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster.applications import SIZE_CLASSES, mean_rate, sample_limits
from components.cluster.compiled import FloatArray
from components.cluster.compositions import compositions

# The service that the segments were measured on uses one core.
_SIZE = SIZE_CLASSES[0]


def sample_compositions(
    rng: np.random.Generator, count: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(parameters [count, P], limits [count, L], mean rates per second [count]).

    As applications.sample_applications, but nothing of the service itself is invented: its
    demand, waits and memory are sums of measured profiles. Bounds, objectives and rates are
    drawn as for a small service.
    """
    parameters = np.stack([each.parameters() for each in compositions(rng, count)])
    limits = np.empty((count, lim.LIMITS_COUNT))
    rates = np.empty(count)
    for row, service in enumerate(parameters):
        cpu_max_m = float(np.exp(rng.uniform(*np.log(_SIZE.cpu_max_m))))
        sample_limits(rng, _SIZE, cpu_max_m, service, limits[row])
        rates[row] = mean_rate(rng, service, limits[row])
    return parameters, limits, rates
