"""What violations and OOM kills cost, in the search and in the tuning of the incumbents alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.policy.rule_scores import SCORE_KILLS, SCORE_REWARD, SCORE_VIOLATION

# Reward that an hour full of violations costs, and one OOM kill in an hour, which is also a step
# that violates: the policy's price and the incumbents', or one of them would be the weaker opponent
# by its price alone. Chosen on the worlds of seeds 700 to 711, which no figure is taken from.
VIOLATION_PRICE = 0.4
KILL_PRICE_PER_H = 0.05
# In meta-training, which nobody is compared with: at the full price its proposals became dearer
# (on the recordings, two seeds, .46 and .72 core-hours beside .39 and .40) and no safer, and what
# is searched from them, too.
PROPOSAL_KILL_PRICE_PER_H = 0.02


@dataclass(frozen=True, slots=True)
class Prices:
    """Reward that a rule loses.

    violation: for violating all the time, at first and at least.
    kill_per_h: for one OOM kill an hour; a kill is also a step that violates.
    budget: share of steps that may violate. While the best rules of an iteration violate more,
        the price of a violation rises by `step` times the excess, up to `highest`; while they
        violate less it falls again. None: the price stays.
    """

    violation: float = 0.1
    kill_per_h: float = 0.0
    budget: float | None = None
    step: float = 2.0
    highest: float = 4.0


class PricesInForce:
    """The prices of a batch of searches: a Lagrange multiplier for each workload's budget."""

    def __init__(self, prices: Prices, batch: int) -> None:
        self._prices = prices
        self.violation: FloatArray = np.full(batch, prices.violation)

    def score(self, measured: FloatArray) -> FloatArray:
        """Reward less what violations and kills cost now, [B, C, W] of measured [B, C, W, 3]."""
        scores: FloatArray = (
            measured[..., SCORE_REWARD]
            - self.violation[:, None, None] * measured[..., SCORE_VIOLATION]
            - self._prices.kill_per_h * measured[..., SCORE_KILLS]
        )
        return scores

    def follow(self, elites: FloatArray) -> None:
        """Dual ascent on the budget, by the mean violation of an iteration's elites [B, C, 3]."""
        prices = self._prices
        if prices.budget is None:
            return
        excess = elites[..., SCORE_VIOLATION].mean(axis=1) - prices.budget
        highest = max(prices.highest, prices.violation)
        self.violation = np.clip(self.violation + prices.step * excess, prices.violation, highest)
