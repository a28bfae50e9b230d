from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster import state as sta
from components.cluster.compiled import FloatArray
from components.cluster.limits import LIMITS_COUNT
from components.cluster.noise import NOISE_COUNT, draw_noise, no_noise
from components.cluster.parameters import SERVICE_PARAMETERS
from components.cluster.simulator import step
from components.cluster.state import initial_state

# The first example compiles.
examined = settings(deadline=None, max_examples=60)
STEPS = 12
# Whatever YAML allows: 1 m to 64 cores, 4 MiB to 64 GiB, up to 100 replicas.
CPU_M = (1.0, 64000.0)
MEMORY_BYTES = (4 * par.MIB, 64 * par.GIB)


@dataclass(frozen=True, slots=True)
class Service:
    """One service and what its controller does: allocations [T, 3], rates [T]."""

    parameters: FloatArray
    limits: FloatArray
    allocations: FloatArray
    rates: FloatArray
    seed: int


def log_between(ends: tuple[float, float], position: float) -> float:
    return float(min(ends[0] * (ends[1] / ends[0]) ** position, ends[1]))


unit = st.floats(0.0, 1.0)


@st.composite
def parameters(draw: st.DrawFn) -> FloatArray:
    row = par.neutral_row()
    # A parameter that is neutral by itself is so in half of the services.
    for index, spec in enumerate(SERVICE_PARAMETERS):
        if spec.neutral is not None and draw(st.booleans()):
            continue
        position = draw(unit)
        row[index] = (
            log_between((spec.low, spec.high), position)
            if spec.log
            else spec.low + position * (spec.high - spec.low)
        )
    row[par.CONCURRENCY_LIMIT] = np.round(row[par.CONCURRENCY_LIMIT])
    return row


@st.composite
def services(draw: st.DrawFn) -> Service:
    allocations = np.empty((STEPS, 3))
    rates = np.empty(STEPS)
    changes = sorted(draw(st.lists(st.integers(0, STEPS - 1), max_size=3)))
    for index in range(STEPS):
        if index == 0 or index in changes:
            wanted = [
                float(draw(st.integers(1, 100))),
                np.round(log_between(CPU_M, draw(unit))),
                np.round(log_between(MEMORY_BYTES, draw(unit))),
            ]
            rate = draw(st.one_of(st.just(0.0), unit.map(lambda u: log_between((1e-3, 1e5), u))))
        allocations[index], rates[index] = wanted, rate
    limits = np.empty(LIMITS_COUNT)
    limits[lim.SLO_LATENCY_MS] = 100.0
    limits[lim.SLO_PERCENTILE] = draw(st.sampled_from([0.95, 0.99]))
    limits[lim.REPLICAS_MIN], limits[lim.REPLICAS_MAX] = 1, 100
    limits[[lim.CPU_MIN_M, lim.CPU_MAX_M]] = CPU_M
    limits[[lim.MEMORY_MIN_BYTES, lim.MEMORY_MAX_BYTES]] = MEMORY_BYTES
    return Service(draw(parameters()), limits, allocations, rates, draw(st.integers(0, 2**20)))


def run(several: list[Service], noisy: bool = True) -> tuple[FloatArray, FloatArray]:
    """(states [T + 1, B, S], samples [T, B, M])."""
    rows = np.stack([service.parameters for service in several])
    limits = np.stack([service.limits for service in several])
    noise = np.stack(
        [
            draw_noise(np.random.default_rng(service.seed), STEPS, 1)[0]
            if noisy
            else no_noise(STEPS, 1)[0]
            for service in several
        ]
    )
    allocations = np.stack([service.allocations for service in several])
    rates = np.stack([service.rates for service in several])
    states = [initial_state(rows, limits, allocations[:, 0], rates[:, 0])]
    samples = []
    for index in range(STEPS):
        following, sample = step(
            states[-1], rows, limits, allocations[:, index], rates[:, index], noise[:, index]
        )
        states.append(following)
        samples.append(sample)
    return np.array(states), np.array(samples)


