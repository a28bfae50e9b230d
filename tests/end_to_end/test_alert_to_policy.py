"""From Alertmanager's webhook to a published policy with no hand in between, on real recordings.

The trigger is the program itself, Kubeflow's API a stand-in that is strict about it; the run that
the trigger asks for is done by the very pipeline, through kfp.local.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.artifacts.bundle import load
from components.artifacts.channel import SHADOW, read_channel
from components.artifacts.files import read_json
from components.artifacts.local import LocalStore
from pipelines.local import run_pipeline
from pipelines.retraining import retraining
from pipelines.runs import RunFolder, new_run
from tests.kubeflow_server import Kubeflow, kubeflow_server

RECORDINGS = Path(__file__).parents[2] / "images" / "synthetic_app"
SLOWER, STEADY = "shop/checkout", "media/thumbnails"
TOKEN = "a-token-for-this-test"
AWARE = str(Path(sys.executable).with_name("aware"))


def only_two(recordings: Path, folder: Path) -> Path:
    """Copy what was recorded of the two services."""
    document = yaml.safe_load((recordings / "workloads.yaml").read_text())
    keys = (SLOWER, STEADY)
    kept = [one for one in document["workloads"] if f"{one['namespace']}/{one['name']}" in keys]
    for key in keys:
        (folder / key).parent.mkdir(parents=True)
        shutil.copy(recordings / f"{key}.parquet", folder / f"{key}.parquet")
    (folder / "workloads.yaml").write_text(yaml.safe_dump({"workloads": kept}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first run on the earlier recordings; its policies are in the store."""
    place = tmp_path_factory.mktemp("alert")
    earlier = only_two(RECORDINGS / "recordings", place / "earlier")
    only_two(RECORDINGS / "recordings-later", place / "later")
    store = ("--store", str(place / "store"))
    command = [AWARE, "run", "--telemetry", str(earlier), "--output", str(place / "runs")]
    done = subprocess.run(
        [*command, *store, "--quick"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def kubeflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kubeflow]:
    """Kubeflow with the retraining pipeline uploaded."""
    for name in ("AWARE_KUBEFLOW_TOKEN", "AWARE_KUBEFLOW_COOKIE", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with kubeflow_server() as server:
        server.pipelines.append({"pipeline_id": "p", "display_name": "retraining"})
        version = {"pipeline_id": "p", "pipeline_version_id": "v", "display_name": "first"}
        server.versions.append({**version, "created_at": server.stamp()})
        yield server


@contextmanager
def triggering(folder: Path, kubeflow: Kubeflow, recent: Path) -> Iterator[int]:
    """Run the trigger's program; yield its port."""
    stages = (folder / "runs" / "latest").resolve() / "autoscaling"
    parameters = folder / "parameters.yaml"
    given = {
        "reference": str(stages / "ingestion"),
        "earlier_embedding": str(stages / "embedding"),
        "meta_policy": str(stages / "meta_training"),
        "earlier_validation": str(stages / "validation"),
        "telemetry": str(recent),
        "store_url": str(folder / "store"),
        "dry_run": False,
        "quick": True,
    }
    parameters.write_text(yaml.safe_dump(given))
    command = [
        *(sys.executable, "-m", "pipelines.trigger", "--port", "0", "--kubeflow", kubeflow.url),
        *("--store", str(folder / "store"), "--parameters", str(parameters)),
    ]
    environment = {**os.environ, "AWARE_TRIGGER_TOKEN": TOKEN}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        listening = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        assert listening, line
        yield int(listening.group(1))
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
        process.stderr.close()


def fire(port: int, fingerprint: str) -> int:
    """Send what Alertmanager sends when a rule that asks for retraining fires."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "AwareGuardKeepsCorrecting", "aware_retraining": "true"},
        "fingerprint": fingerprint,
        "startsAt": "2026-11-25T08:00:00Z",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        body = json.dumps({"version": "4", "alerts": [alert]})
        connection.request("POST", "/alerts", body, {"Authorization": f"Bearer {TOKEN}"})
        return connection.getresponse().status
    finally:
        connection.close()


def do(run: dict[str, Any], folder: Path) -> RunFolder:
    """Do what the run that Kubeflow was asked for says."""
    with new_run(folder / "done", datetime.now(UTC)) as place:
        run_pipeline(retraining, run["runtime_config"]["parameters"], place, "retraining")
    return place


@pytest.mark.slow
def test_an_alert_about_a_slower_build_ends_in_its_new_policy_in_the_store(
    folder: Path, kubeflow: Kubeflow
) -> None:
    store = LocalStore(folder / "store")
    before = {key: read_channel(store, *key.split("/")) for key in (SLOWER, STEADY)}
    first = set(store.list("policies/"))
    began_s = time.monotonic()
    with triggering(folder, kubeflow, folder / "later") as port:
        assert [fire(port, "slow"), fire(port, "slow")] == [202, 200]
        (asked,) = kubeflow.runs
        done = do(asked, folder)
        print(f"from alert to policy: {time.monotonic() - began_s:.0f} s")  # for pytest -s
    stages = done.path / "retraining"

    drift = read_json(stages / "drift_check" / "drift.json")
    assert {key: one["drifted"] for key, one in drift.items()} == {SLOWER: True, STEADY: False}
    assert drift[SLOWER]["tests"]["dynamics"]["measure"] == "CPU per request"
    assert read_json(stages / "take_turn" / "turn.json") == {"admitted": [SLOWER], "refused": {}}

    (decided,) = read_json(stages / "rollout" / "rollout.json").items()
    key, decision = decided
    assert key == SLOWER
    bundle = load(store, decision["digest"])
    assert bundle.workload == SLOWER
    assert bundle.manifest["verdict"]["accepted"] == decision["accepted"]
    assert len({one.split("/")[1] for one in set(store.list("policies/")) - first}) == 1

    # Only a proved policy moves the channel, and nobody else's is touched.
    channel = read_channel(store, *SLOWER.split("/"))
    if decision["accepted"]:
        assert (channel.current, channel.state) == (decision["digest"], SHADOW)
    else:
        assert channel == before[SLOWER]
    assert read_channel(store, *STEADY.split("/")) == before[STEADY]

    # Another alert about the same behaviour an instant later: it is the reference by now, whether
    # the policy was let in or not, so nothing is retrained for it again.
    assert read_json(stages / "move_reference" / "moved.json")[SLOWER]["moved"]
    with triggering(folder, kubeflow, folder / "later") as port:
        fire(port, "slow still")
    again = do({"runtime_config": asked["runtime_config"]}, folder).path / "retraining"
    verdicts = read_json(again / "drift_check" / "drift.json")
    assert not any(one["drifted"] for one in verdicts.values())
    assert verdicts[SLOWER]["reference"].startswith("compared with")
    assert ("refused" in verdicts[SLOWER]["reference"]) != decision["accepted"]
    assert read_json(again / "take_turn" / "turn.json") == {"admitted": [], "refused": {}}
    assert not (again / "fine_tuning").exists()
