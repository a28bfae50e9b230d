"""The run's folder: complete or gone, and `latest` only ever a complete one."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.errors import UserError
from pipelines.runs import finished_run, new_run

NOW = datetime(2026, 11, 3, 10, 15, tzinfo=UTC)


def test_a_complete_run_becomes_the_latest(tmp_path: Path) -> None:
    with new_run(tmp_path, NOW) as first:
        first.summary.write_text("{}")
    with new_run(tmp_path, NOW) as second:
        second.summary.write_text("{}")
        assert (tmp_path / "latest").resolve() == first.path
    assert (tmp_path / "latest").resolve() == second.path
    assert first.path.name.startswith("20261103T101500Z-")
    assert sorted(path.name for path in second.path.iterdir()) == ["run.json"]
    assert finished_run(tmp_path / "latest").path == second.path


@pytest.mark.parametrize("error", [UserError("bad input"), KeyboardInterrupt(), SystemExit(143)])
def test_a_mistake_or_an_interruption_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), new_run(tmp_path / "a" / "runs", NOW) as run:
        run.log.write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_leaves_earlier_runs_and_what_else_is_there(tmp_path: Path) -> None:
    with new_run(tmp_path, NOW) as good:
        good.summary.write_text("{}")
    with pytest.raises(UserError), new_run(tmp_path, NOW):
        raise UserError("bad input")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([good.path.name, "latest"])


def test_a_fault_of_ours_keeps_the_folder_but_not_as_the_latest(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_run(tmp_path, NOW) as run:
        run.log.write_text("what happened")
        raise ZeroDivisionError
    assert run.log.read_text() == "what happened"
    assert not (tmp_path / "latest").exists()
    with new_run(tmp_path, NOW):
        assert run.path.is_dir()


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, pathlib, signal, sys\n"
            "from datetime import UTC, datetime\n"
            "from pipelines.runs import new_run\n"
            "with new_run(pathlib.Path(sys.argv[1]), datetime.now(UTC)) as run:\n"
            "    (run.path / 'half').write_text('half')\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n",
            str(tmp_path),
        ],
        check=False,
    )
    assert killed.returncode == -9
    (left,) = tmp_path.iterdir()
    assert (left / "half").exists()
    with new_run(tmp_path, NOW) as run:
        assert [path for path in tmp_path.iterdir() if path != run.path] == []


def test_a_run_that_is_still_going_is_left_alone(tmp_path: Path) -> None:
    with new_run(tmp_path, NOW) as first:
        with new_run(tmp_path, NOW):
            assert first.path.is_dir()
        assert first.lock.exists()


def test_an_output_that_cannot_be_a_folder_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), new_run(tmp_path / "file" / "runs", NOW):
        pytest.fail("the block must not run")
    assert os.listdir(tmp_path) == ["file"]


def test_only_a_finished_run_can_be_started_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        finished_run(tmp_path / "absent")
    with pytest.raises(UserError, match="no finished run"):
        finished_run(tmp_path)
