"""What is known about the way of one workload's policy from shadow to live, kept over restarts."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from components.errors import UserError
from components.policy.sequential_test import BETTORS

INCUMBENT = "INCUMBENT"
SHADOW = "SHADOW"
CANARY = "CANARY"
LIVE = "LIVE"
PHASES = (INCUMBENT, SHADOW, CANARY, LIVE)

_VERSION = 1
_NO_WEALTH = (0.0,) * BETTORS


@dataclass(frozen=True, slots=True)
class PhaseState:
    """One workload's phase and the evidence gathered in it.

    `digest`: the policy (bundle) that the evidence is about. `barred`: policies that were sent
    back and don't come again. `harm`, `benefit`: log wealth of the bettors against the policy and
    for it. `block_sum`, `block_count`: the block that isn't full yet. `intervals`, `violations`:
    how many were measured in this phase, and the sum of their violation shares. `invalid`, `bad`:
    intervals in a row without a usable proposal, with plain violations. `oom_kills`, `reversals`:
    leaking counts.
    """

    phase: str = INCUMBENT
    since_s: float = 0.0
    reason: str = "NoPolicy"
    message: str = "there is no policy: the incumbent acts"
    digest: str = ""
    barred: tuple[str, ...] = ()
    harm: tuple[float, ...] = _NO_WEALTH
    benefit: tuple[float, ...] = _NO_WEALTH
    block_sum: float = 0.0
    block_count: int = 0
    intervals: int = 0
    violations: float = 0.0
    invalid: int = 0
    bad: int = 0
    oom_kills: float = 0.0
    reversals: float = 0.0
    near_limit: float = 0.0


def to_json(state: PhaseState) -> str:
    """The state as one line of JSON."""
    return json.dumps({"version": _VERSION, **asdict(state)}, sort_keys=True, allow_nan=False)


def from_json(text: str) -> PhaseState:
    """The state that to_json wrote; raises UserError for anything else."""
    try:
        value = json.loads(text)
        version = value.pop("version")
        if version != _VERSION:
            raise ValueError(f"version {version} is not {_VERSION}")
        state = PhaseState(**{name: _plain(item) for name, item in value.items()})
        _check(state)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UserError(
            f"the stored phase can't be read ({error}): delete it to start again in shadow"
        ) from error
    return state


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check(state: PhaseState) -> None:
    if state.phase not in PHASES:
        raise ValueError(f"{state.phase!r} is no phase")
    for field in fields(state):
        value, default = getattr(state, field.name), field.default
        if isinstance(default, float) and isinstance(value, int):
            value = float(value)
        if type(value) is not type(default):
            raise ValueError(f"{field.name} is {value!r}")
    numbers = (
        *state.harm,
        *state.benefit,
        state.block_sum,
        state.violations,
        state.oom_kills,
        state.reversals,
        state.near_limit,
    )
    if len(state.harm) != BETTORS or len(state.benefit) != BETTORS:
        raise ValueError(f"there are {BETTORS} bettors")
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("a number is not finite")
