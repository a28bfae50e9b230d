"""Meta-training by a TrainJob: made once, waited for, taken up again, told in one line, removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components.artifacts.files import json_bytes, write_text
from components.artifacts.folders import files_of
from components.artifacts.local import LocalStore
from components.errors import TemporaryError, UserError
from components.kubernetes_api.client import Json
from components.kubernetes_api.errors import AbsentError, ConflictError
from components.meta_training.exchange import Exchange
from components.meta_training.remote_training import Remote, remote_in_cluster, train_remotely
from components.meta_training.stage import MetaTrainingSummary
from components.meta_training.train_job import Outcome, outcome_of, train_job
from components.progress import Progress

JOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/aware-runs/trainjobs"
SUMMARY = MetaTrainingSummary(0.8, 0.02, 1000)
COMPLETE = {"type": "Complete", "status": "True", "message": "done"}
FAILED = {"type": "Failed", "status": "True", "message": "jobset failed:\nbackoff"}


class KilledError(BaseException):
    """The task's process ends here."""


@dataclass
class Cluster:
    """TrainJobs by path; at the `at`-th look `event` happens to the one that is looked at."""

    event: Callable[[Cluster, str], object]
    at: int = 2
    objects: dict[str, Json] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    looks: int = 0

    def get(self, path: str) -> Json:
        if path not in self.objects:
            raise AbsentError(f"{path} is not there")
        self.looks += 1
        if self.looks == self.at:
            self.event(self, path)
        return self.objects[path]

    def create(self, path: str, body: Json) -> Json:
        assert path == JOBS
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            raise ConflictError("it is there")
        self.made.append(body["metadata"]["name"])
        self.objects[place] = body
        return body

    def delete(self, path: str) -> Json:
        if path not in self.objects:
            raise AbsentError(f"{path} is not there")
        return self.objects.pop(path)


@dataclass
class Task:
    """What a task of the pipeline has, and a clock of its own."""

    folder: Path
    cluster: Cluster
    now_s: float = 0.0

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "exchange")

    def run(self, nodes: int = 2, seed: int = 3) -> MetaTrainingSummary:
        for name in ("dataset", "embedding"):
            write_text(self.folder / name / "shop" / "cart.parquet", f"{name} of cart")
        remote = Remote(
            self.cluster,
            "aware-runs",
            self.store,
            str(self.folder / "exchange"),
            nodes,
            self.sleep,
            lambda: self.now_s,
        )
        return train_remotely(
            remote,
            seed,
            True,
            self.folder / "dataset",
            self.folder / "embedding",
            self.folder / "output",
            Progress("meta_training"),
        )

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def left(self) -> list[str]:
        return [*self.cluster.objects, *self.store.list("")]


def ending(condition: Json, folder: Path) -> Callable[[Cluster, str], None]:
    """The job ends so; complete, it leaves its output as its nodes do."""

    def end(cluster: Cluster, path: str) -> None:
        cluster.objects[path]["status"] = {"conditions": [condition]}
        store = LocalStore(folder / "exchange")
        exchange = Exchange(path.rpartition("/")[2])
        if condition["type"] == "Complete":
            store.write_once(f"{exchange.output}/meta_policy.safetensors", b"policy")
            store.write_once(exchange.summary, b'{"reward":0.8,"violation":0.02,"decisions":1000}')

    return end


