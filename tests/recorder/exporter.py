"""The series of cAdvisor, kube-state-metrics and ingress-nginx, named as in a cluster."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from itertools import accumulate

from tests.recorder.deployment import Deployment
from tests.recorder.load import BUCKETS_S, Ingress
from tests.recorder.pod import Pod

CONTAINER = "app"
Sample = tuple[str, dict[str, str], float]


def container_samples(pod: Pod) -> Iterator[Sample]:
    """Yield what cAdvisor says of the pod's container; nothing while it isn't running."""
    counters = pod.counters()
    if counters is None:
        return
    labels = _pod_labels(pod)
    yield "container_cpu_usage_seconds_total", labels, counters.cpu_s
    yield "container_cpu_cfs_periods_total", labels, counters.periods
    yield "container_cpu_cfs_throttled_periods_total", labels, counters.throttled_periods
    yield "container_cpu_cfs_throttled_seconds_total", labels, counters.throttled_s
    yield "container_memory_usage_bytes", labels, counters.usage_bytes
    yield "container_memory_working_set_bytes", labels, counters.working_set_bytes


def object_samples(deployment: Deployment) -> Iterator[Sample]:
    """Yield what kube-state-metrics says of the Deployment and its pods."""
    service = deployment.service
    labels = {"namespace": service.namespace, "deployment": service.name}
    ready = len(deployment.ready)
    yield "kube_deployment_spec_replicas", labels, deployment.wanted
    yield "kube_deployment_status_replicas_ready", labels, ready
    yield "kube_deployment_status_replicas_unavailable", labels, max(0, deployment.wanted - ready)
    for pod in deployment.pods:
        yield from _pod_samples(pod)


def _pod_samples(pod: Pod) -> Iterator[Sample]:
    labels = _pod_labels(pod)
    if pod.allocation:
        cpu = labels | {"resource": "cpu", "unit": "core"}
        memory = labels | {"resource": "memory", "unit": "byte"}
        for kind in ("requests", "limits"):  # equal: the pods are of QoS class Guaranteed
            name = f"kube_pod_container_resource_{kind}"
            yield name, cpu, pod.allocation.cpu_m / 1000
            yield name, memory, pod.allocation.memory_bytes
    yield "kube_pod_container_status_restarts_total", labels, pod.restarts
    if pod.last_reason:
        reason = labels | {"reason": pod.last_reason}
        yield "kube_pod_container_status_last_terminated_reason", reason, 1


def ingress_samples(ingress: Ingress) -> Iterator[Sample]:
    """Yield what ingress-nginx says of the requests that went through it."""
    service = ingress.deployment.service
    name = "nginx_ingress_controller_request_duration_seconds"
    for status, histogram in ingress.answers.items():
        labels = {
            "namespace": service.namespace,
            "ingress": service.name,
            "service": service.name,
            "status": str(status),
        }
        yield "nginx_ingress_controller_requests", labels, histogram.count
        bounds = [f"{bound:g}" for bound in BUCKETS_S] + ["+Inf"]
        for bound, below in zip(bounds, accumulate(histogram.counts), strict=True):
            yield f"{name}_bucket", labels | {"le": bound}, below
        yield f"{name}_sum", labels, histogram.sum_s
        yield f"{name}_count", labels, histogram.count


def _pod_labels(pod: Pod) -> dict[str, str]:
    return {"namespace": pod.service.namespace, "pod": pod.name, "container": CONTAINER}


def exposition(samples: Iterable[Sample]) -> str:
    """Return the samples in Prometheus's text format."""
    lines = []
    for name, labels, value in samples:
        inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value!r}")
    return "\n".join(lines) + "\n"


class Exporter:
    """An HTTP server on a free port of the loopback: GET /metrics."""

    def __init__(self, ingresses: Iterable[Ingress]) -> None:
        self._ingresses = tuple(ingresses)
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    def samples(self) -> Iterator[Sample]:
        """Yield every sample of this moment."""
        for ingress in self._ingresses:
            yield from object_samples(ingress.deployment)
            yield from ingress_samples(ingress)
            for pod in ingress.deployment.pods:
                yield from container_samples(pod)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            body = exposition(self.samples()).encode()
            head = (
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()
