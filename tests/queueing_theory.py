"""Exact results of queueing theory, to hold the simulator's closed formulas against.

Times in seconds; `demand` is the mean service time, `percentile` in (0, 1) of the time from arrival
to departure.
"""

from __future__ import annotations

import cmath
import decimal
import math
from collections.abc import Callable
from decimal import Decimal

Transform = Callable[[complex], complex]
# Euler summation of Abate and Whitt, ORSA Journal on Computing 7 (1995): terms, then averaged ones.
EULER_TERMS = 30
EULER_AVERAGED = 15
EULER_DECAY = 18.4
DIGITS = 80


def erlang_c(servers: int, offered: float) -> float:
    """Probability of waiting in M/M/c under `offered` erlangs, by Erlang B's recursion."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1.0 - offered / servers * (1.0 - blocked))


def mmc_wait(rate: float, demand: float, servers: int) -> float:
    """Mean wait in M/M/c: C / (c mu - lambda)."""
    return erlang_c(servers, rate * demand) / (servers / demand - rate)


def mmc_quantile(rate: float, demand: float, servers: int, percentile: float) -> float:
    """Quantile of the sojourn in M/M/c: an exponential service after a wait that is, with

    probability C, exponential of rate c mu - lambda.
    """
    mu, waits = 1.0 / demand, erlang_c(servers, rate * demand)
    drain = servers * mu - rate

    def tail(time: float) -> float:
        if abs(drain - mu) < 1e-9 * mu:
            both = math.exp(-mu * time) * (1.0 + mu * time)
        else:
            both = drain * math.exp(-mu * time) - mu * math.exp(-drain * time)
            both /= drain - mu
        return (1.0 - waits) * math.exp(-mu * time) + waits * both

    return falling_root(lambda time: tail(time) - (1.0 - percentile), 1e3 * demand)


def mg1_wait(rate: float, demand: float, variability: float) -> float:
    """Mean wait in M/G/1 (Pollaczek and Khinchine); variability is the squared CV of service."""
    load = rate * demand
    return load * demand * (1.0 + variability) / (2.0 * (1.0 - load))


def md1_quantile(rate: float, demand: float, percentile: float) -> float:
    """Quantile of the sojourn in M/D/1, from Erlang's series for the wait:

    P(W <= t) = (1 - rho) sum_{k=0}^{floor(t/D)} (lambda (k D - t))^k / k! * exp(-lambda (k D - t)).
    Its terms alternate and grow, so it is summed with many digits.
    """

    def waits_longer(time: float) -> float:
        with decimal.localcontext() as context:
            context.prec = DIGITS
            total, factorial = Decimal(0), Decimal(1)
            for count in range(int(time / demand) + 1):
                factorial *= max(count, 1)
                x = Decimal(rate) * (count * Decimal(demand) - Decimal(time))
                power = x**count if count else Decimal(1)
                total += power / factorial * (-x).exp()
            return float(1 - (1 - Decimal(rate) * Decimal(demand)) * total)

    wait = falling_root(lambda time: waits_longer(time) - (1.0 - percentile), 300.0 * demand)
    return wait + demand


def mg1_quantile(rate: float, demand: float, service: Transform, percentile: float) -> float:
    """Quantile of the sojourn in M/G/1 from the Laplace transform of its service time.

    The sojourn's transform is Pollaczek and Khinchine's (1 - rho) s / (s - lambda (1 - B(s))) B(s).
    """
    load = rate * demand

    def transform(s: complex) -> complex:
        wait = (1.0 - load) * s / (s - rate * (1.0 - service(s)))
        return wait * service(s) / s

    def longer(time: float) -> float:
        return 1.0 - inverted(transform, time) - (1.0 - percentile)

    return falling_root(longer, 3e3 * demand / (1.0 - load), low=1e-3 * demand)


def gamma_service(demand: float, variability: float) -> Transform:
    """Laplace transform of gamma-distributed service."""
    return lambda s: (1.0 + s * demand * variability) ** (-1.0 / variability)


def hyperexponential_service(demand: float, variability: float) -> Transform:
    """Laplace transform of a mix of two exponentials with balanced means (variability >= 1)."""
    often = 0.5 * (1.0 + math.sqrt((variability - 1.0) / (variability + 1.0)))
    fast, slow = 2.0 * often / demand, 2.0 * (1.0 - often) / demand
    return lambda s: often * fast / (s + fast) + (1.0 - often) * slow / (s + slow)


def inverted(transform: Transform, time: float) -> float:
    """The function of a Laplace transform at a time, by the Euler algorithm of Abate and Whitt."""
    scale = math.exp(EULER_DECAY / 2.0) / time
    real = EULER_DECAY / (2.0 * time)
    total = 0.5 * transform(complex(real, 0.0)).real
    sums = []
    for index in range(1, EULER_TERMS + EULER_AVERAGED + 1):
        point = complex(real, index * cmath.pi / time)
        total += (-1) ** index * transform(point).real
        sums.append(total)
    weights = [
        math.comb(EULER_AVERAGED, k) / 2.0**EULER_AVERAGED for k in range(EULER_AVERAGED + 1)
    ]
    tail = sums[EULER_TERMS - 1 :]
    return scale * sum(weight * value for weight, value in zip(weights, tail, strict=True))


def falling_root(function: Callable[[float], float], high: float, low: float = 0.0) -> float:
    """Where a falling function crosses zero between low and high, by bisection."""
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)
