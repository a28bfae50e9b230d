"""The product's own controllers over a hidden service: compiled again around its step.

A function that reaches the simulator's step is built anew with the hidden one in its place, so
that every controller's code is the one that serves; what doesn't reach it stays as it is.
"""

import types
from collections.abc import Iterator
from typing import Any

import numba

from components.cluster.autoscaler_rollout import autoscaler_interval
from components.cluster.environment_interval import decide_rows
from components.cluster.foresight import foresight
from components.cluster.rollout import rollout_hpa, rollout_hpa_vpa
from components.cluster.simulator import advance_one
from components.cluster.state import initial_state
from components.policy.rule_rollout import interval, interval_one, rollout_rule
from tests.hidden_workloads.service import HIDDEN_STATE_COUNT, hidden_advance_one

_ROOMS = ("components.cluster.", "components.policy.", "tests.baselines.")
_CONSTANTS = {"STATE_COUNT": HIDDEN_STATE_COUNT}


class Rebuilder:
    """Builds functions around other ones; what was built once is used again."""

    def __init__(self, replaced: dict[Any, Any], constants: dict[str, Any]) -> None:
        self._built: dict[int, Any] = {id(old): new for old, new in replaced.items()}
        self._constants = constants

    def __call__(self, function: Any) -> Any:
        """The function built anew, or itself where it reaches nothing that is replaced."""
        if id(function) in self._built:
            return self._built[id(function)]
        compiled = isinstance(function, numba.core.registry.CPUDispatcher)
        source = function.py_func if compiled else function
        known = source.__globals__
        changed: dict[str, Any] = {}
        for name in set(_names(source.__code__)):
            value = known.get(name)
            if name in self._constants and value is not None:
                changed[name] = self._constants[name]
            elif _belongs(value) and (new := self(value)) is not value:
                changed[name] = new
        result = function
        if changed:
            anew = types.FunctionType(
                source.__code__, {**known, **changed}, source.__name__, source.__defaults__
            )
            anew.__kwdefaults__ = source.__kwdefaults__
            # numba's cache knows a function by its file and code, not by its globals.
            result = numba.njit(error_model="numpy")(anew) if compiled else anew
        self._built[id(function)] = result
        return result


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _belongs(value: Any) -> bool:
    source = getattr(value, "py_func", value)
    return isinstance(source, types.FunctionType) and source.__module__.startswith(_ROOMS)


_rebuilder = Rebuilder({advance_one: hidden_advance_one}, _CONSTANTS)


def rebuilt(function: Any) -> Any:
    """Another function over a hidden service."""
    return _rebuilder(function)


hidden_hpa = _rebuilder(rollout_hpa)
hidden_hpa_vpa = _rebuilder(rollout_hpa_vpa)
hidden_rule = _rebuilder(rollout_rule)
hidden_foresight = _rebuilder(foresight)
hidden_decide_rows = _rebuilder(decide_rows)
hidden_initial_state = _rebuilder(initial_state)
hidden_autoscaler_interval = _rebuilder(autoscaler_interval)
hidden_interval_one = _rebuilder(interval_one)
hidden_interval = _rebuilder(interval)
