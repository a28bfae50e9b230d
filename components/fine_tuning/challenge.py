"""A retraining's end: the rule in force stays unless the one that was found is surely better.

Both act in the same worlds, drawn anew after the search: services that the workload may be, under
rates like those of the training part, with the same chance. `worth_retraining.advantage_of` says
how many worlds that takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.artifacts.files import read_json
from components.cluster.compiled import FloatArray
from components.cluster.limits import clip_allocation, limits_of
from components.cluster.reward import INTERVAL_STEPS, RewardWeights
from components.errors import UserError
from components.fine_tuning.config import FineTuningConfig
from components.policy.likely_rates import likely_rates
from components.policy.measured import MeasuredWorkload
from components.policy.prices import Prices, PricesInForce
from components.policy.rule_parameters import rule_of, to_unit
from components.policy.search_worlds import Worlds
from components.policy.watched import watched
from components.policy.worth_retraining import ESTABLISHED, LOOKS, Advantage, advantage_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rule [K] that comes out, and the advantage of the one found over the one in force."""

    rule: FloatArray
    advantage: Advantage

    @property
    def kept(self) -> bool:
        """Whether the rule in force stays."""
        return self.advantage.verdict != ESTABLISHED

    def to_json(self) -> dict[str, Any]:
        """For adapted.json."""
        return {"kept": self.kept, **asdict(self.advantage)}


def challenge(
    config: FineTuningConfig,
    one: MeasuredWorkload,
    services: FloatArray,
    in_force: FloatArray,
    found: FloatArray,
    prices: Prices,
    rng: np.random.Generator,
) -> Outcome:
    """Which of two rules [K] comes out; services [V, P] are those that the workload may be."""
    advantage = advantage_of(_differences(config, one, services, in_force, found, prices, rng))
    rule = found if advantage.verdict == ESTABLISHED else in_force
    return Outcome(rule, advantage)


def rules_in_force(drift: Path) -> dict[str, FloatArray]:
    """The rules [K] by workload that the drift check found in force.

    Raises UserError when in_force.json is missing or damaged.
    """
    path = drift / "in_force.json"
    document = read_json(path)
    try:
        return {key: rule_of(rule) for key, rule in document.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no rules: run the drift check again") from error


def _differences(
    config: FineTuningConfig,
    one: MeasuredWorkload,
    services: FloatArray,
    in_force: FloatArray,
    found: FloatArray,
    prices: Prices,
    rng: np.random.Generator,
) -> Iterator[FloatArray]:
    """Priced reward of the rule found less that of the one in force, look by look [n]."""
    limits = limits_of([one.workload])
    steps = config.decisions * INTERVAL_STEPS
    asked = PricesInForce(prices, 1)
    units = to_unit(np.stack([in_force, found]))[None]
    for worlds in np.diff((0, *LOOKS)).tolist():
        drawn = Worlds(
            services[rng.integers(len(services), size=worlds)][None],
            limits,
            likely_rates(rng, one.training_rates_per_s, worlds, steps, config.level_spread)[None],
            clip_allocation(one.usual_allocation[None], limits),
            watched([one]),
            RewardWeights().row(),
        )
        scores = asked.score(drawn.measure(units, np.arange(worlds)[None], rng))[0]
        yield scores[1] - scores[0]
