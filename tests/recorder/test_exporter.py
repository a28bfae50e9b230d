"""The series: a cluster's names and labels, in text that Prometheus reads."""

import asyncio
import random
import shutil
import subprocess
import urllib.request

import pytest

from tests.recorder.cgroup import Counters
from tests.recorder.deployment import Deployment
from tests.recorder.exporter import Exporter, exposition
from tests.recorder.load import Ingress
from tests.recorder.pod import Node, Pod
from tests.recorder.schedule import Allocation
from tests.recorder.services import SERVICES

NODE = Node("image", "work", lambda kind, workload, detail: None)
POD = 'namespace="shop",pod="checkout-bcdfghjkl-mnpqr",container="app"'


@pytest.fixture
def exporter(monkeypatch):
    deployment = Deployment(SERVICES[0], NODE)
    pod = Pod(SERVICES[0], "checkout-bcdfghjkl-mnpqr", NODE)
    pod.allocation = Allocation(2, 150, 64 << 20)
    pod.ready, pod.restarts, pod.last_reason = True, 3, "OOMKilled"
    counters = Counters(12.5, 400, 40, 2.0, 30_000_000, 25_000_000)
    monkeypatch.setattr(pod, "counters", lambda: counters)
    deployment.pods, deployment.wanted = [pod], 2
    ingress = Ingress(deployment, random.Random(0))
    for seconds in (0.004, 0.012, 7.0):
        ingress.answers[200].observe(seconds)
    ingress.answers[503].observe(0.001)
    return Exporter([ingress])


@pytest.fixture
def lines(exporter):
    return exposition(exporter.samples()).splitlines()


@pytest.mark.parametrize(
    "line",
    [
        f"container_cpu_usage_seconds_total{{{POD}}} 12.5",
        f"container_cpu_cfs_periods_total{{{POD}}} 400",
        f"container_cpu_cfs_throttled_periods_total{{{POD}}} 40",
        f"container_memory_working_set_bytes{{{POD}}} 25000000",
        'kube_deployment_spec_replicas{namespace="shop",deployment="checkout"} 2',
        'kube_deployment_status_replicas_ready{namespace="shop",deployment="checkout"} 1',
        'kube_deployment_status_replicas_unavailable{namespace="shop",deployment="checkout"} 1',
        f'kube_pod_container_resource_requests{{{POD},resource="cpu",unit="core"}} 0.15',
        f'kube_pod_container_resource_limits{{{POD},resource="memory",unit="byte"}} 67108864',
        f"kube_pod_container_status_restarts_total{{{POD}}} 3",
        f'kube_pod_container_status_last_terminated_reason{{{POD},reason="OOMKilled"}} 1',
    ],
)
def test_the_series_are_named_and_labelled_as_in_a_cluster(lines, line):
    assert line in lines


def test_the_ingress_counts_requests_by_status(lines):
    labels = 'namespace="shop",ingress="checkout",service="checkout",status='
    assert f'nginx_ingress_controller_requests{{{labels}"200"}} 3' in lines
    assert f'nginx_ingress_controller_requests{{{labels}"503"}} 1' in lines
    assert f'nginx_ingress_controller_requests{{{labels}"504"}} 0' in lines


def test_the_buckets_are_cumulative_and_end_with_all(lines):
    start = (
        'nginx_ingress_controller_request_duration_seconds_bucket{namespace="shop",'
        'ingress="checkout",service="checkout",status="200",le='
    )
    counts = {
        line[len(start) + 1 :].split('"')[0]: int(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith(start)
    }
    assert counts["0.005"] == 1
    assert counts["0.01"] == 1
    assert counts["0.015"] == 2
    assert counts["5"] == 2
    assert counts["10"] == 3
    assert counts["+Inf"] == 3


def test_a_pod_without_a_running_container_shows_only_its_object(exporter, monkeypatch):
    pod = next(iter(exporter._ingresses)).deployment.pods[0]
    monkeypatch.setattr(pod, "counters", lambda: None)
    text = exposition(exporter.samples())
    assert "container_cpu_usage_seconds_total" not in text
    assert "kube_pod_container_status_restarts_total" in text


def test_prometheus_s_own_tool_accepts_the_text_that_the_server_serves(exporter):
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is missing (apt-get install prometheus)")

    async def served() -> bytes:
        port = await exporter.start()
        url = f"http://127.0.0.1:{port}/metrics"
        try:
            return await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read())
        finally:
            exporter.stop()

    checked = subprocess.run(
        [tool, "check", "metrics"], input=asyncio.run(served()), capture_output=True, check=False
    )
    # The tool also has opinions on names (no HELP text); only what can't be parsed is an error.
    assert b"error while linting" not in checked.stderr
    assert b"parsing" not in checked.stderr
