"""What surrounds a workload and no telemetry shows: its clients' retries, its drains, its nodes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydantic import Field

from components.workload.quantities import format_cpu, format_memory
from components.workload.scalars import CpuMillicores, MemoryBytes
from components.workload.strict import Strict


class SurroundingsDocument(Strict):
    """What no telemetry shows and a twin has to be told; left out, it is neglected."""

    drain_s: float = Field(
        0.0, ge=0, le=120, description="From a replica's removal to its end: it costs until then."
    )
    node_cpu: CpuMillicores = Field(
        0, description="CPU that the nodes have for all replicas; pods beyond it wait."
    )
    node_memory: MemoryBytes = Field(0, description="Memory, likewise.")
    scheduling_delay_s: float = Field(
        0.0, ge=0, le=120, description="From a pod that fits to its start."
    )
    retry_share: float = Field(
        0.0, ge=0, le=1, description="Failed requests that clients send again."
    )
    retry_cap: float = Field(
        0.2, ge=0, le=10, description="Retries at most, as a share of the first attempts."
    )
    retry_delay_s: float = Field(
        1.0, ge=0, le=300, description="Mean time from a failure to its retry."
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Told by the owner; zero is what a twin without it assumes.

    drain_s: from a replica's removal to its end, in which it serves what it has and costs.
    node_cpu_m, node_memory_bytes: what the nodes have for all its replicas; beyond it pods wait.
    scheduling_delay_s: from a pod that fits to its start.
    retry_share: failed requests that clients send again, retry_cap at most of the first attempts,
        after retry_delay_s on average.
    """

    drain_s: float = 0.0
    node_cpu_m: int = 0
    node_memory_bytes: int = 0
    scheduling_delay_s: float = 0.0
    retry_share: float = 0.0
    retry_cap: float = 0.0
    retry_delay_s: float = 0.0

    def told(self) -> dict[str, float]:
        """What was told, by name: that isn't zero."""
        return {name: value for name, value in asdict(self).items() if value}


def surroundings_of(document: SurroundingsDocument) -> Surroundings:
    """The surroundings that a document tells."""
    return Surroundings(
        drain_s=document.drain_s,
        node_cpu_m=document.node_cpu,
        node_memory_bytes=document.node_memory,
        scheduling_delay_s=document.scheduling_delay_s,
        retry_share=document.retry_share,
        retry_cap=document.retry_cap if document.retry_share else 0.0,
        retry_delay_s=document.retry_delay_s if document.retry_share else 0.0,
    )


def surroundings_entry(surroundings: Surroundings) -> dict[str, object]:
    """What the file says of them; nothing where nothing was told."""
    told: dict[str, object] = dict(surroundings.told())
    if surroundings.node_cpu_m:
        told["node_cpu"] = format_cpu(surroundings.node_cpu_m)
        del told["node_cpu_m"]
    if surroundings.node_memory_bytes:
        told["node_memory"] = format_memory(surroundings.node_memory_bytes)
        del told["node_memory_bytes"]
    return told