def test_it_gives_what_the_job_left_and_removes_job_and_exchange(tmp_path: Path) -> None:
    seen: list[Json] = []

    def complete(cluster: Cluster, path: str) -> None:
        seen.append(json.loads(json.dumps(cluster.objects[path])))
        name = path.rpartition("/")[2]
        store = LocalStore(tmp_path / "exchange")
        assert store.list("") == [
            f"{name}/dataset/shop/cart.parquet",
            f"{name}/embedding/shop/cart.parquet",
        ]
        ending(COMPLETE, tmp_path)(cluster, path)

    task = Task(tmp_path, Cluster(complete, at=3))
    assert task.run() == SUMMARY
    assert list(files_of(tmp_path / "output")) == ["meta_policy.safetensors"]
    assert task.left() == []
    assert task.now_s == 10.0
    (job,) = seen
    trainer = job["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (2, 1)
    name = job["metadata"]["name"]
    assert trainer["args"] == [
        *("-m", "components.meta_training.trainer_node"),
        *("--exchange", str(tmp_path / "exchange"), "--name", name, "--seed", "3", "--quick"),
    ]
    assert job["spec"]["runtimeRef"]["name"] == "aware-meta-training"


@pytest.mark.parametrize("at", [1, 2])
def test_a_task_that_was_killed_finds_its_own_job_and_trains_nothing_twice(
    tmp_path: Path, at: int
) -> None:
    def die(*_: object) -> None:
        raise KilledError

    cluster = Cluster(die, at)
    with pytest.raises(KilledError):
        Task(tmp_path, cluster).run()
    cluster.event, cluster.at = ending(COMPLETE, tmp_path), at + 1
    task = Task(tmp_path, cluster)
    assert task.run() == SUMMARY
    assert len(cluster.made) == 1
    assert task.left() == []


def test_a_job_that_was_done_when_its_task_died_is_not_made_again(tmp_path: Path) -> None:
    def done_and_die(cluster: Cluster, path: str) -> None:
        ending(COMPLETE, tmp_path)(cluster, path)
        raise KilledError

    cluster = Cluster(done_and_die)
    with pytest.raises(KilledError):
        Task(tmp_path, cluster).run()
    # The Trainer's own clearing up took the object meanwhile.
    cluster.objects.clear()
    task = Task(tmp_path, cluster)
    assert task.run() == SUMMARY
    assert len(cluster.made) == 1
    assert task.left() == []


def test_another_seed_or_number_of_nodes_is_another_job(tmp_path: Path) -> None:
    cluster = Cluster(ending(COMPLETE, tmp_path), at=1)
    for nodes, seed in ((1, 0), (2, 0), (2, 1), (2, 1)):
        cluster.looks = 0
        Task(tmp_path, cluster).run(nodes, seed)
    assert len(cluster.made) == 4
    assert len(set(cluster.made)) == 3
    assert all(len(name) <= 63 and name.startswith("aware-meta-") for name in cluster.made)


@pytest.mark.parametrize("left", ["", "meta-training: 8 applications are too few for 4 processes"])
def test_a_failure_is_one_line_and_the_next_try_begins_anew(tmp_path: Path, left: str) -> None:
    def fail(cluster: Cluster, path: str) -> None:
        ending(FAILED, tmp_path)(cluster, path)
        if left:
            exchange = Exchange(path.rpartition("/")[2])
            LocalStore(tmp_path / "exchange").write_once(exchange.failure, left.encode())

    task = Task(tmp_path, Cluster(fail))
    with pytest.raises(UserError, match=f"failed: {left or 'jobset failed: backoff'}$"):
        task.run()
    assert task.left() == []
    assert not (tmp_path / "output").exists()
    task.cluster.event, task.cluster.at = ending(COMPLETE, tmp_path), task.cluster.looks + 1
    assert task.run() == SUMMARY


def test_a_job_that_somebody_deleted_is_told(tmp_path: Path) -> None:
    task = Task(tmp_path, Cluster(lambda cluster, path: cluster.objects.pop(path, None), at=1))
    task.cluster.get = lambda path: (_ for _ in ()).throw(AbsentError("gone"))  # type: ignore[method-assign]
    with pytest.raises(UserError, match="was deleted: run it again"):
        task.run()


def test_an_api_server_that_restarts_is_waited_for_and_one_that_stays_away_is_told(
    tmp_path: Path,
) -> None:
    answers = iter([*["away"] * 60, "here"])
    cluster = Cluster(ending(COMPLETE, tmp_path), at=1)
    plain = cluster.get

    def flaky(path: str) -> Json:
        if next(answers, "away") == "away":
            raise TemporaryError("no answer from the API server")
        return plain(path)

    cluster.get = flaky  # type: ignore[method-assign]
    task = Task(tmp_path, cluster)
    assert task.run() == SUMMARY
    assert task.now_s == 300.0
    with pytest.raises(TemporaryError, match="no answer"):
        Task(tmp_path, cluster).run(seed=4)
    assert len(cluster.objects) == 1  # it goes on, and the next try finds it


def test_without_trainer_exchange_or_cluster_it_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give minio://bucket/prefix"):
        remote_in_cluster(1, "", {})
    with pytest.raises(UserError, match="here it must be 0"):
        remote_in_cluster(1, str(tmp_path), {})
    with pytest.raises(UserError, match="nodes is -1"):
        Task(tmp_path, Cluster(ending(COMPLETE, tmp_path))).run(nodes=-1)


def test_the_conditions_say_how_far_it_is() -> None:
    suspended = {"type": "Suspended", "status": "True"}
    resumed = {"type": "Suspended", "status": "False"}
    assert outcome_of({}) == (Outcome.RUNNING, "")
    assert outcome_of({"status": {"conditions": [suspended]}}) == (Outcome.RUNNING, "suspended")
    assert outcome_of({"status": {"conditions": [resumed, COMPLETE]}})[0] is Outcome.COMPLETE
    assert outcome_of({"status": {"conditions": [resumed, FAILED]}})[0] is Outcome.FAILED
    assert json_bytes(train_job("one", 1, []))
