from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.artifacts.files import (
    finished_directory,
    read_json,
    write_bytes,
    write_json,
    write_text,
)
from components.errors import UserError

ROOT = Path(__file__).parents[3]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
on_one_folder = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@on_one_folder
@given(data=st.binary())
def test_bytes_come_back_as_they_were_written(tmp_path: Path, data: bytes) -> None:
    write_bytes(tmp_path / "deep" / "file", data)

    assert (tmp_path / "deep" / "file").read_bytes() == data
    assert os.listdir(tmp_path / "deep") == ["file"]


@on_one_folder
@given(value=json_values)
def test_json_comes_back_as_it_was_written(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "value.json", value)

    assert read_json(tmp_path / "value.json") == value


def test_json_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "one", {"a": 1, "b": 2})
    write_json(tmp_path / "two", {"b": 2, "a": 1})

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_refuses_what_json_does_not_have_and_keeps_the_old_file(
    tmp_path: Path, value: float
) -> None:
    write_json(tmp_path / "value.json", 1)

    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "value.json", {"metric": value})

    assert read_json(tmp_path / "value.json") == 1


def test_truncated_and_missing_json_are_named_in_one_line(tmp_path: Path) -> None:
    write_text(tmp_path / "cut.json", '{"a": [1, 2')

    with pytest.raises(UserError, match=r"cut\.json is not complete JSON") as cut:
        read_json(tmp_path / "cut.json")
    with pytest.raises(UserError, match=r"none\.json is missing") as missing:
        read_json(tmp_path / "none.json")

    assert "\n" not in str(cut.value) + str(missing.value)


def test_an_unwritable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UserError, match=r"cannot write .*file/below: a part of the path is a file"):
        write_bytes(tmp_path / "file" / "below", b"data")
    with (
        pytest.raises(UserError, match=r"cannot write .*: a part of the path is a file"),
        finished_directory(tmp_path / "file" / "output"),
    ):
        raise AssertionError("the block must not run")
    with pytest.raises(UserError, match="cannot write /proc/"):
        write_bytes(Path("/proc/output/file"), b"data")


def test_a_full_disk_is_one_clear_line_and_keeps_the_old_content(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    write_bytes(tmp_path / "file", b"old")
    # A file-size limit ends a write in the middle, as a full disk does.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*/file: "):
            write_bytes(tmp_path / "file", b"new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
    with (
        pytest.raises(UserError, match=r"/output: the disk is full: free some space"),
        finished_directory(tmp_path / "output"),
        open("/dev/full", "wb") as full,
    ):
        full.write(b"x" * 100_000)
    assert os.listdir(tmp_path) == ["file"]


def test_a_finished_directory_replaces_the_old_one_whole(tmp_path: Path) -> None:
    with finished_directory(tmp_path / "output") as folder:
        (folder / "old").write_text("1")
    with finished_directory(tmp_path / "output") as folder:
        assert os.listdir(folder) == []
        assert os.listdir(tmp_path / "output") == ["old"]
        (folder / "new").write_text("2")

    assert os.listdir(tmp_path) == ["output"]
    assert os.listdir(tmp_path / "output") == ["new"]


def test_an_error_in_the_block_leaves_the_old_directory_and_nothing_else(tmp_path: Path) -> None:
    with finished_directory(tmp_path / "output") as folder:
        (folder / "old").write_text("1")

    def failing_stage() -> None:
        with finished_directory(tmp_path / "output") as folder:
            (folder / "half").write_text("2")
            raise KeyError("stage failed")

    with pytest.raises(KeyError):
        failing_stage()

    assert os.listdir(tmp_path) == ["output"]
    assert os.listdir(tmp_path / "output") == ["old"]


def test_an_input_missing_in_the_block_is_not_called_unwritable(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), finished_directory(tmp_path / "output"):
        (tmp_path / "input").read_bytes()


WRITER = """
import itertools, sys
from pathlib import Path
from components.artifacts.files import finished_directory, write_bytes
folder = Path(sys.argv[1])
for turn in itertools.count():
    content = bytes([turn % 256]) * 2_000_000
    write_bytes(folder / "file", content)
    with finished_directory(folder / "output") as output:
        (output / "a").write_bytes(content)
        (output / "b").write_bytes(content)
    print(turn, flush=True)
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.003, 0.011, 0.023])
def test_kill_9_leaves_old_or_new_and_the_next_writer_cleans_up(
    tmp_path: Path, delay_s: float
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay_s)
    process.kill()
    process.communicate()

    content = (tmp_path / "file").read_bytes()
    assert len(content) == 2_000_000
    assert len(set(content)) == 1
    output = tmp_path / "output"
    if output.exists():  # absent only if killed between the two names' exchange
        assert (output / "a").read_bytes() == (output / "b").read_bytes()
        assert (output / "a").stat().st_size == 2_000_000

    write_bytes(tmp_path / "file", b"again")
    with finished_directory(output) as folder:
        (folder / "a").write_bytes(b"again")
    assert sorted(os.listdir(tmp_path)) == ["file", "output"]


def test_a_living_writer_s_partial_directory_is_left_alone(tmp_path: Path) -> None:
    with finished_directory(tmp_path / "output") as first:
        with finished_directory(tmp_path / "output") as second:
            (second / "file").write_text("second")
        (first / "file").write_text("first")

    assert (tmp_path / "output" / "file").read_text() == "first"
