"""What if: one workload's twins under its own load, scaled by the policy or by an HPA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.limits import clip_allocation, limits_of
from components.cluster.noise import draw_noise
from components.cluster.rates import filled, resampled_rates
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.rollout import Rollout, rollout_hpa
from components.cluster.twin import Twin
from components.policy.measured import MeasuredWorkload
from components.policy.rule_rollout import rollout_rule
from components.policy.watched import watched


@dataclass(frozen=True, slots=True)
class WhatIf:
    """B simulated hours of one workload: each a member of its twin's ensemble and a trace.

    parameters [B, P], limits [B, L], rates [B, T] per second, noise [B, T, N], usual [3]:
    replicas, millicores and bytes in force in the median step of its telemetry. past [T0, M]: what
    its rule watched before.
    """

    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    noise: FloatArray
    usual: FloatArray
    past: FloatArray

    def hpa(self, target: float, allocation: FloatArray) -> Rollout:
        """An HPA on CPU with this target (share of the request) from an allocation [3]."""
        return rollout_hpa(
            self.parameters,
            self.limits,
            self.rates,
            self.noise,
            self._spread(allocation),
            np.full(len(self.rates), target),
        )

    def rule(self, rule: FloatArray) -> Rollout:
        """The policy with this rule [K], from the usual allocation."""
        return rollout_rule(
            np.repeat(rule[None], len(self.rates), axis=0),
            self.parameters,
            self.limits,
            self.rates,
            self.noise,
            self._spread(self.usual),
            past=np.repeat(self.past[None], len(self.rates), axis=0),
        )

    def _spread(self, allocation: FloatArray) -> FloatArray:
        rows = np.repeat(allocation[None], len(self.rates), axis=0)
        return clip_allocation(rows, self.limits)


def what_if(
    measured: MeasuredWorkload,
    twin: Twin,
    rng: np.random.Generator,
    *,
    rate_factor: float = 1.0,
    hours: float = 1.0,
    traces: int = 24,
) -> WhatIf:
    """Return the simulated hours: blocks of all measured rates, times `rate_factor`.

    Raises UserError where no rate was measured.
    """
    parts = (measured.training, measured.held_out)
    series = np.concatenate([part["request_rate_per_s"].to_numpy(dtype=float) for part in parts])
    intervals = max(1, round(hours * 60))
    steps = intervals * INTERVAL_STEPS
    return WhatIf(
        parameters=twin.members[np.arange(traces) % len(twin.members)],
        limits=np.repeat(limits_of([measured.workload]), traces, axis=0),
        rates=rate_factor * resampled_rates(rng, filled(series), traces, steps),
        noise=draw_noise(rng, steps, traces),
        usual=measured.usual_allocation,
        past=watched([measured])[0],
    )
