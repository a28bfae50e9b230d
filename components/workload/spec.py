"""Workload specs: what is scaled, its objective, its bounds and where its metrics come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from components.errors import UserError
from components.workload.document import MetricsDocument, WorkloadDocument, WorkloadsDocument
from components.workload.quantities import format_cpu, format_memory
from components.workload.surroundings import Surroundings, surroundings_entry, surroundings_of
from components.workload.yaml_lines import Location, line_of, read_yaml


@dataclass(frozen=True, slots=True)
class Slo:
    """Latency objective: ``latency_percentile`` (0 to 1) of the requests within ``latency_ms``.

    ``counts_errors``: it was given as a success ratio, so a request that failed isn't within.
    """

    latency_percentile: float
    latency_ms: float
    counts_errors: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the autoscaler may choose from, both ends included; CPU and memory per replica."""

    replicas_min: int
    replicas_max: int
    cpu_min_m: int
    cpu_max_m: int
    memory_min_bytes: int
    memory_max_bytes: int


@dataclass(frozen=True, slots=True)
class MetricSource:
    """Where request rate, latency and errors come from; the queries only for source promql."""

    source: str
    ingress: str = ""
    request_rate: str = ""
    latency: str = ""
    latency_p50: str = ""
    error_ratio: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment or StatefulSet and the container of it that is scaled."""

    namespace: str
    name: str
    kind: str
    container: str
    slo: Slo
    bounds: Bounds
    metrics: MetricSource
    surroundings: Surroundings = field(default_factory=Surroundings)

    @property
    def key(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.namespace}/{self.name}"


def load_workloads(path: Path) -> tuple[Workload, ...]:
    """Return the file's workloads in its order.

    Raises UserError, with file and line, for an unknown or missing key, a wrong type, a minimum
    above its maximum, a workload listed twice and broken YAML.
    """
    document, lines = _read(path)
    workloads = tuple(_workload(item) for item in document.workloads)
    seen: set[str] = set()
    for index, workload in enumerate(workloads):
        if workload.key in seen:
            line = line_of(("workloads", index), lines)
            raise UserError(f"{path}, line {line}: workload {workload.key} again; list it once")
        seen.add(workload.key)
    return workloads


def load_maintenance(path: Path) -> tuple[tuple[datetime, datetime], ...]:
    """Return the file's times of maintenance, start and end; raises UserError as load_workloads."""
    document, _ = _read(path)
    return tuple((one.start, one.end) for one in document.maintenance)


def dump_workloads(workloads: Sequence[Workload]) -> str:
    """Return YAML that load_workloads reads back as the same workloads."""
    entries = [_entry(workload) for workload in workloads]
    return yaml.safe_dump({"workloads": entries}, sort_keys=False, default_flow_style=None)


def _read(path: Path) -> tuple[WorkloadsDocument, dict[Location, int]]:
    value, lines = read_yaml(path)
    try:
        return WorkloadsDocument.model_validate(value), lines
    except ValidationError as error:
        raise UserError(_first_problem(path, error, lines)) from error


def _workload(document: WorkloadDocument) -> Workload:
    bounds = document.bounds
    return Workload(
        namespace=document.namespace,
        name=document.name,
        kind=document.kind,
        container=document.container,
        slo=Slo(
            document.slo.share,
            document.slo.latency_ms,
            counts_errors=document.slo.success_ratio is not None,
        ),
        bounds=Bounds(
            replicas_min=bounds.replicas.min,
            replicas_max=bounds.replicas.max,
            cpu_min_m=bounds.cpu.min,
            cpu_max_m=bounds.cpu.max,
            memory_min_bytes=bounds.memory.min,
            memory_max_bytes=bounds.memory.max,
        ),
        metrics=_metric_source(document.metrics, document.name),
        surroundings=surroundings_of(document.surroundings),
    )


def _metric_source(document: MetricsDocument, name: str) -> MetricSource:
    # An Ingress is most often called as the Deployment behind it.
    ingress = document.ingress or (name if document.source == "ingress-nginx" else "")
    return MetricSource(
        source=document.source,
        ingress=ingress,
        request_rate=document.request_rate,
        latency=document.latency,
        latency_p50=document.latency_p50,
        error_ratio=document.error_ratio,
    )


def _entry(workload: Workload) -> dict[str, object]:
    bounds, metrics = workload.bounds, workload.metrics
    queries = {
        "source": metrics.source,
        "ingress": metrics.ingress,
        "request_rate": metrics.request_rate,
        "latency": metrics.latency,
        "latency_p50": metrics.latency_p50,
        "error_ratio": metrics.error_ratio,
    }
    told = surroundings_entry(workload.surroundings)
    share = "success_ratio" if workload.slo.counts_errors else "latency_percentile"
    return {
        "namespace": workload.namespace,
        "name": workload.name,
        "kind": workload.kind,
        "container": workload.container,
        "slo": {
            share: workload.slo.latency_percentile,
            "latency_ms": workload.slo.latency_ms,
        },
        "bounds": {
            "replicas": {"min": bounds.replicas_min, "max": bounds.replicas_max},
            "cpu": {"min": format_cpu(bounds.cpu_min_m), "max": format_cpu(bounds.cpu_max_m)},
            "memory": {
                "min": format_memory(bounds.memory_min_bytes),
                "max": format_memory(bounds.memory_max_bytes),
            },
        },
        "metrics": {key: text for key, text in queries.items() if text},
        **({"surroundings": told} if told else {}),
    }


def _first_problem(path: Path, error: ValidationError, lines: dict[Location, int]) -> str:
    # A mistyped key is also a missing one: name what the user wrote.
    problems = sorted(
        error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden"
    )
    problem = problems[0]
    location: Location = tuple(problem["loc"])
    where = ".".join(str(part) for part in location) or "the file"
    kind = problem["type"]
    if kind == "extra_forbidden":
        what = f"unknown key {location[-1]!r} ({where}); correct or remove it"
    elif kind == "missing":
        what = f"{where} is missing; add it"
    elif kind == "model_type":
        what = f"{where} must hold keys and values"
    else:
        message = problem["msg"].removeprefix("Value error, ")
        what = f"{where}: {message[0].lower()}{message[1:]}"
    more = len(problems) - 1
    others = f" (and {more} more)" if more else ""
    return f"{path}, line {line_of(location, lines)}: {what}{others}"
