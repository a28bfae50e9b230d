"""The workloads file as it is written: every key, its type and its range (pydantic, the edge)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from components.workload.quantities import parse_cpu, parse_memory

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Subdomain = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253
    ),
]


def _above_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must be above zero")
    return value


CpuMillicores = Annotated[int, BeforeValidator(parse_cpu), AfterValidator(_above_zero)]
MemoryBytes = Annotated[int, BeforeValidator(parse_memory), AfterValidator(_above_zero)]


class Strict(BaseModel):
    """A mapping that refuses unknown keys and doesn't turn one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Range = TypeVar("Range", bound=Strict)


class SloDocument(Strict):
    """The latency objective: this share of the requests is answered within this time."""

    latency_percentile: float = Field(gt=0, lt=1)
    latency_ms: float = Field(gt=0, allow_inf_nan=False)


class ReplicasDocument(Strict):
    """Fewest and most replicas."""

    min: int = Field(ge=1, le=10_000)
    max: int = Field(ge=1, le=10_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return _refuse_reversed(self, self.min, self.max)


class CpuDocument(Strict):
    """Least and most CPU of one replica."""

    min: CpuMillicores
    max: CpuMillicores

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return _refuse_reversed(self, self.min, self.max)


class MemoryDocument(Strict):
    """Least and most memory of one replica."""

    min: MemoryBytes
    max: MemoryBytes

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return _refuse_reversed(self, self.min, self.max)


class BoundsDocument(Strict):
    """What the autoscaler may choose from."""

    replicas: ReplicasDocument
    cpu: CpuDocument
    memory: MemoryDocument


class MetricsDocument(Strict):
    """Where request rate and latency come from."""

    source: Literal["istio", "linkerd", "ingress-nginx", "opentelemetry", "promql"]
    ingress: Subdomain | Literal[""] = ""
    request_rate: str = ""
    latency: str = ""
    latency_p50: str = ""
    error_ratio: str = ""

    @model_validator(mode="after")
    def _fits_source(self) -> Self:
        queries = (self.request_rate, self.latency, self.latency_p50, self.error_ratio)
        if self.source == "promql" and not (self.request_rate and self.latency):
            raise ValueError("source promql needs the queries request_rate and latency")
        if self.source != "promql" and any(queries):
            raise ValueError(f"source {self.source} takes no queries of your own (promql does)")
        if self.source != "ingress-nginx" and self.ingress:
            raise ValueError(f"source {self.source} takes no ingress (ingress-nginx does)")
        return self


class WorkloadDocument(Strict):
    """One workload."""

    namespace: Label
    name: Subdomain
    kind: Literal["Deployment", "StatefulSet"]
    container: Label
    slo: SloDocument
    bounds: BoundsDocument
    metrics: MetricsDocument


class WorkloadsDocument(Strict):
    """The whole file."""

    workloads: list[WorkloadDocument] = Field(min_length=1)


def _refuse_reversed(range_: Range, low: int, high: int) -> Range:
    if low > high:
        raise ValueError(f"min is above max ({low} > {high})")
    return range_
