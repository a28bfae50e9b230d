"""All that a retraining run writes outside of its own folder, in the order of the pipeline."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from components.artifacts.open import open_store
from components.progress import Progress
from components.rollout.config import RolloutConfig
from components.rollout.retraining_budget import RetrainingLimits
from components.rollout.retraining_turn import admitted_in_turn, end_turn
from components.rollout.stage import run

LOCK_S = 600.0
LIMITS = RetrainingLimits()
KEYS = ("shop/checkout", "shop/cart")


def retrain(url: str, inputs: dict[str, Path], output: Path, name: str, now_s: float) -> None:
    """Take the turn under `name`, publish and roll out both workloads, end the turn."""
    store = open_store(url, os.environ)
    admission = admitted_in_turn(store, KEYS, name, now_s, LOCK_S, LIMITS)
    assert admission.admitted == KEYS, admission
    config = RolloutConfig(url, dry_run=False)
    # The source isn't what dies here, and to digest it each time is slow.
    with patch("components.rollout.stage.code_version", return_value="0.1.0+0"):
        run(config, **inputs, output=output, progress=Progress("rollout"))
    end_turn(store, name, now_s + 1.0)