@examined
@given(services())
def test_requests_are_conserved(service: Service) -> None:
    states, samples = run([service])
    queued = states[:, 0, sta.QUEUED_REQUESTS] + states[:, 0, sta.DRAINING_REQUESTS]
    before, after = queued[:-1], queued[1:]
    seen = samples[:, 0]
    came = before + seen[:, smp.ARRIVED]
    went = seen[:, smp.SERVED] + seen[:, smp.FAILED] + after
    np.testing.assert_allclose(went, came, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(seen[:, smp.QUEUED], after)
    assert (seen[:, [smp.ARRIVED, smp.SERVED, smp.FAILED, smp.QUEUED]] >= 0.0).all()


@examined
@given(services())
def test_what_comes_again_has_failed_before_and_within_the_budget(service: Service) -> None:
    states, samples = run([service], noisy=False)
    seen, waiting = samples[:, 0], states[:, 0, sta.RETRYING_REQUESTS]
    fresh = service.rates * smp.STEP_S
    returned = seen[:, smp.ARRIVED] - fresh
    noted = np.minimum(
        service.parameters[par.RETRY_SHARE] * seen[:, smp.FAILED],
        service.parameters[par.RETRY_CAP] * fresh,
    )
    np.testing.assert_allclose(waiting[1:], waiting[:-1] - returned + noted, rtol=1e-9, atol=1e-6)
    assert returned.sum() <= noted.sum() * (1 + 1e-9) + 1e-6


@examined
@given(services())
def test_replicas_are_those_wanted_and_no_new_one_is_placed_beyond_the_nodes(
    service: Service,
) -> None:
    states, samples = run([service])
    wanted = samples[:, 0, smp.REPLICAS_WANTED]
    np.testing.assert_allclose(wanted, service.allocations[:, lim.REPLICAS])
    assert (states[:, 0, sta.PENDING] >= 0.0).all()
    room_m = service.parameters[par.NODE_CPU_M]
    if room_m > 0.0:
        held = wanted - samples[:, 0, smp.REPLICAS_PENDING]
        held_m = held * samples[:, 0, smp.CPU_REQUEST_M]
        before_m = np.concatenate([[service.allocations[0, :2].prod()], held_m[:-1]])
        # What was there from the beginning stays, and may only shrink.
        assert (held_m <= np.maximum(room_m, before_m) * (1 + 1e-9)).all()


@examined
@given(services())
def test_nothing_is_used_beyond_what_exists(service: Service) -> None:
    _, samples = run([service])
    seen = samples[:, 0]
    held = seen[:, smp.REPLICAS_WANTED] - seen[:, smp.REPLICAS_PENDING]
    requested_m = (held + seen[:, smp.REPLICAS_DRAINING]) * seen[:, smp.CPU_REQUEST_M]
    assert (seen[:, smp.EXACT_CPU_USAGE_M] <= requested_m * (1 + 1e-9)).all()
    assert (seen[:, smp.EXACT_MEMORY_BYTES] <= seen[:, smp.MEMORY_REQUEST_BYTES]).all()
    for share in (smp.EXACT_FAILED_RATIO, smp.ERROR_RATIO, smp.CPU_THROTTLED_RATIO):
        assert (seen[:, share] >= 0.0).all()
        assert (seen[:, share] <= 1.0).all()
    assert (seen[:, smp.REPLICAS_READY] <= seen[:, smp.REPLICAS_WANTED]).all()
    assert (seen[:, smp.EXACT_LATENCY_MS] <= service.parameters[par.TIMEOUT_MS]).all()
    assert (seen[:, smp.LATENCY_P50_MS] >= 0.0).all()


@examined
@given(services())
def test_every_legal_service_gives_finite_numbers(service: Service) -> None:
    states, samples = run([service])
    assert np.isfinite(states).all()
    assert np.isfinite(samples).all()


@examined
@given(st.lists(services(), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_a_permuted_batch_gives_permuted_results(several: list[Service], random) -> None:
    order = list(range(len(several)))
    random.shuffle(order)
    states, samples = run(several)
    moved_states, moved_samples = run([several[index] for index in order])
    np.testing.assert_array_equal(moved_states, states[:, order])
    np.testing.assert_array_equal(moved_samples, samples[:, order])


@examined
@given(st.lists(services(), min_size=2, max_size=5))
def test_a_batch_gives_the_bits_of_single_services(several: list[Service]) -> None:
    states, samples = run(several)
    for row, service in enumerate(several):
        alone_states, alone_samples = run([service])
        np.testing.assert_array_equal(alone_states[:, 0], states[:, row])
        np.testing.assert_array_equal(alone_samples[:, 0], samples[:, row])


def steady(service: Service, cpu_m: float, memory_bytes: float) -> Service:
    """The service at one size for all its course, with a size that takes effect at once."""
    allocations = service.allocations.copy()
    allocations[:, lim.CPU_M] = cpu_m
    allocations[:, lim.MEMORY_BYTES] = memory_bytes
    return Service(service.parameters, service.limits, allocations, service.rates, service.seed)


@examined
@given(services(), unit, unit)
def test_more_cpu_never_raises_latency(service: Service, first: float, second: float) -> None:
    less, more = sorted(np.round(log_between(CPU_M, position)) for position in (first, second))
    plenty = 1e15
    few, many = steady(service, less, plenty), steady(service, more, plenty)
    _, samples = run([few, many])
    latency = samples[:, :, smp.EXACT_LATENCY_MS]
    # A gamma distribution stands for the latency's: its far tail may cross by a thousandth.
    assert (latency[:, 1] <= latency[:, 0] * 1.002).all()


@examined
@given(services(), unit, unit)
def test_more_memory_never_brings_an_oom_kill_forward(
    service: Service, first: float, second: float
) -> None:
    less, more = sorted(np.round(log_between(MEMORY_BYTES, at)) for at in (first, second))
    cpu_m = service.allocations[0, lim.CPU_M]
    _, samples = run([steady(service, cpu_m, less), steady(service, cpu_m, more)])
    killed = samples[:, :, smp.OOM_KILLS] > 0.0
    # Not their number: a replica that waits for its restart can't be killed again.
    firsts = [int(column.argmax()) if column.any() else STEPS for column in killed.T]
    assert firsts[0] <= firsts[1]


def test_noise_has_a_column_for_each_of_its_names() -> None:
    assert draw_noise(np.random.default_rng(0), 3, 2).shape == (2, 3, NOISE_COUNT)
