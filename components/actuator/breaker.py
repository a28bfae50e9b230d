"""A circuit breaker: a workload on which every attempt fails is left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass

from components.actuator.settings import ActuatorSettings


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` in a row; no attempt before `closed_from_s` (monotonic seconds)."""

    failures: int = 0
    closed_from_s: float = 0.0

    def allows(self, now_s: float) -> bool:
        """Whether an attempt may be made; after the pause one attempt decides anew."""
        return now_s >= self.closed_from_s

    def failed(
        self, now_s: float, settings: ActuatorSettings, *, for_long: bool = False
    ) -> Breaker:
        """The breaker after one more failure; one that lasts `for_long` opens it at once.

        With 3 failures to open, 300 s and at most 3600 s: the 3rd failure pauses for 300 s, the
        4th for 600 s, the 5th for 1200 s, the 7th and later for 3600 s.
        """
        failures = max(self.failures + 1, settings.failures_to_open if for_long else 0)
        beyond = failures - settings.failures_to_open
        if beyond < 0:
            return Breaker(failures, 0.0)
        # Capped before the power is taken: 2.0 ** 1100 is no float.
        pause_s = min(settings.open_s * 2.0 ** min(beyond, 30), settings.longest_open_s)
        return Breaker(failures, now_s + pause_s)
