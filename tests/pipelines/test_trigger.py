"""Webhooks in any order and number, with restarts and faults: the runs that should exist."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from components.artifacts.local import LocalStore
from components.errors import TemporaryError, UserError
from pipelines.trigger import read_parameters
from pipelines.trigger_book import Firing, TriggerBook, run_of
from pipelines.trigger_service import MOST_BODY_BYTES, make_server

TOKEN = "a-token-for-this-test"
SAME = Firing("f" * 16, "2026-01-01T00:00:00Z")


class Kubeflow:
    """Keeps runs as Kubeflow does; `dies` fails a start after or before it was made."""

    def __init__(self):
        self.runs = []
        self.dies = ""

    def start(self, name):
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise TemporaryError("no answer")
        if name not in self.runs:
            self.runs.append(name)
        if dies == "after":
            raise TemporaryError("the answer was lost")


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def webhook(firing, status="firing", label="true"):
    alert = {
        "status": status,
        "labels": {"alertname": "A", "aware_retraining": label},
        "fingerprint": firing.fingerprint,
        "startsAt": firing.starts_at,
    }
    return json.dumps({"version": "4", "alerts": [alert]}).encode()


@contextmanager
def serving(book):
    with make_server("127.0.0.1", 0, book, TOKEN) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def post(port, body, token=TOKEN, path="/alerts", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body, {"Authorization": f"Bearer {token}"} | headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_thousand_equal_and_a_thousand_different_webhooks_with_restarts(tmp_path):
    window_s = 20.0
    generator = np.random.default_rng(7)
    firings = [SAME] * 1_000 + [Firing(f"{number:016x}", "t") for number in range(1_000)]
    order = generator.permutation(len(firings))
    store, kubeflow, expected, seen = LocalStore(tmp_path), Kubeflow(), {}, set()
    clock = Clock()
    for part, numbers in enumerate(np.array_split(order, 10)):
        book = TriggerBook(store, kubeflow, clock, f"process-{part}", window_s)
        with serving(book) as port:
            for number in numbers:
                clock.now_s += 0.5
                firing = firings[number]
                if generator.random() < 0.02:
                    kubeflow.dies = str(generator.choice(["before", "after"]))
                if firing not in seen:
                    expected[firing] = f"retraining-by-alert-{int(clock.now_s // window_s)}"
                    seen.add(firing)
                answers = [post(port, webhook(firing))]
                while answers[-1] == 503:
                    answers.append(post(port, webhook(firing)))
                assert answers[-1] in (200, 202)
    assert len(kubeflow.runs) == len(set(kubeflow.runs))
    assert sorted(kubeflow.runs) == sorted(set(expected.values()))
    assert {firing: run_of(store, firing) for firing in seen} == expected


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_start_that_failed_is_made_up_for_once(tmp_path, dies):
    store, kubeflow = LocalStore(tmp_path), Kubeflow()
    kubeflow.dies = dies
    with pytest.raises(TemporaryError):
        TriggerBook(store, kubeflow, lambda: 0.0, "one").take([SAME])
    assert TriggerBook(store, kubeflow, lambda: 1.0, "two").take([SAME]) is not None
    assert TriggerBook(store, kubeflow, lambda: 2.0, "three").take([SAME]) is None
    assert kubeflow.runs == ["retraining-by-alert-0"]


class KubeflowInAFile:
    """Keeps the names of its runs where a killed process leaves them."""

    def __init__(self, path):
        self.path = path

    def names(self):
        return self.path.read_text().split() if self.path.exists() else []

    def start(self, name):
        if name not in self.names():
            with self.path.open("a") as file:
                file.write(f"{name}\n")


def dies_at(book, firings, instant):
    """Let a process of its own take the firings; kill -9 ends it at the instant of that number.

    Instants are before, in the middle of and after each write of the store, and around a start.
    Returns whether it died.
    """
    pid = os.fork()
    if pid == 0:
        left = [instant]

        def pass_or_die():
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def around(inner):
            def call(*arguments):
                pass_or_die()
                result = inner(*arguments)
                pass_or_die()
                return result

            return call

        # The child's own copies: the test's process goes on with the real ones.
        LocalStore.write_if = around(LocalStore.write_if)
        KubeflowInAFile.start = around(KubeflowInAFile.start)
        os.replace = around(os.replace)
        with contextlib.suppress(BaseException):
            book.take(firings)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("later_s", [90.0, 2_000.0], ids=["same window", "another window"])
def test_killed_at_any_instant_it_leads_to_the_one_run_once_it_is_back(tmp_path, later_s):
    firings = [SAME, Firing("0" * 16, "t")]
    died = 0
    for instant in range(100):
        folder = tmp_path / str(instant)
        store, kubeflow = LocalStore(folder / "store"), KubeflowInAFile(folder / "runs")
        folder.mkdir()
        died_now = dies_at(TriggerBook(store, kubeflow, lambda: 10.0, "one"), firings, instant)
        died += died_now
        heard_of = run_of(store, SAME) is not None
        # Alertmanager asks again; whoever died holds the lock for a minute.
        back = TriggerBook(store, kubeflow, lambda: 10.0 + later_s, "two")
        back.take(firings)
        assert back.take(firings) is None
        window = 0 if heard_of or later_s < 900.0 else 2
        assert kubeflow.names()[:1] == [f"retraining-by-alert-{window}"]
        # The other firing was heard of or not when the process died: it has one run as well.
        assert set(kubeflow.names()) == {run_of(store, firing) for firing in firings}
        assert len(kubeflow.names()) == len(set(kubeflow.names()))
        if not died_now:
            break
    # A lock, two firings, a run and the lock's end are written; each has four instants.
    assert died == 5 * 4 + 2


def test_an_alert_that_fires_anew_leads_to_another_run(tmp_path):
    kubeflow, now_s = Kubeflow(), 0.0
    book = TriggerBook(LocalStore(tmp_path), kubeflow, lambda: now_s, "one")
    book.take([SAME])
    now_s = 90_000.0
    assert book.take([SAME]) is None
    book.take([Firing(SAME.fingerprint, "2026-01-02T00:00:00Z")])
    assert kubeflow.runs == ["retraining-by-alert-0", "retraining-by-alert-100"]


@pytest.mark.parametrize(
    ("status", "request_of"),
    [
        (200, {"body": webhook(SAME, status="resolved")}),
        (200, {"body": webhook(SAME, label="false")}),
        (400, {"body": b"{"}),
        (400, {"body": b'{"version": "3", "alerts": []}'}),
        (401, {"body": webhook(SAME), "token": "another"}),
        (404, {"body": webhook(SAME), "path": "/"}),
        (413, {"body": b"", "Content-Length": str(MOST_BODY_BYTES + 1)}),
        (411, {"body": b"", "Content-Length": "-1"}),
    ],
)
def test_what_asks_for_no_run_starts_none(tmp_path, status, request_of):
    kubeflow = Kubeflow()
    with serving(TriggerBook(LocalStore(tmp_path), kubeflow, lambda: 0.0, "one")) as port:
        assert post(port, **request_of) == status
    assert kubeflow.runs == []


def test_the_program_refuses_to_run_without_a_token(tmp_path):
    command = [
        *(sys.executable, "-m", "pipelines.trigger"),
        *("--store", str(tmp_path), "--parameters", str(tmp_path / "absent")),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={}, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("AWARE_TRIGGER_TOKEN is missing or short")
    assert done.stderr.count("\n") == 1


NEEDED = "reference: a\nearlier_embedding: b\nmeta_policy: c\nearlier_validation: d\n"


def test_a_run_is_started_with_the_parameters_of_the_file(tmp_path):
    path = tmp_path / "parameters.yaml"
    path.write_text(NEEDED + "lock_s: 900\n")
    assert read_parameters(path)["lock_s"] == 900


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("reference: a", "needs earlier_embedding"),
        (NEEDED + "lock_s: soon", "give a Integer"),
        (NEEDED + "speed: 1", "no parameter speed"),
        ("- reference", "holds no parameters"),
        ("a: [", "is no YAML"),
    ],
)
def test_parameters_that_a_run_would_fail_on_are_refused_at_the_start(tmp_path, text, told):
    path = tmp_path / "parameters.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_parameters(path)
