"""The check of one workload: from two frames and its twin to findings and their pictures' data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.drift_check.blocks import blocks
from components.drift_check.calibrations import Calibrations
from components.drift_check.config import DriftConfig
from components.drift_check.findings import (
    LATENCY,
    Finding,
    Promise,
    block_steps,
    dynamics_finding,
    input_finding,
    mean,
    surest,
)
from components.drift_check.history import (
    dynamics_shifts,
    input_shifts,
    is_long,
    look_at,
    outcome_shifts,
)
from components.drift_check.measured import Residuals, column, residuals_of, violations_of
from components.drift_check.outcome import outcome_finding
from components.drift_check.picture import Course
from components.drift_check.verdict import Checked
from components.workload.spec import Workload
from components.workload.telemetry import STEP_S


@dataclass(frozen=True, slots=True)
class WorkloadCheck:
    """One workload's findings, the courses for its picture, and how long a block is."""

    checked: Checked
    courses: dict[str, Course]
    block_s: int


def check_workload(
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    workload: Workload,
    parameters: FloatArray,
    config: DriftConfig,
    promise: Promise | None = None,
    new_image: pd.Timestamp | None = None,
    calibrations: Calibrations | None = None,
) -> WorkloadCheck:
    """Return what the three tests find; `parameters` [P] are the twin's.

    With days of reference each measure is tested without its rhythm by the scan; a shorter one,
    like an hour's recording, by levels of blocks. `new_image` is when the recent telemetry's last
    one came: the scan is told when to look, levels are compared from then on. `calibrations` are
    those made before; new ones are added.
    """
    scanned = is_long(reference)
    if new_image is not None and not scanned:
        # What ran before the image says nothing of it, and would only delay the verdict on it.
        recent = recent[recent["time"] >= new_image].reset_index(drop=True)
    steps = block_steps(recent, config)
    before, now = (residuals_of(frame, workload, parameters) for frame in (reference, recent))
    if scanned:
        frames = (reference, recent)
        look = look_at(recent, calibrations or Calibrations(), new_image)
        findings = {
            "input": surest(input_shifts(reference, recent, steps, config, look)),
            "dynamics": surest(dynamics_shifts(before, now, frames, steps, config, look)),
        }
    else:
        findings = {
            "input": input_finding(reference, recent, steps, config),
            "dynamics": dynamics_finding(before, now, steps, config),
        }
    if scanned and promise is None:
        outcome = surest(outcome_shifts(reference, recent, workload, steps, config, look))
        findings["outcome"] = _only_worse(outcome)
    else:
        findings["outcome"] = outcome_finding(reference, recent, workload, steps, config, promise)
    checked = Checked(findings, tuple(recent["time"].iloc[::steps]), live=promise is not None)
    measure = findings["dynamics"].measure
    courses = {
        "input": _course(
            "",
            column(reference, "request_rate_per_s"),
            column(recent, "request_rate_per_s"),
            steps,
        ),
        "dynamics": _course(
            measure, np.exp(_of(before, measure)), np.exp(_of(now, measure)), steps
        ),
        "outcome": _course(
            "", violations_of(reference, workload), violations_of(recent, workload), steps
        ),
    }
    return WorkloadCheck(checked, courses, steps * STEP_S)


def _only_worse(finding: Finding) -> Finding:
    """Return the finding; an SLO that is kept more easily is no drift that needs anything."""
    better = finding.shift is not None and finding.shift.size <= 0
    return replace(finding, p_value=1.0) if better else finding


def _course(measure: str, reference: FloatArray, recent: FloatArray, steps: int) -> Course:
    return Course(measure, blocks(reference, steps, mean), blocks(recent, steps, mean))


def _of(residuals: Residuals, measure: str) -> FloatArray:
    named = {
        "CPU per request": residuals.cpu,
        "memory": residuals.memory,
        LATENCY: residuals.latency,
    }
    return named[measure]
