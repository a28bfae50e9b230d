"""The services that a workload may be: what its telemetry can't tell apart, told by a population.

One fit and its bootstrap agree with each other and may all be wrong: they start from one guess,
and keep it wherever the telemetry says nothing. So fits are started from applications of the
population as well, each drawn to its own application by the prior and to a bootstrap sample by the
data (randomised maximum likelihood: Oliver, He and Reynolds, ECMOR V, 1996). Where the telemetry
says nothing the population's spread is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.twin import Twin
from components.cluster.twin_ensemble import block_weights
from components.cluster.twin_evidence import Evidence, evidence_of
from components.cluster.twin_fit import USUAL_ERROR, first_guess, fit_parameters, log_errors
from components.policy.measured import MeasuredWorkload

# Of so many the nearest in size and demand are drawn.
POPULATION = 2048
# One deviation, by logarithm, of how near in CPU size and in CPU time a request.
SIZE_NEAR, DEMAND_NEAR = 0.4, 0.7
# Fits that end in a bad local optimum are left out: the worst quarter of them. The others count
# alike. Weights by how well they explain the telemetry made worse policies: no member is right.
KEPT_SHARE = 0.75
# Of the twin's own members, which differ little.
TWIN_MEMBERS = 4
WAIT_VARIABILITY_USUAL, WAIT_VARIABILITY_SPREAD = 0.2, 1.0
# Read off the telemetry where it shows them; else the population's.
_TOLD = {
    "startup_s": par.STARTUP_S,
    "resize_restarts": par.RESIZE_RESTARTS,
    "timeout_ms": par.TIMEOUT_MS,
}


@dataclass(frozen=True, slots=True)
class Applications:
    """Applications that a workload may be like: parameters [N, P] and limits [N, L]."""

    parameters: FloatArray
    limits: FloatArray


def synthetic_applications(rng: np.random.Generator, count: int = POPULATION) -> Applications:
    """The applications that the meta-policy is trained on, drawn anew."""
    parameters, limits, _ = sample_applications(rng, count)
    return Applications(parameters, limits)


def likely_members(
    measured: MeasuredWorkload,
    twin: Twin,
    population: Applications,
    fits: int,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Parameters [count, P], in equal numbers: the twin's members and the best of `fits` fits."""
    if not fits:
        return twin.members[np.arange(count) % len(twin.members)]
    workload, frame = measured.workload, measured.training
    evidence, limits = evidence_of(frame, workload), limits_of([workload])[0]
    started = []
    for drawn in population_draws(evidence, limits, twin.identified, population, fits, rng):
        weights = block_weights(rng, len(frame))
        started.append(fit_parameters(evidence, limits, drawn, drawn, weights))
    losses = np.array([loss(one, limits, evidence) for one in started])
    kept = np.argsort(losses, kind="stable")[: max(1, round(KEPT_SHARE * fits))]
    members = np.concatenate([np.stack(started)[kept], twin.members[:TWIN_MEMBERS]])
    chosen: FloatArray = rng.permutation(members[np.arange(count) % len(members)])
    return chosen


def population_draws(
    evidence: Evidence,
    limits: FloatArray,
    told: dict[str, bool],
    population: Applications,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Applications [count, P] like the one of the evidence, in its own scale.

    limits [L] are the workload's. Memory is scaled to its base, idle and start-up CPU to the
    largest size; what the telemetry tells directly is taken from it.
    """
    guess = first_guess(evidence)
    size = np.log(population.limits[:, lim.CPU_MAX_M] / limits[lim.CPU_MAX_M])
    demands = population.parameters[:, par.SERVICE_DEMAND_MS]
    demand = np.log(demands / guess[par.SERVICE_DEMAND_MS])
    distance = (size / SIZE_NEAR) ** 2 + (demand / DEMAND_NEAR) ** 2
    nearness = np.exp(-0.5 * (distance - distance.min()))
    rows = rng.choice(len(size), size=count, p=nearness / nearness.sum())
    drawn = population.parameters[rows]
    drawn[:, [par.IDLE_CPU_M, par.STARTUP_CPU_M]] *= np.exp(-size[rows])[:, None]
    memory = guess[par.MEMORY_BASE_BYTES] / drawn[:, par.MEMORY_BASE_BYTES]
    drawn[:, [par.MEMORY_BASE_BYTES, par.MEMORY_PER_REQUEST_BYTES]] *= memory[:, None]
    drawn[:, par.SERVICE_DEMAND_MS] = guess[par.SERVICE_DEMAND_MS]
    logs = rng.normal(np.log(WAIT_VARIABILITY_USUAL), WAIT_VARIABILITY_SPREAD, count)
    drawn[:, par.WAIT_VARIABILITY] = np.exp(logs)
    for name, field in _TOLD.items():
        if told.get(name, False):
            drawn[:, field] = guess[field]
    return par.clip_parameters(drawn)


def loss(parameters: FloatArray, limits: FloatArray, evidence: Evidence) -> float:
    """How badly parameters [P] explain the evidence: the fit's own soft-L1 loss, without prior."""
    scaled = np.where(evidence.usable, log_errors(parameters, limits, evidence) / USUAL_ERROR, 0.0)
    return float((np.sqrt(1.0 + scaled**2) - 1.0).sum())
