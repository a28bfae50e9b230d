"""Clients that send a failed request again, within a budget and after a while."""

from __future__ import annotations

import math

from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.parameters import RETRY_CAP, RETRY_DELAY_S, RETRY_SHARE
from components.cluster.sample import FAILED, STEP_S
from components.cluster.state import RETRYING_REQUESTS


@compiled_inline
def returning(state: FloatArray, parameters: FloatArray) -> float:
    """Requests that come again in this step: of those waiting, what an exponential delay lets go.

    A request comes again in the step after its failure at the earliest.
    """
    waiting = float(state[RETRYING_REQUESTS])
    if waiting <= 0.0:
        return 0.0
    delay_s = parameters[RETRY_DELAY_S]
    share = 1.0 - math.exp(-STEP_S / delay_s) if delay_s > 0.0 else 1.0
    state[RETRYING_REQUESTS] = waiting - share * waiting
    return float(share * waiting)


@compiled_inline
def will_return(
    state: FloatArray, parameters: FloatArray, fresh: float, sample: FloatArray
) -> None:
    """Note which of the step's failed requests are sent again.

    The budget bounds them by a share of the step's first attempts, as Envoy's and Finagle's retry
    budgets do; the rest is given up.
    """
    share = parameters[RETRY_SHARE]
    if share > 0.0:
        state[RETRYING_REQUESTS] += min(share * sample[FAILED], parameters[RETRY_CAP] * fresh)
