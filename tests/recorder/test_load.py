"""The load: open-loop arrivals, balancing, time-outs and what is counted, on the real service."""

import asyncio
import contextlib
import random
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.recorder.application import running_application
from tests.recorder.deployment import Deployment
from tests.recorder.load import BUCKETS_S, Histogram, Ingress, least_connections
from tests.recorder.pod import Node, Pod, free_port
from tests.recorder.services import SERVICES

NODE = Node("image", "work", lambda kind, workload, detail: None)
QUICK_WORK = {"segments": [{"kind": "wait", "mean_ms": 5}]}
SLOW_WORK = {"segments": [{"kind": "wait", "mean_ms": 1500}], "concurrency": 100}


def ready_pod(port):
    pod = Pod(SERVICES[0], "checkout-abc-12345", NODE)
    pod.port, pod.ready = port, True
    return pod


def ingress_to(*pods, timeout_s=1.0):
    deployment = Deployment(replace(SERVICES[0], client_timeout_s=timeout_s), NODE)
    deployment.pods = list(pods)
    return Ingress(deployment, random.Random(1))


def loaded(ingress, rate_per_s, seconds):
    async def go():
        await ingress.load(np.full(seconds, float(rate_per_s)), time.monotonic())
        for pod in ingress.deployment.pods:
            for _, writer in pod.idle:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    asyncio.run(go())
    return {status: histogram.count for status, histogram in ingress.answers.items()}


def test_the_pod_with_the_fewest_requests_in_flight_is_chosen():
    busy, idle = ready_pod(1), ready_pod(2)
    busy.in_flight = 3
    assert least_connections([busy, idle], random.Random(0)) is idle
    assert least_connections([], random.Random(0)) is None


def test_equally_busy_pods_share_the_requests():
    pods = [ready_pod(1), ready_pod(2)]
    source = random.Random(0)
    chosen = [least_connections(pods, source) for _ in range(200)]
    assert 70 < chosen.count(pods[0]) < 130


def test_a_histogram_counts_each_request_in_the_bucket_whose_bound_it_does_not_exceed():
    histogram = Histogram()
    for seconds in (0.005, 0.0051, 99.0):
        histogram.observe(seconds)
    assert histogram.counts[0] == 1
    assert histogram.counts[1] == 1
    assert histogram.counts[len(BUCKETS_S)] == 1
    assert histogram.count == 3
    assert histogram.sum_s == pytest.approx(99.0101)


def test_requests_are_spread_over_the_pods_and_answered():
    with running_application(QUICK_WORK) as first, running_application(QUICK_WORK) as second:
        ingress = ingress_to(ready_pod(first), ready_pod(second))
        counts = loaded(ingress, rate_per_s=60, seconds=1)
    assert counts[200] > 30
    assert counts[502] + counts[503] + counts[504] == 0
    assert 0.005 <= ingress.answers[200].sum_s / counts[200] < 0.5


def test_arrivals_do_not_wait_for_answers():
    with running_application(SLOW_WORK) as port:
        counts = loaded(ingress_to(ready_pod(port), timeout_s=5.0), rate_per_s=40, seconds=1)
    # One after the other, a second would not even hold one request of 1.5 s.
    assert counts[200] > 20


def test_a_request_that_takes_too_long_counts_as_504_after_the_time_out():
    with running_application(SLOW_WORK) as port:
        ingress = ingress_to(ready_pod(port), timeout_s=0.3)
        counts = loaded(ingress, rate_per_s=10, seconds=1)
    assert counts[504] > 0
    assert counts[200] == 0
    assert ingress.answers[504].sum_s / counts[504] >= 0.3


def test_without_a_ready_pod_the_answer_is_503():
    counts = loaded(ingress_to(), rate_per_s=20, seconds=1)
    assert counts[503] > 0
    assert sum(counts.values()) == counts[503]


def test_a_pod_that_refuses_is_passed_over_and_two_that_do_are_502():
    with running_application(QUICK_WORK) as port:
        counts = loaded(ingress_to(ready_pod(free_port()), ready_pod(port)), 20, 1)
        assert counts[200] == sum(counts.values()) > 0
    counts = loaded(ingress_to(ready_pod(free_port()), ready_pod(free_port())), 20, 1)
    assert counts[502] == sum(counts.values()) > 0
