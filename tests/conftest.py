"""Fixtures that more than one room's tests use."""

import os

# Before numpy is loaded: two cores are shared by all that runs here, and one thread each is enough.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
