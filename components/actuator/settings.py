"""What an operator can set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActuatorSettings:
    """Times in seconds.

    `passes`: how often one workload is looked at again within a tick while its steps go on.
    `failures_to_open`: after so many failed ticks in a row a workload is left alone, first for
    `open_s`, doubling up to `longest_open_s`. `deferred_s`, `in_progress_s`: how long a node may
    put an in-place resize off, or work at it, before the pod is replaced (the VPA's 5 min, 1 h).
    `landing_s`: after this an action that hasn't landed is reported as such. `pod_cool_down_s`: a
    pod that was resized shrinks no sooner again; it may grow. `eviction_cool_down_s`: of one
    workload no second pod is evicted sooner. `refusal_s`: for so long a resize that the API server
    refused isn't asked for again.
    """

    tick_s: float = 10.0
    passes: int = 6
    pass_wait_s: float = 0.5
    workers: int = 4
    failures_to_open: int = 3
    open_s: float = 300.0
    longest_open_s: float = 3600.0
    deferred_s: float = 300.0
    in_progress_s: float = 3600.0
    landing_s: float = 300.0
    pod_cool_down_s: float = 60.0
    eviction_cool_down_s: float = 600.0
    refusal_s: float = 3600.0
