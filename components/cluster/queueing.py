"""Latency of one replica in the steady state, as a few closed formulas.

A request needs CPU time D (mean, squared coefficient of variation v) and waits W for other
things. Its latency is W plus a random part X whose mean and variance are summed from
- its own service D;
- waiting for one of p cores, M/G/c: Erlang's probability of waiting, times Pollaczek and
  Khinchine's (1+v)/2 * D / (c (1-rho)) for those that wait;
- the CPU quota q < p of CFS: the work of a 100 ms period that exceeds the quota is carried over,
  a random walk with normal increments whose mean maximum is sigma * g(r), r = drift / sigma,
  g(r) ~ exp(-1.166 r - 0.18 r^2) / (2 r) (Siegmund's correction 0.583 for r -> 0, numerical sums
  for larger r: g(1) = .126, g(2) = .0089);
- the stall until the next period for what arrives when the quota is spent;
- its own stalls when one request needs more than a period's quota Q = qP. A request that starts
  at a uniform phase with a full quota stalls for P(1-q)^2/2 on average at the first crossing (if
  the period ends while it runs, not at all) and for P - Q at each later one;
- waiting for one of the replica's request slots;
- stalls in which nothing runs (garbage collection, CPU steal).
Where arrivals come in bursts, 1 + v becomes a + v, a being the squared coefficient of variation
between them (Kingman; exact for a = 1). Quantiles of X are a gamma distribution's.
"""

from __future__ import annotations

import math

from components.cluster.compiled import compiled
from components.cluster.distributions import gamma_tail

PERIOD_S = 0.1
HORIZON_S = 15.0
EXACT_SERVERS = 64.0


@compiled
def slowest_slack(demand_s: float, servers: float, variability: float) -> float:
    """1 - rho below which a queue can't reach its steady state within one step.

    The relaxation time of a queue is about (1 + v) D / (c (1 - rho)^2) (diffusion limit); the
    load that relaxes just within the step bounds the waiting that a step can show.
    """
    return math.sqrt(0.5 * (1.0 + variability) * demand_s / (servers * HORIZON_S))


@compiled
def waiting_probability(load: float, servers: float) -> float:
    """P(all servers are busy) in M/M/c at a load below 1: Erlang's C.

    By the recursion of Erlang's B over whole servers; a broken number of them starts from Rapp's
    rational approximation, which is exact at whole numbers (Jagerman, Bell System Technical
    Journal 53, 1974). Above 64 servers Sakasegawa's load^(sqrt(2(c+1))-1).
    """
    if servers <= 1.0:
        return load
    if servers > EXACT_SERVERS:
        return float(load ** (math.sqrt(2.0 * (servers + 1.0)) - 1.0))
    offered = load * servers
    whole = int(servers)
    broken = servers - whole
    square = (1.0 + offered) * (1.0 + offered) + offered
    blocked = 1.0 - broken * (offered + 2.0) / square
    blocked += broken * broken / ((1.0 + offered) * square)
    for server in range(1, whole + 1):
        carried = offered * blocked
        blocked = carried / (server + broken + carried)
    return blocked / (1.0 - load * (1.0 - blocked))


@compiled
def waiting(
    rate_per_s: float, demand_s: float, servers: float, variability: float
) -> tuple[float, float]:
    """(mean in s, probability) of waiting in M/G/c, bounded by what one step can build up."""
    load = min(rate_per_s * demand_s / servers, 1.0)
    if load < 1e-6:
        return 0.0, 1e-6
    probability = max(waiting_probability(load, servers), 1e-12)
    slack = max(1.0 - load, slowest_slack(demand_s, servers, variability))
    return 0.5 * (1.0 + variability) * probability * demand_s / (servers * slack), probability


