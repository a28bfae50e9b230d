"""The service as a process: ready after its warm-up, real CPU, a bounded queue, clean exits."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.recorder.application import APP, environment, running_application, status_of

WAIT = {"segments": [{"kind": "wait", "mean_ms": 400}]}


def cpu_s_of(port):
    """CPU that the process that listens on the port has used so far."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"synthetic_app/app.py" not in (process / "cmdline").read_bytes():
                continue
            sockets = {os.readlink(link) for link in (process / "fd").iterdir()}
        except OSError:
            continue
        inode = next(
            fields[9]
            for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
            if int(fields[1].split(":")[1], 16) == port and fields[3] == "0A"
        )
        if f"socket:[{inode}]" in sockets:
            ticks = (process / "stat").read_text().rsplit(") ", 1)[1].split()[11:13]
            return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    raise AssertionError("no such process")


def test_it_is_ready_only_after_its_start_delay():
    with running_application(WAIT | {"start_delay_s": 0.6}, ready=False) as port:
        assert status_of(port, "/healthz") == 503
        assert status_of(port, "/work") == 503
        time.sleep(1.0)
        assert status_of(port, "/healthz") == 200
        assert status_of(port, "/work") == 200


def test_an_unknown_path_is_404():
    with running_application(WAIT) as port:
        assert status_of(port, "/other") == 404


def test_a_slower_build_uses_more_cpu_for_the_same_requests():
    work = {"segments": [{"kind": "hash", "units": 40}]}
    used = {}
    for factor in (1.0, 3.0):
        with running_application(work | {"work_factor": factor}) as port:
            before = cpu_s_of(port)
            for _ in range(10):
                assert status_of(port, "/work") == 200
            used[factor] = cpu_s_of(port) - before
    assert used[1.0] > 0.02
    assert 2.0 < used[3.0] / used[1.0] < 4.5


def test_waiting_requests_overlap_up_to_the_concurrency_and_the_rest_is_refused():
    service = WAIT | {"concurrency": 2, "queue": 1}
    with running_application(service) as port, ThreadPoolExecutor(6) as pool:
        began = time.monotonic()
        statuses = list(pool.map(lambda _: status_of(port, "/work"), range(6)))
        took_s = time.monotonic() - began
    assert sorted(statuses) == [200, 200, 200, 503, 503, 503]
    assert took_s >= 0.8


def test_a_request_whose_client_has_gone_is_dropped_before_its_work():
    work = {"segments": [{"kind": "wait", "mean_ms": 500}], "concurrency": 1}
    with running_application(work) as port:
        gone = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
        for connection in gone:
            connection.sendall(b"GET /work HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
        for connection in gone[1:]:
            connection.close()
        time.sleep(0.1)
        began = time.monotonic()
        assert status_of(port, "/work") == 200
        gone[0].close()
        # After the first (0.2 s left) and itself (0.5 s), not after five more of 0.5 s each.
        assert time.monotonic() - began < 2.0


def test_a_connection_stays_open_for_more_requests():
    with (
        running_application(WAIT) as port,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert connection.recv(200).startswith(b"HTTP/1.1 200")


def test_sigterm_ends_it_with_0():
    process = subprocess.Popen(
        [sys.executable, "-B", str(APP)], env=environment(WAIT), stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_wrong_settings_end_it_with_2_and_one_line():
    ended = subprocess.run(
        [sys.executable, "-B", str(APP)],
        env=environment({"colour": 1}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("synthetic_app: settings:")
    assert len(ended.stderr.strip().splitlines()) == 1
