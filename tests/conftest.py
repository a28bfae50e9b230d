"""Fixtures that more than one room's tests use."""

import os
import sys

import pytest

# Before numpy is loaded: two cores are shared by all that runs here, and one thread each is enough.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

_STATUS = pytest.StashKey[int]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep what the session came to."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End with the session's status, whatever native libraries' destructors do afterwards.

    Arrow, LLVM and torch in one process have crashed it after its summary, when Python was ending.
    """
    if _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])
