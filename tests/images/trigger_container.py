"""The trigger's container on its own loopback: what it answers to whom."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import yaml

from pipelines.trigger import TOKEN_VARIABLE
from tests.recorder.podman import RigError, call, environment

_TOKEN = "a-token-for-this-proof"
_PARAMETERS = ("reference", "earlier_embedding", "meta_policy", "earlier_validation")
_FIRING = {
    "status": "firing",
    "labels": {"aware_retraining": "true"},
    "fingerprint": "f" * 16,
    "startsAt": "2026-01-01T00:00:00Z",
}
# Run inside of the container: the only place that its loopback is reached from.
_ASK = """
import json, sys, urllib.error, urllib.request
path, token, body = json.loads(sys.argv[1])
headers = {"Authorization": "Bearer " + token} if token else {}
request = urllib.request.Request("http://127.0.0.1:8080" + path, body and body.encode(), headers)
try:
    print(urllib.request.urlopen(request, timeout=30).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
# Whom it asks: no token and a wrong one are refused; with nobody to start a run at, Alertmanager
# is told to ask again; a webhook that asks for nothing leads to nothing.
EXPECTED = {"healthz": 200, "no token": 401, "wrong token": 401, "quiet": 200, "firing": 503}


def answering_trigger(container: list[str], work: Path) -> float:
    """Run the container, ask it, stop it; returns the seconds until it answered.

    `container` is a `podman run` command that ends with the image's name. Raises RigError when an
    answer is not the expected one, or SIGTERM isn't obeyed.
    """
    (work / "parameters.yaml").write_text(yaml.safe_dump(dict.fromkeys(_PARAMETERS, "s3://x/y")))
    started = time.monotonic()
    name = call(
        *container[:2], "--detach", "-e", f"{TOKEN_VARIABLE}={_TOKEN}",
        *(part for part in container[2:] if part != "--rm"),
        "--store", "/tmp/store", "--parameters", str(work / "parameters.yaml"),
        "--kubeflow", "http://127.0.0.1:9",
    )  # fmt: skip
    try:
        while _ask(name, "/healthz") != EXPECTED["healthz"]:
            if time.monotonic() - started > 60:
                raise RigError(f"trigger: no answer: {call('podman', 'logs', name)}")
            time.sleep(0.2)
        took_s = time.monotonic() - started
        firing = json.dumps({"version": "4", "alerts": [_FIRING]})
        given = {
            "healthz": _ask(name, "/healthz"),
            "no token": _ask(name, "/alerts", "", firing),
            "wrong token": _ask(name, "/alerts", "another-token-altogether", firing),
            "quiet": _ask(name, "/alerts", _TOKEN, json.dumps({"version": "4", "alerts": []})),
            "firing": _ask(name, "/alerts", _TOKEN, firing),
        }
        if given != EXPECTED:
            raise RigError(f"trigger: answered {given}")
        # The image's own health check; raises where it fails.
        call("podman", "healthcheck", "run", name)
        call("podman", "stop", "--time", "10", name)
        if (code := call("podman", "inspect", "-f", "{{.State.ExitCode}}", name)) != "0":
            raise RigError(f"trigger: SIGTERM ended it with {code}")
        return took_s
    finally:
        call("podman", "rm", "--force", name)


def _ask(name: str, path: str, token: str = "", body: str | None = None) -> int:
    """Return the status; 0 where nothing listens yet."""
    done = subprocess.run(
        ["podman", "exec", name, "python3", "-c", _ASK, json.dumps([path, token, body])],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return int(done.stdout) if done.returncode == 0 else 0
