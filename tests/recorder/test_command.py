"""The command: what it understands, what it refuses in one line, what it keeps of a run."""

import os
import sys

import pytest

from components.errors import UserError
from tests.recorder import podman
from tests.recorder.__main__ import chosen, main, parser
from tests.recorder.podman import RigError
from tests.recorder.run import Recorded, Run, plan_of, rates_of, read_run, write_run
from tests.recorder.services import SERVICES


def test_help_explains_the_options(capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--help"])
    assert ended.value.code == 0
    assert "--minutes" in capsys.readouterr().out


def test_services_are_chosen_by_name_in_the_order_given():
    assert [service.name for service in chosen("main", "feed, checkout")] == ["feed", "checkout"]
    assert chosen("main", "") == SERVICES


def test_an_unknown_service_is_refused_with_those_that_there_are():
    with pytest.raises(UserError, match=r"basket.*checkout"):
        chosen("main", "basket")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--services", "basket"],
        ["--minutes", "900"],
        ["--offset-minutes", "-1"],
        ["--derive", "--work", "/nonexistent"],
    ],
)
def test_a_wrong_argument_ends_with_2_and_one_line(tmp_path, capsys, arguments):
    assert main(["--output", str(tmp_path / "out"), *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("tests.recorder: ")
    assert not (tmp_path / "out").exists()


def test_without_the_programs_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(podman, "_PROGRAMS", ("podman-that-is-not-there",))
    assert main(["--output", str(tmp_path / "out")]) == 2
    assert "apt-get install podman-that-is-not-there" in capsys.readouterr().err


def test_without_root_the_command_says_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in (podman.missing_rights() or "")


def test_a_failing_command_is_reported_by_its_last_line(tmp_path, monkeypatch):
    monkeypatch.setattr(podman, "CACHE", tmp_path)
    script = "import sys; print('one\\nthe reason', file=sys.stderr); sys.exit(3)"
    with pytest.raises(RigError, match="the reason") as caught:
        podman.call(sys.executable, "-c", script)
    assert "one" not in str(caught.value).split(": ", 1)[1]


def test_what_is_known_of_a_run_is_read_back(tmp_path):
    recorded = Recorded(100, 200, complete=True, services=("shop/cart",), prometheus_url="http://a")
    write_run(tmp_path, recorded)
    assert read_run(tmp_path) == recorded


def test_a_later_run_goes_on_in_the_same_rates(tmp_path):
    whole = Run(SERVICES, 600, tmp_path)
    later = Run(SERVICES, 200, tmp_path, offset_s=400)
    for service in SERVICES:
        assert (rates_of(service, whole)[400:] == rates_of(service, later)).all()
        assert plan_of(service, later)[0].at_s == 0


def test_another_work_folder_has_other_containers(tmp_path):
    first, second = (Run(SERVICES, 60, tmp_path / name) for name in ("a", "b"))
    assert first.work_id == Run(SERVICES, 90, tmp_path / "a").work_id
    assert first.work_id != second.work_id
