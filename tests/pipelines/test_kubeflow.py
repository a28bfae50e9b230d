"""The commands that speak with Kubeflow, against a server that is strict about its API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipelines import cli
from tests.kubeflow_server import Failure, Kubeflow, kubeflow_server

STAGES = (
    "ingestion",
    "embedding",
    "meta_training",
    "fine_tuning",
    "validation",
    "rollout",
    "drift_check",
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("AWARE_KUBEFLOW_TOKEN", "AWARE_KUBEFLOW_COOKIE", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWARE_KUBEFLOW_NAMESPACE", "team-a")
    monkeypatch.setattr("pipelines.kubeflow_connection.BACKOFF_S", 0.001)
    with kubeflow_server() as state:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", state.url)
        yield state


@pytest.fixture
def images(tmp_path: Path) -> str:
    path = tmp_path / "images.yaml"
    references = {
        stage: f"registry.example/aware/{stage}@sha256:{index:064x}"
        for index, stage in enumerate(STAGES)
    }
    path.write_text(yaml.safe_dump(references))
    return str(path)


def aware(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


def with_pipelines(server: Kubeflow) -> Kubeflow:
    for name in ("other", "autoscaling", "retraining"):
        server.pipelines.append(
            {"pipeline_id": f"id-{name}", "display_name": name, "namespace": "team-a"}
        )
        for version in ("first", "second", "third"):
            server.versions.append(
                {
                    "pipeline_id": f"id-{name}",
                    "pipeline_version_id": f"{name}-{version}",
                    "display_name": version,
                    "created_at": server.stamp(),
                }
            )
    return server


def test_uploading_twice_makes_one_version_with_the_images_by_digest(
    server: Kubeflow, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aware("upload", "--images", images) == 0
    first = capsys.readouterr().out
    assert first.count("uploaded") == 2
    assert aware("upload", "--images", images) == 0
    assert capsys.readouterr().out == first.replace("uploaded ", "unchanged")
    assert [one["display_name"] for one in server.pipelines] == ["autoscaling", "retraining"]
    assert [one["namespace"] for one in server.pipelines] == ["team-a", "team-a"]
    assert len(server.versions) == 2
    (autoscaling, _) = server.packages.values()
    executors = autoscaling[0]["deploymentSpec"]["executors"].values()
    assert all("@sha256:" in one["container"]["image"] for one in executors)


def test_a_run_starts_from_the_newest_version_in_the_experiment(
    server: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    with_pipelines(server)
    assert aware("submit", "autoscaling", "--set", "telemetry=/data", "--set", "seed=3") == 0
    (run,) = server.runs
    assert capsys.readouterr().out == run["run_id"] + "\n"
    assert run["pipeline_version_reference"]["pipeline_version_id"] == "autoscaling-third"
    assert run["runtime_config"]["parameters"] == {"telemetry": "/data", "seed": 3}
    assert run["namespace"] == "team-a"
    assert aware("submit", "autoscaling", "--version", "first") == 0
    assert server.runs[1]["pipeline_version_reference"]["pipeline_version_id"].endswith("first")
    assert len(server.experiments) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("submit", "autoscaling", "--set", "sed=3"), "no parameter sed"),
        (("submit", "autoscaling", "--set", "seed=x"), "takes a integer"),
        (("submit", "autoscaling", "--set", "seed=true"), "give a Integer"),
        (("submit", "retraining"), "needs reference"),
        (("submit", "autoscaling", "--set", "seed"), "no '='"),
        (("submit", "learning"), "no pipeline learning"),
    ],
)
def test_a_wrong_argument_is_told_before_the_server_is_asked(
    server: Kubeflow, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert aware(*arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert server.asked == []


def test_all_pages_of_the_runs_are_listed(
    server: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    with_pipelines(server)
    for _ in range(5):
        assert aware("submit", "autoscaling") == 0
    capsys.readouterr()
    assert aware("runs", "--json") == 0
    listed = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert listed == [run["run_id"] for run in reversed(server.runs)]
    assert aware("runs", "--most", "3") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_logs_show_each_task_and_what_its_pod_said(
    server: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [
        {
            "display_name": "validation",
            "state": "FAILED",
            "start_time": "2026-11-02T00:00:00Z",
            "error": {"code": 2, "message": "adapted.json is missing"},
            "child_tasks": [{"pod_name": "pod-gone"}],
        },
        {
            "display_name": "ingestion",
            "state": "SUCCEEDED",
            "start_time": "2026-11-01T00:00:00Z",
            "child_tasks": [{"pod_name": "pod-1"}],
        },
    ]
    server.runs.append({"run_id": "r", "run_details": {"task_details": tasks}})
    server.logs.update({"pod-1": "10 workloads usable\nwritten\n"})
    server.failures.append(Failure(status=404, times=9, path="pod-gone"))
    assert aware("logs", "r") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "== ingestion: SUCCEEDED",
        "10 workloads usable",
        "written",
        "== validation: FAILED",
        "adapted.json is missing",
    ]
    assert "404" in lines[5]


@pytest.mark.parametrize(
    ("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1), ("RUNNING", 2)]
)
def test_waiting_ends_with_the_run_or_the_limit(server: Kubeflow, state: str, code: int) -> None:
    server.runs.append({"run_id": "r", "state": state})
    assert aware("wait", "r", "--limit", "0") == code


def test_a_tokens_file_is_read_anew_and_a_cookie_is_sent(
    server: Kubeflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    assert aware("runs") == 0
    token.write_text("two")
    assert aware("runs") == 0
    sent = [headers["authorization"] for headers in server.headers]
    assert sent == ["Bearer one", "Bearer two"]
    monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH")
    monkeypatch.setenv("AWARE_KUBEFLOW_COOKIE", "authservice_session=abc")
    assert aware("runs") == 0
    assert server.headers[-1]["Cookie"] == "authservice_session=abc"
    assert "authorization" not in server.headers[-1]
    monkeypatch.delenv("AWARE_KUBEFLOW_COOKIE")
    monkeypatch.setenv("AWARE_KUBEFLOW_TOKEN", "three")
    assert aware("runs") == 0
    assert server.headers[-1]["authorization"] == "Bearer three"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure(status=401), "renew AWARE_KUBEFLOW_TOKEN"),
        (Failure(status=403), "role binding"),
        (Failure(status=404), "check the name"),
        (Failure(status=409), "exists already"),
        (Failure(status=429), "asked too much"),
        (Failure(status=500), "server is at fault"),
        (Failure(status=503, body=b"<html>\nno upstream\n</html>"), "no upstream"),
        (Failure(status=302, headers={"Location": "/dex/auth"}), "login page"),
        (Failure(status=200, body=b"<html>Log in</html>"), "isn't its API"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_2(
    server: Kubeflow, capsys: pytest.CaptureFixture[str], failure: Failure, told: str
) -> None:
    failure.times = 99
    server.failures.append(failure)
    assert aware("runs") == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_busy_server_is_asked_again_for_reading_but_not_for_changes(
    server: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    server.failures.append(Failure(status=503, times=2))
    assert aware("runs") == 0
    assert len(server.asked) == 3
    with_pipelines(server)
    server.failures.append(Failure(status=503, times=1, method="POST", path="/runs"))
    assert aware("submit", "autoscaling") == 2
    assert server.runs == []


def test_a_silent_server_and_a_missing_one_end_in_one_line(
    server: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    server.failures.append(Failure(silence_s=1.5, times=9))
    assert aware("runs", "--timeout", "1") == 2
    assert "no answer in time" in capsys.readouterr().err
    assert aware("runs", "--host", "http://127.0.0.1:1") == 2
    assert "nothing listens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "variables", "told"),
    [
        ("http://kubeflow.example", {"AWARE_KUBEFLOW_TOKEN": "t"}, "in clear"),
        ("ftp://kubeflow.example", {}, "no address"),
        ("https://user:word@kubeflow.example", {}, "holds a password"),
        (
            "https://kubeflow.example",
            {"AWARE_KUBEFLOW_TOKEN": "t", "AWARE_KUBEFLOW_COOKIE": "c"},
            "both set",
        ),
        ("https://kubeflow.example", {"KF_PIPELINES_SA_TOKEN_PATH": "/missing"}, "no file"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(
    server: Kubeflow,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
    variables: dict[str, str],
    told: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert aware("runs", "--host", host) == 2
    assert told in capsys.readouterr().err
    assert server.asked == []
