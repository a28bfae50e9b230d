"""Faults of the Prometheus and of what it says."""

from __future__ import annotations

import pandas as pd

from components.errors import TemporaryError, UserError
from tests.running_loop.fault import Ending, Fault, reads, scaled, telemetry
from tests.running_loop.loop import Loop

_HELD = ("HeldLastGood",)
NAN = float("nan")


def down(frame: pd.DataFrame, now_s: float) -> pd.DataFrame:
    raise TemporaryError("Prometheus: no answer")


def refusing(frame: pd.DataFrame, now_s: float) -> pd.DataFrame:
    raise UserError("Prometheus: 401 Unauthorized")


def shifted(seconds: float):
    def change(frame: pd.DataFrame, now_s: float) -> pd.DataFrame:
        return frame.assign(time=frame["time"] + pd.Timedelta(seconds=seconds))

    return telemetry(change)


def slow(loop: Loop) -> Ending:
    """Half a minute, then no answer: longer than the program waits."""

    def change(frame: pd.DataFrame, now_s: float) -> pd.DataFrame:
        loop.now_s += 30.0
        raise TemporaryError("Prometheus: timed out")

    return telemetry(change)(loop)


def frozen(loop: Loop) -> Ending:
    """A target that is no longer scraped: the series end where they were."""
    kept = loop.telemetry.service.frame()
    return telemetry(lambda frame, now_s: kept)(loop)


def _blind(name: str, inject, tells: tuple[str, ...] = _HELD) -> Fault:
    return Fault(name, "Prometheus", inject, tells, blind=True)


FAULTS: tuple[Fault, ...] = (
    _blind("down", telemetry(down)),
    _blind("slow", slow),
    _blind("401", telemetry(refusing)),
    _blind("empty", telemetry(lambda frame, now_s: frame.iloc[:0])),
    _blind("a series missing", telemetry(lambda frame, now_s: frame.drop(columns="cpu_usage_m"))),
    _blind(
        "one step alone", telemetry(lambda frame, now_s: frame.iloc[-1:].assign(cpu_usage_m=NAN))
    ),
    _blind("stale by 90 s", shifted(-90.0)),
    _blind("stale by an hour", shifted(-3600.0)),
    _blind("stopped scraping", frozen),
    _blind("from the future", shifted(600.0)),
    _blind("CPU NaN", reads(cpu_usage_m=NAN)),
    _blind("memory NaN", reads(memory_working_set_bytes=NAN)),
    _blind("ready replicas NaN", reads(replicas_ready=NAN)),
    _blind("request rate NaN", reads(request_rate_per_s=NAN)),
    _blind("CPU infinite", reads(cpu_usage_m=float("inf"))),
    _blind("CPU huge", reads(cpu_usage_m=1e19)),
    _blind("memory huge", reads(memory_working_set_bytes=1e19)),
    _blind("CPU negative", reads(cpu_usage_m=-5.0)),
    _blind("CPU in cores", scaled(cpu_usage_m=1e-3)),
    _blind("memory in MiB", scaled(memory_working_set_bytes=2.0**-20)),
    _blind("rate per hour", scaled(request_rate_per_s=3600.0), ("PolicyDecided",)),
    _blind("rate unlike all training", reads(request_rate_per_s=0.01), ("PolicyDecided",)),
)
