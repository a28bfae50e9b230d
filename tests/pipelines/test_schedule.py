"""`aware schedule` against the server: made once, replaced, removed, whatever fails between."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import UserError
from pipelines import cli
from pipelines.clock import Clock
from pipelines.kubeflow_connection import Connection, Server, open_client
from pipelines.schedule_apply import apply_schedules
from pipelines.schedule_file import read_schedules
from tests.kubeflow_server import Failure, Kubeflow, kubeflow_server

MAKING = "/apis/v2beta1/recurringruns"
NIGHTLY = {
    "name": "nightly",
    "pipeline": "autoscaling",
    "cron": "0 30 2 * * *",
    "parameters": {"prometheus_url": "http://prometheus:9090"},
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("pipelines.kubeflow_connection.BACKOFF_S", 0.001)
    with kubeflow_server() as state:
        for name in ("autoscaling", "retraining"):
            state.pipelines.append(
                {"pipeline_id": name, "display_name": name, "namespace": "team-a"}
            )
            add_version(state, name, "one")
        yield state


def add_version(state: Kubeflow, pipeline: str, name: str) -> None:
    state.versions.append(
        {
            "pipeline_id": pipeline,
            "pipeline_version_id": f"{pipeline}-{name}",
            "display_name": name,
            "created_at": state.stamp(),
        }
    )


def apply(
    state: Kubeflow, folder: Path, *schedules: dict[str, Any], slept: list[float] | None = None
) -> list[str]:
    path = folder / "schedules.yaml"
    path.write_text(yaml.safe_dump({"set": "night", "schedules": list(schedules)}))
    client = open_client(Connection(state.url, namespace="team-a"))
    clock = Clock(
        now=lambda: datetime(2026, 11, 25, 2, 29, 55, tzinfo=UTC),
        sleep=(slept if slept is not None else []).append,
    )
    place = Server(client, state.url, "team-a")
    return list(apply_schedules(place, read_schedules(path), clock, dry_run=False))


def test_applied_ten_times_it_makes_one_schedule(server: Kubeflow, tmp_path: Path) -> None:
    assert apply(server, tmp_path, NIGHTLY) == ["created    nightly"]
    changes = len(server.changes())
    for _ in range(9):
        assert apply(server, tmp_path, NIGHTLY) == ["unchanged  nightly"]
    assert len(server.changes()) == changes
    (made,) = server.recurring
    assert made["status"] == "ENABLED"
    assert made["max_concurrency"] == "1"
    assert made["no_catchup"] is True
    assert made["trigger"]["cron_schedule"]["cron"] == "0 30 2 * * *"
    assert made["runtime_config"]["parameters"] == NIGHTLY["parameters"]
    assert made["namespace"] == "team-a"


def test_a_changed_one_replaces_the_old_when_no_run_is_due_and_never_beside_it(
    server: Kubeflow, tmp_path: Path
) -> None:
    apply(server, tmp_path, NIGHTLY)
    slept: list[float] = []
    changed = {**NIGHTLY, "parameters": {"prometheus_url": "http://other:9090"}}
    assert apply(server, tmp_path, changed, slept=slept) == ["replaced   nightly"]
    (made,) = server.recurring
    assert made["runtime_config"]["parameters"]["prometheus_url"] == "http://other:9090"
    assert server.most_enabled == 1
    # At 02:29:55 a run is due in five seconds: it waits until five seconds after.
    assert slept == [10.0]


def test_a_new_version_of_the_pipeline_replaces_the_schedule_unless_it_is_pinned(
    server: Kubeflow, tmp_path: Path
) -> None:
    pinned = {**NIGHTLY, "name": "pinned", "version": "one"}
    apply(server, tmp_path, NIGHTLY, pinned)
    add_version(server, "autoscaling", "two")
    assert apply(server, tmp_path, NIGHTLY, pinned) == [
        "replaced   nightly",
        "unchanged  pinned",
    ]


def test_what_the_file_no_longer_has_is_removed_and_what_others_made_stays(
    server: Kubeflow, tmp_path: Path
) -> None:
    apply(server, tmp_path, NIGHTLY, {**NIGHTLY, "name": "weekly"})
    server.recurring.append({**server.recurring[0], "description": "by hand"})
    server.recurring[-1] |= {"recurring_run_id": "by-hand"}
    assert apply(server, tmp_path, {**NIGHTLY, "enabled": False}) == [
        "removed    weekly",
        "disabled   nightly",
    ]
    assert [(one["display_name"], one["status"]) for one in server.recurring] == [
        ("nightly", "DISABLED"),
        ("nightly", "ENABLED"),
    ]


@pytest.mark.parametrize("after_the_change", [False, True])
@pytest.mark.parametrize(
    "step", [("POST", ":disable"), ("POST", MAKING), ("DELETE", "recurringruns")]
)
def test_a_failure_at_any_step_leaves_one_schedule_on_and_the_next_time_mends_it(
    server: Kubeflow, tmp_path: Path, step: tuple[str, str], after_the_change: bool
) -> None:
    apply(server, tmp_path, NIGHTLY)
    changed = {**NIGHTLY, "max_concurrency": 2}
    method, path = step
    failure = Failure(503, 1, method, path, after_the_change=after_the_change)
    # Without an id it is the making of a schedule.
    failure.exactly = path == MAKING
    server.failures.append(failure)
    with contextlib.suppress(UserError):
        apply(server, tmp_path, changed)
    apply(server, tmp_path, changed)
    assert failure.times == 0
    assert [(one["max_concurrency"], one["status"]) for one in server.recurring] == [
        ("2", "ENABLED")
    ]
    assert server.most_enabled == 1


def test_when_the_new_one_is_refused_the_old_one_runs_on(server: Kubeflow, tmp_path: Path) -> None:
    apply(server, tmp_path, NIGHTLY)
    server.failures.append(Failure(400, 1, "POST", MAKING, exactly=True))
    with pytest.raises(UserError, match="400"):
        apply(server, tmp_path, {**NIGHTLY, "max_concurrency": 2})
    assert [(one["max_concurrency"], one["status"]) for one in server.recurring] == [
        ("1", "ENABLED")
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cron": "30 2 * * *"}, "six fields"),
        ({"cron": "* 30 2 * * *"}, "six fields"),
        ({"cron": "0 30 25 * * *"}, "not readable"),
        ({"pipeline": "learning"}, "no pipeline learning"),
        ({"parameters": {"sed": 1}}, "no parameter sed"),
        ({"parameters": {"seed": "x"}}, "give a Integer"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], told: str
) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(yaml.safe_dump({"set": "night", "schedules": [{**NIGHTLY, **change}]}))
    with pytest.raises(SystemExit) as ended:
        cli.main(["schedule", str(path), "--host", "http://127.0.0.1:1"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
