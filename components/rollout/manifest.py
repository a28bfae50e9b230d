"""The MultidimPodAutoscaler of one workload."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import yaml

from components.artifacts.channel import Channel
from components.kubernetes_api.names import (
    GROUP,
    KIND,
    MANAGED_BY,
    PREFIX,
    RECOMMENDER,
    VERSION,
)
from components.workload.quantities import format_cpu, format_memory
from components.workload.spec import Workload


def mpa_manifest(
    workload: Workload, channel: Channel, incumbent: Mapping[str, float], cpu_target: float
) -> dict[str, Any]:
    """The object as JSON values.

    It only recommends (updateMode Off): who lets a policy act is the recommender, step by step.
    What the upstream fields have no place for stands in annotations: the SLO, the phase, the
    policy's digest and channel, the settings of the incumbent rule that acts meanwhile, and where
    rate and latency are read.
    `cpu_target` is the incumbent's share of the CPU request (0.6: 60 %).
    """
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "name": workload.name,
            "namespace": workload.namespace,
            "labels": dict(MANAGED_BY),
            "annotations": _annotations(workload, channel, incumbent),
        },
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": workload.kind,
                "name": workload.name,
            },
            "policy": {"updateMode": "Off"},
            "goals": {"metrics": [_cpu_goal(cpu_target)]},
            "constraints": _constraints(workload),
            "resourcePolicy": {
                "containerPolicies": [
                    {"containerName": workload.container, "controlledValues": "RequestsAndLimits"}
                    | _allowed(workload),
                    # Sidecars keep what they ask for.
                    {"containerName": "*", "mode": "Off"},
                ]
            },
            "recommenders": [{"name": RECOMMENDER}],
        },
    }


def manifest_yaml(manifest: Mapping[str, Any]) -> str:
    """The object as YAML, in the order in which people write one."""
    return yaml.safe_dump(dict(manifest), sort_keys=False, width=1000)


def _annotations(
    workload: Workload, channel: Channel, incumbent: Mapping[str, float]
) -> dict[str, str]:
    values = {
        "slo-latency-percentile": f"{workload.slo.latency_percentile:g}",
        "slo-latency-ms": f"{workload.slo.latency_ms:g}",
        "phase": channel.state,
        "channel": f"channels/{workload.key}.json",
        "policy-digest": channel.current or "",
        "incumbent": json.dumps(dict(incumbent), sort_keys=True, allow_nan=False),
        "metrics": _metrics(workload),
    }
    return {f"{PREFIX}/{name}": value for name, value in values.items() if value}


def _metrics(workload: Workload) -> str:
    """Where the recommender reads rate and latency, as `metrics` of workloads.yaml in JSON."""
    said = {name: text for name, text in asdict(workload.metrics).items() if text}
    return json.dumps(said, sort_keys=True)


def _cpu_goal(cpu_target: float) -> dict[str, Any]:
    percent = max(1, round(100 * cpu_target))
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _constraints(workload: Workload) -> dict[str, Any]:
    bounds = workload.bounds
    return {
        "global": {"minReplicas": bounds.replicas_min, "maxReplicas": bounds.replicas_max},
        "containerControlledResources": ["cpu", "memory"],
        "container": [{"name": workload.container, "mode": "Auto", "requests": _allowed(workload)}],
    }


def _allowed(workload: Workload) -> dict[str, Any]:
    bounds = workload.bounds
    return {
        "minAllowed": {
            "cpu": format_cpu(bounds.cpu_min_m),
            "memory": format_memory(bounds.memory_min_bytes),
        },
        "maxAllowed": {
            "cpu": format_cpu(bounds.cpu_max_m),
            "memory": format_memory(bounds.memory_max_bytes),
        },
    }
