"""What each service is given over time: a seeded exploration around its demand, with incidents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.recorder.rates import FloatArray
from tests.recorder.services import MIB, Service

EXPLORE, STARVE, SQUEEZE, COLD_START = "explore", "starve", "squeeze", "cold start"
_INCIDENTS = (STARVE, SQUEEZE, COLD_START)
_LOOK_AHEAD_S = 180
_SMALLEST_POD_M = 50
_SMALLEST_POD_REQUESTS_PER_S = 4  # a pod's CPU is enough for so many, at least


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things change; every pair is a range in seconds to draw from."""

    first_change_s: tuple[float, float] = (45, 120)
    held_s: tuple[float, float] = (90, 200)
    first_incident_s: tuple[float, float] = (60, 540)
    between_incidents_s: tuple[float, float] = (540, 840)
    incident_s: tuple[float, float] = (50, 80)
    alone_s: tuple[float, float] = (40, 60)  # of a cold start: how long one pod has it all
    starved: tuple[float, float] = (0.6, 0.85)  # times the demand
    starves_first: bool = False  # else the first incident is of a kind drawn


CALM = Pace()
# All kinds in 4 minutes: well supplied for a while, then starved hard, so that the two compare.
QUICK = Pace(
    first_change_s=(50, 60),
    held_s=(25, 35),
    first_incident_s=(0, 0),
    between_incidents_s=(60, 70),
    incident_s=(50, 60),
    alone_s=(20, 25),
    starved=(0.35, 0.45),
    starves_first=True,
)
PACES = {"calm": CALM, "quick": QUICK}


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a Deployment asks for: replicas, and per pod CPU in millicores and memory in bytes."""

    replicas: int
    cpu_m: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Change:
    """From `at_s` on (seconds from the start) the service has this allocation, and why."""

    at_s: float
    allocation: Allocation
    reason: str


def plan(
    service: Service, rates_per_s: FloatArray, rng: np.random.Generator, pace: Pace = CALM
) -> tuple[Change, ...]:
    """Return the changes over len(rates_per_s) seconds, the first at 0 and comfortable.

    At the calm pace a new allocation comes every 90 to 200 s and an incident, shorter, every 9 to
    14 minutes, the kinds in turn.
    """
    end_s = float(len(rates_per_s))
    changes = [Change(0.0, _comfortable(service, rates_per_s[:120]), EXPLORE)]
    next_incident_s = rng.uniform(*pace.first_incident_s)
    kind = int(rng.integers(len(_INCIDENTS)))
    kind = _INCIDENTS.index(STARVE) if pace.starves_first else kind
    at_s = rng.uniform(*pace.first_change_s)
    while at_s < end_s:
        ahead = rates_per_s[int(at_s) : int(at_s) + _LOOK_AHEAD_S]
        if at_s >= next_incident_s:
            new = _incident(_INCIDENTS[kind % 3], at_s, service, ahead, rng, pace)
            kind += 1
            next_incident_s = at_s + rng.uniform(*pace.between_incidents_s)
        else:
            new = [Change(at_s, _explored(service, ahead, changes[-1], rng), EXPLORE)]
        changes += new
        held_s = rng.uniform(*pace.incident_s) if new[-1].reason in (STARVE, SQUEEZE) else 0.0
        at_s = new[-1].at_s + (held_s or rng.uniform(*pace.held_s))
    return tuple(change for change in changes if change.at_s < end_s)


def demand_m(service: Service, rates_per_s: FloatArray) -> float:
    """Return the CPU in millicores that all but the highest tenth of these rates ask for."""
    return max(float(np.quantile(rates_per_s, 0.9)) * service.demand_ms, 5.0)


def _comfortable(service: Service, ahead: FloatArray) -> Allocation:
    return _allocation(service, 2, 3.0 * demand_m(service, ahead), _full_bytes(service))


def _explored(
    service: Service, ahead: FloatArray, before: Change, rng: np.random.Generator
) -> Allocation:
    """Return 0.9 to 3.2 times the demand, mostly above 1.25, on a new or the same number of pods.

    After an incident the service is always given what lets it recover.
    """
    recovering = before.reason != EXPLORE
    low, high = (1.25, 3.2) if recovering or rng.random() < 0.85 else (0.9, 1.25)
    provision = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    replicas = before.allocation.replicas
    if rng.random() < 0.55:
        replicas = int(rng.choice([1, 2, 3, 4], p=[0.2, 0.3, 0.28, 0.22]))
    full = _full_bytes(service)
    if recovering or rng.random() < 0.75:
        memory = full * float(np.exp(rng.uniform(0.0, np.log(1.8))))
    else:
        memory = full - rng.uniform(0.0, 0.6) * service.request_memory_bytes * service.concurrency
    return _allocation(service, replicas, provision * demand_m(service, ahead), memory)


def _incident(
    kind: str,
    at_s: float,
    service: Service,
    ahead: FloatArray,
    rng: np.random.Generator,
    pace: Pace,
) -> list[Change]:
    """Return an incident's changes; a cold start is a starved pod, then a scale-out beside it."""
    demand = demand_m(service, ahead)
    full = _full_bytes(service)
    if kind == STARVE:
        replicas = int(rng.integers(1, 3))
        starved = _allocation(service, replicas, rng.uniform(*pace.starved) * demand, full)
        return [Change(at_s, starved, STARVE)]
    if kind == SQUEEZE:
        tight = service.resident_bytes + 2.5 * service.request_memory_bytes
        cpu = rng.uniform(0.75, 1.0) * demand
        return [Change(at_s, _allocation(service, 1, cpu, tight), SQUEEZE)]
    alone = _allocation(service, 1, 0.9 * demand, full)
    replicas = int(rng.integers(3, 5))
    relieved = _allocation(service, replicas, replicas * 0.7 * demand, full)
    return [
        Change(at_s, alone, COLD_START),
        Change(at_s + rng.uniform(*pace.alone_s), relieved, COLD_START),
    ]


def _full_bytes(service: Service) -> float:
    """Return the memory of a replica whose every place is taken, and a little more."""
    return 1.08 * service.resident_bytes + service.request_memory_bytes * service.concurrency


def _allocation(service: Service, replicas: int, cpu_m: float, memory_bytes: float) -> Allocation:
    """Return the allocation within the service's bounds, of fewer pods rather than tiny ones."""
    smallest_m = max(_SMALLEST_POD_M, _SMALLEST_POD_REQUESTS_PER_S * service.demand_ms)
    replicas = max(1, min(replicas, int(cpu_m // smallest_m)))
    each_m = int(np.clip(round(cpu_m / replicas), service.cpu_min_m, service.cpu_max_m))
    memory = int(np.clip(memory_bytes, service.memory_min_bytes, service.memory_max_bytes))
    return Allocation(replicas, each_m, memory // MIB * MIB)
