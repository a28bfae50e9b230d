import os
import subprocess
import sys

from tests.cluster.closed_loop.precedence import NICE, family, prefer


def test_a_process_and_all_below_it_are_found() -> None:
    command = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", command]) as child:
        try:
            found: list[int] = []
            while len(found) < 2:
                found = family(child.pid)
            assert found[0] == child.pid
            assert set(found) <= set(family(os.getpid()))
        finally:
            for process in reversed(found):
                os.kill(process, 9)


def test_a_thread_has_precedence_where_that_is_allowed() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            allowed = prefer(child.pid)
            assert allowed == (os.getpriority(os.PRIO_PROCESS, child.pid) == NICE)
        finally:
            child.kill()


def test_a_thread_that_is_gone_is_no_error() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert not prefer(child.pid)
