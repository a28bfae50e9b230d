"""Pods are real containers: limits move in place, the kernel kills, the node restarts."""

import asyncio
import contextlib
import time
from dataclasses import replace

import pytest

from tests.recorder import cgroup, podman
from tests.recorder.application import status_of
from tests.recorder.deployment import Deployment
from tests.recorder.pod import Node
from tests.recorder.schedule import Allocation
from tests.recorder.services import MIB, SERVICES

pytestmark = pytest.mark.rig

WORK_ID = "test-of-deployments"
LIGHT = replace(
    SERVICES[0],
    segments=({"kind": "json", "units": 2},),
    base_memory_bytes=4 * MIB,
    request_memory_bytes=0,
    start_delay_s=0.0,
    warm_up_units=0,
)


def limits_of(pod):
    """CPU in millicores and memory in bytes, as the kernel enforces them now."""
    group = f"{cgroup.PARENT}/libpod-{pod.container}"
    if cgroup.version() == 1:
        quota = (cgroup.CGROUPS / "cpu" / group / "cpu.cfs_quota_us").read_text()
        memory = (cgroup.CGROUPS / "memory" / group / "memory.limit_in_bytes").read_text()
    else:
        quota = (cgroup.CGROUPS / group / "cpu.max").read_text().split()[0]
        memory = (cgroup.CGROUPS / group / "memory.max").read_text()
    return int(quota) / 100, int(memory)


async def until(condition, within_s=20.0):
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        await asyncio.sleep(0.1)


def with_deployment(image, service, check):
    """Runs the check on a Deployment; returns what was noted; no container stays."""
    notes = []

    async def go():
        node = Node(image, WORK_ID, lambda kind, workload, detail: notes.append(kind))
        deployment = Deployment(service, node)
        try:
            await check(deployment)
        finally:
            await deployment.remove()

    asyncio.run(go())
    assert podman.containers_of(WORK_ID) == []
    return notes


def test_limits_move_in_place_and_memory_stays_above_what_is_in_use(rig):
    async def check(deployment):
        await deployment.apply(Allocation(1, 200, 64 * MIB))
        (pod,) = deployment.pods
        await until(lambda: pod.ready)
        assert limits_of(pod) == (200, 64 * MIB)
        container = pod.container
        await deployment.apply(Allocation(1, 450, 96 * MIB))
        assert limits_of(pod) == (450, 96 * MIB)
        await deployment.apply(Allocation(1, 150, MIB))
        cpu_m, memory_bytes = limits_of(pod)
        assert cpu_m == 150
        assert 8 * MIB < memory_bytes < 64 * MIB
        assert pod.allocation.memory_bytes == pytest.approx(memory_bytes, abs=4096)
        assert (pod.container, pod.restarts) == (container, 0)
        assert status_of(pod.port, "/work") == 200

    assert with_deployment(rig, LIGHT, check) == []


def test_replicas_start_on_scale_out_and_leave_on_scale_in(rig):
    async def check(deployment):
        await deployment.apply(Allocation(1, 300, 64 * MIB))
        await until(lambda: len(deployment.ready) == 1)
        first = deployment.pods[0]
        await deployment.apply(Allocation(3, 300, 64 * MIB))
        assert deployment.wanted == 3
        await until(lambda: len(deployment.ready) == 3)
        assert len({pod.name for pod in deployment.pods}) == 3
        await deployment.apply(Allocation(1, 300, 64 * MIB))
        assert deployment.pods == [first]
        assert first.ready
        await until(lambda: len(podman.containers_of(WORK_ID)) == 1)

    assert with_deployment(rig, LIGHT, check) == []


def test_a_pod_beyond_its_memory_is_killed_counted_and_restarted(rig):
    greedy = replace(LIGHT, request_memory_bytes=128 * MIB)

    async def check(deployment):
        await deployment.apply(Allocation(1, 400, 48 * MIB))
        (pod,) = deployment.pods
        await until(lambda: pod.ready)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(status_of, pod.port, "/work")
        await until(lambda: pod.restarts == 1)
        assert (pod.oom_kills, pod.last_reason) == (1, "OOMKilled")
        await until(lambda: pod.ready)
        assert limits_of(pod) == (400, 48 * MIB)

    assert with_deployment(rig, greedy, check) == ["OOMKilled"]


def test_a_pod_that_is_killed_otherwise_is_no_oom_kill(rig):
    async def check(deployment):
        await deployment.apply(Allocation(1, 400, 64 * MIB))
        (pod,) = deployment.pods
        await until(lambda: pod.ready)
        kills = cgroup.oom_kills()
        await podman.call_beside("podman", "kill", "-s", "KILL", pod.container)
        await until(lambda: pod.restarts == 1)
        if cgroup.oom_kills() != kills:
            pytest.skip("another process of this machine was killed for memory at this moment")
        assert (pod.oom_kills, pod.last_reason) == (0, "Error")

    assert with_deployment(rig, LIGHT, check) == ["Error"]
