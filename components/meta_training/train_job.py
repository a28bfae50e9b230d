"""The TrainJob of Kubeflow's Trainer that trains on several nodes: what it says, how it ended.

Only fields that every release of trainer.kubeflow.org/v1alpha1 has: image, volumes, credentials and
security are the TrainingRuntime's (manifests/kubeflow/trainer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

API_VERSION = "trainer.kubeflow.org/v1alpha1"
RUNTIME = "aware-meta-training"
PROGRAM = "components.meta_training.trainer_node"


class Outcome(Enum):
    """How far a TrainJob is."""

    RUNNING = auto()
    COMPLETE = auto()
    FAILED = auto()


def jobs_path(namespace: str) -> str:
    """Where the API server has the namespace's TrainJobs."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/trainjobs"


def train_job(name: str, nodes: int, arguments: Sequence[str]) -> dict[str, Any]:
    """The object: one process a node, each told by torchrun's environment who it is."""
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainJob",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/part-of": "aware",
                "app.kubernetes.io/component": "meta_training",
            },
        },
        "spec": {
            "runtimeRef": {
                "apiGroup": API_VERSION.partition("/")[0],
                "kind": "TrainingRuntime",
                "name": RUNTIME,
            },
            "trainer": {
                "numNodes": nodes,
                "numProcPerNode": 1,
                "command": ["python3", "-m", "torch.distributed.run"],
                "args": ["-m", PROGRAM, *arguments],
            },
        },
    }


def outcome_of(job: Mapping[str, Any]) -> tuple[Outcome, str]:
    """How far the TrainJob is, and what its condition says."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") != "True":
            continue
        told = str(condition.get("message") or condition.get("reason") or "")
        if condition.get("type") == "Complete":
            return Outcome.COMPLETE, told
        if condition.get("type") == "Failed":
            return Outcome.FAILED, told
        if condition.get("type") == "Suspended":
            return Outcome.RUNNING, "suspended"
    return Outcome.RUNNING, ""
