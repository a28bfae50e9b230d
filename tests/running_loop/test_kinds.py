from __future__ import annotations

from pathlib import Path

import pytest

from tests.running_loop.__main__ import table
from tests.running_loop.kinds import KINDS, named
from tests.running_loop.test_pairs import PAIRS

README = Path(__file__).parents[2] / "README.md"
# No watch is ever held, so none can be dropped: a list that breaks off is the same fault here.
ASKED_FOR = {
    "Prometheus": "down, slow, empty, stale by an hour, CPU in cores, CPU NaN, CPU huge",
    "API server": "401, 403 on the lists, 409 on the statuses, 422 on the statuses,"
    " 429 on everything, 500 on everything, time-out, a list breaks off, API server restarted",
    "store": "down, slow, truncated object, wrong digest, conditional put lost",
    "policy": "NaN, out of range",
    "clock": "an hour ahead, an hour back",
    "processes": "two recommenders, two actuators,"
    " kill -9 at every other write to the API server, kill -9 at every other write to the store",
    "cluster": "node full, quota hit, a webhook denies",
}


@pytest.mark.parametrize("where", ASKED_FOR)
def test_every_kind_that_must_be_borne_is_injected(where: str) -> None:
    missing = [name for name in ASKED_FOR[where].split(", ") if f"{where}: {name}" not in named()]
    assert missing == []


def test_the_readme_counts_the_kinds_and_the_table_has_them_all() -> None:
    told = " ".join(README.read_text().split())
    assert f"{len(KINDS)} kinds of faults" in told
    assert f"in {PAIRS} random pairs" in told
    rows = [line.split("|")[1:3] for line in table().splitlines()[2:-1]]
    assert sum(int(count) for _, count in rows) == len(KINDS) >= 40
    assert {place.strip() for place, _ in rows} == {fault.where for fault in KINDS}
