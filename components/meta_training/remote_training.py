"""Meta-training by a TrainJob: inputs out, the job made and waited for, output in, all removed.

Its name is a digest of what is trained on and how. So a task that was killed and is tried again
finds its own job, running or done, and goes on from there; nothing is trained twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.artifacts.folders import digest_of, fetch_folder, remove_folder, send_folder
from components.artifacts.open import open_store
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError, require_at_least
from components.kubernetes_api.client import Json, connect
from components.kubernetes_api.errors import AbsentError, ConflictError
from components.meta_training.exchange import Exchange
from components.meta_training.stage import MetaTrainingSummary
from components.meta_training.train_job import Outcome, jobs_path, outcome_of, train_job
from components.progress import Progress

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
POLL_S = 5.0
# An API server that is away longer than this has not just been restarted.
PATIENCE_S = 600.0


class Jobs(Protocol):
    """What is asked of the API server (components.kubernetes_api.client.KubernetesClient)."""

    def get(self, path: str, /) -> Json:
        """The object at `path`."""

    def create(self, path: str, body: Json, /) -> Json:
        """Posts an object."""

    def delete(self, path: str, /) -> Json:
        """Deletes the object at `path`."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a TrainJob is made, through which store it gets and gives, on how many nodes.

    `exchange_url` is the store's as the nodes open it. Raises UserError for no node.
    """

    jobs: Jobs
    namespace: str
    store: Store
    exchange_url: str
    nodes: int
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        require_at_least("meta-training", self, {"nodes": 1})


def remote_in_cluster(nodes: int, exchange_url: str, environment: Mapping[str, str]) -> Remote:
    """Return how to train from a pod of a cluster, in its own namespace.

    Raises UserError outside of a cluster and without an exchange.
    """
    if not exchange_url:
        raise UserError("trainer_nodes needs trainer_exchange: give minio://bucket/prefix")
    try:
        namespace = _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(
            "trainer_nodes needs a cluster with Kubeflow's Trainer: here it must be 0"
        ) from error
    store = open_store(exchange_url, environment)
    return Remote(connect(), namespace, store, exchange_url, nodes)


def train_remotely(
    remote: Remote,
    seed: int,
    quick: bool,
    dataset: Path,
    embedding: Path,
    output: Path,
    progress: Progress,
) -> MetaTrainingSummary:
    """Write `output` as components.meta_training.stage.run does, by a TrainJob.

    Raises UserError with one line when the job failed; it and what was exchanged are removed then,
    so that the next try begins anew. TemporaryError where the API server stays away: the job goes
    on, and the next try finds it.
    """
    arguments = ["--seed", str(seed), *(["--quick"] if quick else [])]
    inputs = digest_of({"dataset": dataset, "embedding": embedding})
    text = f"{inputs} {remote.nodes} {arguments}"
    exchange = Exchange(f"aware-meta-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    path = f"{jobs_path(remote.namespace)}/{exchange.name}"
    if remote.store.read_tagged(exchange.summary) is None:
        progress.update(0.0, 1.0, f"sending inputs to TrainJob {exchange.name}")
        send_folder(remote.store, exchange.dataset, dataset)
        send_folder(remote.store, exchange.embedding, embedding)
        told = ["--exchange", remote.exchange_url, "--name", exchange.name, *arguments]
        _make(remote, train_job(exchange.name, remote.nodes, told))
        _wait(remote, path, exchange, progress)
    summary = _taken(remote.store, exchange, output)
    _remove(remote, path, exchange)
    progress.update(1.0, 1.0)
    return summary


def _make(remote: Remote, job: Json) -> None:
    try:
        remote.jobs.create(jobs_path(remote.namespace), job)
    except ConflictError:
        # This task's own, from before it was killed: its name says that it is the same training.
        return
    except AbsentError as error:
        raise UserError(
            f"the cluster has no TrainJobs (trainer.kubeflow.org): install Kubeflow's Trainer or"
            f" leave trainer_nodes at 0 ({error})"
        ) from error


def _wait(remote: Remote, path: str, exchange: Exchange, progress: Progress) -> None:
    """Return when the job is complete; raise UserError when it failed or was deleted."""
    answered_s = remote.clock()
    while True:
        try:
            outcome, told = outcome_of(remote.jobs.get(path))
            answered_s = remote.clock()
        except AbsentError as error:
            if remote.store.read_tagged(exchange.summary) is not None:
                return
            raise UserError(f"TrainJob {exchange.name} was deleted: run it again") from error
        except TemporaryError:
            if remote.clock() - answered_s > PATIENCE_S:
                raise
            outcome, told = Outcome.RUNNING, "waiting for the API server"
        if outcome is Outcome.COMPLETE:
            return
        if outcome is Outcome.FAILED:
            failure = remote.store.read_tagged(exchange.failure)
            line = failure[0].decode() if failure else told or "see its pods' logs"
            _remove(remote, path, exchange)
            raise UserError(f"TrainJob {exchange.name} failed: {' '.join(line.split())}")
        progress.update(0.1, 1.0, f"TrainJob {exchange.name}, {remote.nodes} nodes {told}".strip())
        remote.sleep(POLL_S)


def _taken(store: Store, exchange: Exchange, output: Path) -> MetaTrainingSummary:
    tagged = store.read_tagged(exchange.summary)
    if tagged is None:
        raise UserError(f"TrainJob {exchange.name} is complete but left no output: see its logs")
    fetch_folder(store, exchange.output, output)
    return MetaTrainingSummary(**json.loads(tagged[0]))


def _remove(remote: Remote, path: str, exchange: Exchange) -> None:
    """The job first, since its nodes write; then the summary, since what it tells of goes."""
    with contextlib.suppress(AbsentError):
        remote.jobs.delete(path)
    remote.store.delete(exchange.summary)
    remove_folder(remote.store, exchange.name)
