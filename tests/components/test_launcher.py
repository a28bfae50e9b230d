"""The launcher: errors as one line, retries, and an end with the run."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components import launcher
from components.errors import TemporaryError, UserError
from components.launcher import ERROR_FILE_VARIABLE, RUN_LOCK_VARIABLE, launch


def test_returns_what_the_call_returns() -> None:
    assert launch(lambda: 7) == 7


def test_a_users_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "error.txt"
    monkeypatch.setenv(ERROR_FILE_VARIABLE, str(told))

    def fail() -> None:
        raise UserError("shop.yaml, line 3:\n  unknown key 'cpus'")

    with pytest.raises(SystemExit) as end:
        launch(fail)
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: shop.yaml, line 3: unknown key 'cpus'\n"
    assert told.read_text() == "shop.yaml, line 3: unknown key 'cpus'\n"


def test_a_temporary_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("components.launcher.time.sleep", pauses.append)
    answers = iter([TemporaryError("busy"), TemporaryError("busy"), 5])

    def call() -> int:
        answer = next(answers)
        if isinstance(answer, TemporaryError):
            raise answer
        return answer

    assert launch(call) == 5
    assert pauses == [1.0, 2.0]


def test_a_failure_that_stays_ends_after_three_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []
    monkeypatch.setattr("components.launcher.time.sleep", lambda _: None)

    def call() -> None:
        attempts.append(1)
        raise TemporaryError("the store does not answer")

    with pytest.raises(SystemExit) as end:
        launch(call)
    assert end.value.code == launcher.USER_ERROR_EXIT_CODE
    assert len(attempts) == 3


def test_any_other_exception_passes_through() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        launch(fail)


def test_a_stage_ends_when_the_run_that_started_it_is_gone(tmp_path: Path) -> None:
    lock_path = tmp_path / "run.lock"
    with open(lock_path, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stage = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import time; from components.launcher import launch\n"
                "launch(lambda: (print('started', flush=True), time.sleep(600)))",
            ],
            env={**os.environ, RUN_LOCK_VARIABLE: str(lock_path)},
            stdout=subprocess.PIPE,
        )
        assert stage.stdout is not None
        assert stage.stdout.readline() == b"started\n"
        time.sleep(0.2)
        assert stage.poll() is None
    # Closing the file lets go of the lock, as the kernel does after kill -9.
    assert stage.wait(timeout=30) == 2
    stage.stdout.close()
