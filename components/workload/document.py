"""The workloads file as it is written: every key, its type and its range (pydantic, the edge)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from components.workload.scalars import CpuMillicores, Label, MemoryBytes, Subdomain, Time
from components.workload.strict import Strict
from components.workload.surroundings import SurroundingsDocument

Range = TypeVar("Range", bound=Strict)


_ONE_SHARE: JsonDict = {
    "oneOf": [{"required": ["latency_percentile"]}, {"required": ["success_ratio"]}],
}


class SloDocument(Strict):
    """The objective: a share of the requests is answered within a time.

    `latency_percentile` looks at the latency alone; `success_ratio` counts a request only if it was
    answered without an error.
    """

    model_config = ConfigDict(json_schema_extra=_ONE_SHARE)

    latency_percentile: float | None = Field(
        None, gt=0, lt=1, description="0.95: of 100 requests 95 are answered within latency_ms."
    )
    success_ratio: float | None = Field(
        None, gt=0, lt=1, description="As latency_percentile, and without an error."
    )
    latency_ms: float = Field(
        gt=0, allow_inf_nan=False, description="The time within which, in milliseconds."
    )

    @model_validator(mode="after")
    def _one_share(self) -> Self:
        if (self.latency_percentile is None) == (self.success_ratio is None):
            raise ValueError("give either latency_percentile or success_ratio")
        return self

    @property
    def share(self) -> float:
        """Return the share of the requests that the objective is about."""
        return self.latency_percentile or self.success_ratio or 0.0


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


Query = Annotated[str, Field(description="PromQL; only with source promql.")]
_OWN_QUERIES = ["request_rate", "latency", "latency_p50", "error_ratio"]
_BY_SOURCE: JsonDict = {
    "allOf": [
        {
            "if": {"properties": {"source": {"const": "promql"}}},
            "then": {
                "required": ["request_rate", "latency"],
                "properties": {name: {"minLength": 1} for name in _OWN_QUERIES[:2]},
            },
            "else": {"properties": {name: {"maxLength": 0} for name in _OWN_QUERIES}},
        },
        {
            "if": {"not": {"properties": {"source": {"const": "ingress-nginx"}}}},
            "then": {"properties": {"ingress": {"maxLength": 0}}},
        },
    ]
}


class MetricsDocument(Strict):
    """Where request rate and latency come from."""

    model_config = ConfigDict(json_schema_extra=_BY_SOURCE)

    source: Literal["istio", "linkerd", "ingress-nginx", "opentelemetry", "promql"]
    ingress: Annotated[
        Subdomain | Literal[""],
        Field(description="The Ingress' name with source ingress-nginx; else as the workload's."),
    ] = ""
    request_rate: Query = ""
    latency: Query = ""
    latency_p50: Query = ""
    error_ratio: Query = ""

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
    container: Annotated[Label, Field(description="The container that is sized.")]
    slo: SloDocument
    bounds: BoundsDocument
    metrics: MetricsDocument
    surroundings: SurroundingsDocument = Field(default_factory=SurroundingsDocument)


class MaintenanceDocument(Strict):
    """A time in which what was measured says nothing of the workloads."""

    start: Time
    end: Time

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start >= self.end:
            raise ValueError("start isn't before end")
        return self


class WorkloadsDocument(Strict):
    """The whole file."""

    workloads: list[WorkloadDocument] = Field(min_length=1)
    maintenance: list[MaintenanceDocument] = Field(
        [], description="Times to leave out when a recording is checked for drift."
    )


def _refuse_reversed(range_: Range, low: int, high: int) -> Range:
    if low > high:
        raise ValueError(f"min is above max ({low} > {high})")
    return range_
