"""Kubeflow's Trainer as far as meta-training sees it: the TrainJob's CRD, and who runs its nodes.

The schema is cut from the published one (kubeflow/trainer, v1alpha1) to the fields that a TrainJob
of ours has, so that the API server drops any other. A node is a process of this machine with the
environment that the Trainer gives torchrun (PET_*).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from components.kubernetes_api.client import Json
from components.meta_training.train_job import API_VERSION, jobs_path
from tests.cluster.api_server import REPOSITORY, Cluster

GROUP, VERSION = API_VERSION.split("/")
_TEXTS = {"type": "array", "items": {"type": "string"}}
_LOCAL = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def _object(*required: str, **properties: Any) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _crd() -> Json:
    text = {"type": "string"}
    runtime = _object("name", name=text, apiGroup=text, kind=text)
    trainer = _object(
        image=text,
        command=_TEXTS,
        args=_TEXTS,
        numNodes={"type": "integer", "format": "int32"},
        numProcPerNode={"x-kubernetes-int-or-string": True},
    )
    del trainer["required"]
    condition = _object(
        *("type", "status", "reason", "message", "lastTransitionTime"),
        type=text,
        status={**text, "enum": ["True", "False", "Unknown"]},
        reason=text,
        message=text,
        lastTransitionTime={**text, "format": "date-time"},
    )
    schema = _object(
        "spec",
        spec=_object("runtimeRef", runtimeRef=runtime, trainer=trainer),
        status={
            "type": "object",
            "properties": {"conditions": {"type": "array", "items": condition}},
        },
    )
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": "TrainJob", "listKind": "TrainJobList"}
    names |= {"plural": "trainjobs", "singular": "trainjob"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"trainjobs.{GROUP}"},
        "spec": spec,
    }


def install_trainer(cluster: Cluster) -> None:
    """Puts the CRD on the server and waits until it is served."""
    cluster.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _crd())
    cluster.wait_for(lambda: cluster.exists(jobs_path("default")))


@dataclass
class Trainer:
    """Runs the nodes of each new TrainJob of a namespace, and writes its conditions."""

    cluster: Cluster
    namespace: str
    environment: dict[str, str]
    specs: list[Json] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Take up what is new."""
        for job in self.cluster.client.list(jobs_path(self.namespace)):
            if job["metadata"]["uid"] not in self._known:
                self._known.add(job["metadata"]["uid"])
                self.specs.append(job["spec"])
                self._finish(job, self._run(job["spec"]["trainer"]))

    def _run(self, trainer: Json) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        count = trainer["numNodes"]
        command = [sys.executable, *trainer["command"][1:], *trainer["args"]]
        nodes = [
            subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=os.environ
                | _LOCAL
                | self.environment
                | {
                    "PET_NNODES": str(count),
                    "PET_NPROC_PER_NODE": str(trainer["numProcPerNode"]),
                    "PET_NODE_RANK": str(rank),
                    "PET_MASTER_ADDR": "127.0.0.1",
                    "PET_MASTER_PORT": str(port),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(count)
        ]
        self.said += [node.communicate()[0] for node in nodes]
        return max(abs(node.returncode) for node in nodes)

    def _finish(self, job: Json, code: int) -> None:
        condition = {
            "type": "Failed" if code else "Complete",
            "status": "True",
            "reason": "JobSetFailed" if code else "JobSetCompleted",
            "message": f"the nodes ended with {code}",
            "lastTransitionTime": "2026-11-01T00:00:00Z",
        }
        path = f"{jobs_path(self.namespace)}/{job['metadata']['name']}/status"
        self.cluster.client.patch(path, {"status": {"conditions": [condition]}})


@contextmanager
def training(trainer: Trainer) -> Iterator[Trainer]:
    """Let the Trainer look around while the block runs."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            trainer.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield trainer
    finally:
        over.set()
        thread.join()
