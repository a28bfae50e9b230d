"""May the scan for steps be trusted with this series? Its model is tried on the history itself."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.rhythm import Rhythm, rhythm_of
from components.drift_check.scan import scan

# A shorter history can't show that the model holds.
LEAST_DAYS = 7.0
_UNLIKELY = 0.05
_LEARNED_SHARE = 2 / 3
_LEAST_PRESENT = 0.5


def holds(
    history: FloatArray,
    time_s: FloatArray,
    rhythm: Rhythm,
    calibration: Calibration,
    rng: np.random.Generator,
    only_up: bool = False,
) -> bool:
    """Return whether the model of `calibration` finds no step in its own history [K].

    Twice: in all of it, and in its last third with rhythm and model learned on what was before.
    Real load that wanders, or whose rhythm changes, fails; of series that are as the model says
    one in ten does.
    """
    whole = scan(history - rhythm.at(time_s), calibration.model).evidence
    if calibration.p_value(float(whole.max()), len(history)) < _UNLIKELY:
        return False
    cut = round(_LEARNED_SHARE * len(history))
    if np.isfinite(history[:cut]).mean() < _LEAST_PRESENT:
        return False
    earlier = rhythm_of(history[:cut], time_s[:cut])
    learned = calibrate(
        history[:cut] - earlier.at(time_s[:cut]), earlier, calibration.model.step_s, rng, only_up
    )
    later = scan(history[cut:] - earlier.at(time_s[cut:]), learned.model).evidence
    return learned.p_value(float(later.max()), len(history) - cut) >= _UNLIKELY
