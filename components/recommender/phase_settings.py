"""How much evidence each step takes."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhaseSettings:
    """Counts of decision intervals (of 60 s), evidence as natural logarithms.

    `shadow_intervals`, `canary_intervals`: the shortest time in each phase (4 h, 12 h).
    `shortest_reference`: how long the incumbent must have been measured (4 h). `harm_alarm`: false
    alarms of 1 % in a whole shadow or canary. `benefit_needed`: 5 % of regressed policies pass.
    `live_alarm`: one false alarm in at least 20,000 blocks. `most_bad`: plainly bad intervals in a
    row, or `streak_margin` times the incumbent's most if that is more. `oom_kills_forgiven`,
    `reversals_forgiven`: what leaks away in each interval (1 a day, 2 an hour); the most of each is
    half a count below a whole one, for some has always leaked away. `most_near_limit`: intervals
    in which memory came near the limit, from which the same leaks away as of OOM kills.
    """

    shadow_intervals: int = 240
    canary_intervals: int = 720
    shortest_reference: int = 240
    harm_alarm: float = math.log(1 / 0.01)
    benefit_needed: float = math.log(1 / 0.05)
    live_alarm: float = math.log(20_000)
    most_invalid: int = 3
    most_bad: int = 3
    streak_margin: float = 1.5
    most_oom_kills: float = 1.5
    oom_kills_forgiven: float = 1 / 1440
    most_near_limit: float = 1.5
    most_reversals: float = 5.5
    reversals_forgiven: float = 2 / 60
