"""The rule's named, bounded parameters, and their scaling to [0, 1] for search and learning."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.parameters import ParameterSpec, highs, lows

TARGET_UTILISATION = 0
DEMAND_SMOOTHING = 1
TREND_HORIZON_S = 2
TREND_SMOOTHING = 3
PEAK_HALF_LIFE_MIN = 4
PEAK_WEIGHT = 5
REFERENCE_CPU_SHARE = 6
CPU_BAND = 7
SCALE_UP_TOLERANCE = 8
SCALE_DOWN_TOLERANCE = 9
SCALE_DOWN_WAIT_MIN = 10
CPU_DEAD_BAND = 11
SATURATION_BOOST = 12
SLACK_TARGET = 13
SLACK_GAIN = 14
MEMORY_MARGIN = 15
MEMORY_VARIABILITY_WEIGHT = 16
MEMORY_HALF_LIFE_MIN = 17
MEMORY_DEAD_BAND = 18
OOM_BUMP = 19
BURST_RESERVE = 20
MEMORY_FLOOR_SHARE = 21


def _spec(
    name: str, unit: str, low: float, high: float, description: str, *, log: bool = False
) -> ParameterSpec:
    return ParameterSpec(name, unit, low, high, log=log, description=description)


RULE_PARAMETERS: tuple[ParameterSpec, ...] = (
    _spec("target_utilisation", "", 0.08, 0.95, "CPU use aimed at, as share of the request"),
    _spec("demand_smoothing", "", 0.03, 0.9, "weight of the newest CPU time per request", log=True),
    _spec("trend_horizon_s", "s", 0.0, 240.0, "how far a rising rate is extrapolated"),
    _spec("trend_smoothing", "", 0.05, 1.0, "weight of the newest change of the rate", log=True),
    _spec("peak_half_life_min", "min", 0.5, 240.0, "how soon a peak rate is forgotten", log=True),
    _spec("peak_weight", "", 0.0, 1.2, "share of the remembered peak that is kept ready"),
    _spec("reference_cpu_share", "", 0.0, 1.0, "usual CPU size between its bounds, by logarithm"),
    _spec("cpu_band", "", 0.0, 1.5, "how far the CPU size follows the need, by logarithm"),
    _spec("scale_up_tolerance", "replicas", -0.9, 0.6, "need above the replicas that is let pass"),
    _spec("scale_down_tolerance", "replicas", 0.0, 1.2, "reserve that a scale-down must leave"),
    _spec("scale_down_wait_min", "min", 0.0, 15.0, "how long a lower need must last"),
    _spec("cpu_dead_band", "", 0.01, 0.7, "least change of the CPU size, by logarithm", log=True),
    _spec("saturation_boost", "", 1.0, 2.5, "growth while saturated and missing the objective"),
    _spec("slack_target", "", -0.2, 1.5, "log(objective / latency) aimed at"),
    _spec("slack_gain", "", 0.0, 0.5, "how strongly missing slack adds capacity"),
    _spec("memory_margin", "", 0.01, 1.0, "memory above the remembered peak", log=True),
    _spec("memory_variability_weight", "", 0.0, 6.0, "more memory where the working set moves"),
    _spec(
        "memory_half_life_min", "min", 1.0, 1440.0, "how soon a memory peak is forgotten", log=True
    ),
    _spec("memory_dead_band", "", 0.01, 0.5, "least shrinking of the memory size", log=True),
    _spec("oom_bump", "", 1.1, 2.5, "memory after an OOM kill, relative to the killed size"),
    _spec("burst_reserve", "", 0.0, 1.5, "reserve that grows with the root of the need only"),
    _spec("memory_floor_share", "", 0.0, 1.0, "least memory between its bounds, by logarithm"),
)
RULE_NAMES: tuple[str, ...] = tuple(spec.name for spec in RULE_PARAMETERS)
RULE_COUNT = len(RULE_PARAMETERS)

_LOW = lows(RULE_PARAMETERS)
_HIGH = highs(RULE_PARAMETERS)
_LOG = np.array([spec.log for spec in RULE_PARAMETERS])
# Where a value scales linearly the logarithms below are unused, so any positive number will do.
_LOG_LOW = np.log(np.where(_LOG, _LOW, 1.0))
_LOG_HIGH = np.log(np.where(_LOG, _HIGH, 2.0))


def from_unit(unit: FloatArray) -> FloatArray:
    """Rule parameters [..., K] from [0, 1]; what lies outside is moved to the bound."""
    inside = np.clip(unit, 0.0, 1.0)
    logarithmic = np.exp(_LOG_LOW + inside * (_LOG_HIGH - _LOG_LOW))
    linear = _LOW + inside * (_HIGH - _LOW)
    # The exponential may miss its bound by a rounding.
    rule: FloatArray = np.clip(np.where(_LOG, logarithmic, linear), _LOW, _HIGH)
    return rule


def to_unit(rule: FloatArray) -> FloatArray:
    """The inverse of from_unit for rules [..., K] within the bounds."""
    inside = np.clip(rule, _LOW, _HIGH)
    logs = np.log(np.where(_LOG, inside, 1.0))
    logarithmic = (logs - _LOG_LOW) / (_LOG_HIGH - _LOG_LOW)
    linear = (inside - _LOW) / (_HIGH - _LOW)
    unit: FloatArray = np.where(_LOG, logarithmic, linear)
    return unit


def default_rule() -> FloatArray:
    """A careful rule [K] for a workload of which nothing is known.

    Found by the cross-entropy method over 160 synthetic applications at once, rounded.
    """
    values = {
        "target_utilisation": 0.27,
        "demand_smoothing": 0.1,
        "trend_horizon_s": 25.0,
        "trend_smoothing": 0.2,
        "peak_half_life_min": 12.0,
        "peak_weight": 1.1,
        "reference_cpu_share": 0.86,
        "cpu_band": 0.3,
        "scale_up_tolerance": -0.4,
        "scale_down_tolerance": 0.65,
        "scale_down_wait_min": 3.5,
        "cpu_dead_band": 0.22,
        "saturation_boost": 1.6,
        "slack_target": 0.2,
        "slack_gain": 0.2,
        "memory_margin": 0.03,
        "memory_variability_weight": 0.6,
        "memory_half_life_min": 95.0,
        "memory_dead_band": 0.07,
        "oom_bump": 1.15,
        "burst_reserve": 0.2,
        "memory_floor_share": 0.05,
    }
    return np.array([values[name] for name in RULE_NAMES])


def rule_of(values: dict[str, float]) -> FloatArray:
    """The rule [K] of named values; raises KeyError when a name is missing."""
    return np.array([values[name] for name in RULE_NAMES])
