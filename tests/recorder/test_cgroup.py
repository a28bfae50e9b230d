"""Counters are read from the kernel's files of either version."""

from pathlib import Path

import pytest

from tests.recorder.cgroup import Counters, oom_kills, raise_priority, read_counters, version


def written(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def first_version(tmp_path):
    group = "libpod_parent/libpod-abc"
    written(
        tmp_path / "cpu" / group,
        cpu__stat="nr_periods 40\nnr_throttled 10\nthrottled_time 1500000000\n",
    )
    written(tmp_path / "cpuacct" / group, cpuacct__usage="2500000000\n")
    written(
        tmp_path / "memory" / group,
        memory__usage_in_bytes="5000\n",
        memory__stat="cache 900\ntotal_inactive_file 1000\n",
    )
    (tmp_path / "cpu/libpod_parent/cpu.shares").write_text("1024\n")
    return tmp_path


@pytest.fixture
def second_version(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    written(
        tmp_path / "libpod_parent/libpod-abc",
        cpu__stat="usage_usec 2500000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 1500000\n",
        memory__current="5000\n",
        memory__stat="anon 1\ninactive_file 1000\n",
    )
    (tmp_path / "libpod_parent/cpu.weight").write_text("100\n")
    return tmp_path


EXPECTED = Counters(2.5, 40, 10, 1.5, 5000, 4000)


def test_version_1_is_read(first_version):
    assert version(first_version) == 1
    assert read_counters("abc", first_version) == EXPECTED


def test_version_2_is_read(second_version):
    assert version(second_version) == 2
    assert read_counters("abc", second_version) == EXPECTED


def test_a_container_that_is_gone_has_no_counters(first_version):
    assert read_counters("other", first_version) is None


def test_a_folder_without_controllers_is_no_version(tmp_path):
    assert version(tmp_path) == 0


def test_the_containers_get_precedence(first_version):
    raise_priority(first_version)
    assert (first_version / "cpu/libpod_parent/cpu.shares").read_text() == "200000"


def test_the_containers_get_precedence_in_version_2(second_version):
    raise_priority(second_version)
    assert (second_version / "libpod_parent/cpu.weight").read_text() == "10000"


def test_the_kernel_s_kills_are_counted(tmp_path):
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 7\n")
    assert oom_kills(tmp_path / "vmstat") == 7