@compiled
def quota_waiting(
    rate_per_s: float, demand_s: float, quota: float, variability: float
) -> tuple[float, float]:
    """(mean wait in s, probability that a period's quota is spent) under a CPU quota in cores."""
    load = min(rate_per_s * demand_s / quota, 1.0)
    if load < 1e-6:
        return 0.0, 0.0
    slack = max(1.0 - load, slowest_slack(demand_s, quota, variability))
    sigma = math.sqrt(load * quota * PERIOD_S * demand_s * (1.0 + variability))
    r = slack * quota * PERIOD_S / sigma
    spent = math.exp(-r * (1.166 + 0.18 * min(r, 20.0)))
    return sigma * spent / (2.0 * r) / quota, spent


@compiled
def own_stalls(demand_s: float, quota: float, variability: float) -> tuple[float, float]:
    """(mean in s, variance) of the stalls of one request alone under a quota in cores."""
    period_quota_s = quota * PERIOD_S
    if quota >= 1.0 or demand_s * (1.0 + 4.0 * math.sqrt(variability)) < period_quota_s:
        return 0.0, 0.0
    spread = variability * demand_s * demand_s
    idle_s = PERIOD_S - period_quota_s
    first = gamma_tail(demand_s, spread, period_quota_s)
    second = gamma_tail(demand_s, spread, 2.0 * period_quota_s)
    # Crossings after the second: their expected number is that of whole quotas left.
    later = second + max(demand_s / period_quota_s - 2.5, 0.0)
    mean = first * idle_s * (1.0 - quota) * 0.5 + later * idle_s
    # Second moments in place of variances: they can't grow with the quota.
    variance = first * idle_s * idle_s * (1.0 - quota) / 3.0
    variance += min(later, 1.0) * spread * (idle_s / period_quota_s) ** 2
    return mean, variance


@compiled
def stalls(demand_s: float, share: float, length_s: float) -> tuple[float, float]:
    """(mean in s, variance) that stalls add to a request, filling a share of all time.

    It meets one that is under way, half of it left on average, with probability `share`; while
    it works for demand_s, new ones come at the rate that fills the share (PASTA; Poisson).
    """
    met = 0.5 * share * length_s
    came = share / (1.0 - share) * demand_s
    return met + came, share * length_s * length_s / 3.0 - met * met + came * length_s


@compiled
def station(
    rate_per_s: float,
    quota: float,
    demand_s: float,
    variability: float,
    wait_s: float,
    cores: float,
    slots: float,
    arrivals: float = 1.0,
) -> tuple[float, float, float, float]:
    """One replica: (mean of X in s, variance of X, throttled share of periods, capacity per s).

    rate_per_s is what the replica is offered, quota its CPU limit in cores less what it idles
    away, cores what it can use in parallel, slots its requests at once, arrivals the squared
    coefficient of variation between arrivals. Without a quota below `cores` this is M/G/c.
    """
    bursts = arrivals - 1.0
    core_wait, core_probability = waiting(rate_per_s, demand_s, cores, variability + bursts)
    mean = demand_s + core_wait
    second = core_wait * core_wait * (2.0 / core_probability - 1.0)
    variance = variability * demand_s * demand_s + second
    capacity = min(quota, cores) / demand_s
    own = 0.0
    throttled = 0.0
    if quota < cores:
        share = 1.0 - quota / cores
        carried, spent = quota_waiting(rate_per_s, demand_s, quota, variability + bursts)
        carried *= share
        stall = spent * min(rate_per_s * demand_s / quota, 1.0) * share
        own, own_variance = own_stalls(demand_s, quota, variability)
        stalled = stall * share * PERIOD_S * 0.5
        mean += carried + own + stalled
        variance += own_variance
        if spent > 1e-9:
            variance += carried * carried * (2.0 / spent - 1.0)
            variance += max(stall * (share * PERIOD_S) ** 2 / 3.0 - stalled * stalled, 0.0)
        throttled = spent * min(1.0, 10.0 * share)
    holding = wait_s + demand_s + own
    capacity = min(capacity, slots / holding)
    if rate_per_s * holding > 0.5 * slots:
        slot_wait, slot_probability = waiting(rate_per_s, holding, slots, bursts)
        mean += slot_wait
        variance += slot_wait * slot_wait * (2.0 / slot_probability - 1.0)
    return mean, variance, throttled, capacity
