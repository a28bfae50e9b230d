"""One run retrains at a time, whoever started it, and none for ever; in a folder and on S3."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.artifacts.open import open_store
from components.artifacts.store import Store
from components.rollout.retraining_budget import Admission, RetrainingLimits
from components.rollout.retraining_turn import admitted_in_turn, end_turn
from tests.s3_server import S3Server, running_s3_server

HOUR_S = 3600.0
LIMITS = RetrainingLimits(cool_down_s=HOUR_S, window_s=24 * HOUR_S, per_workload=3, in_all=50)
BOTH = ("shop/a", "shop/b")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path), {})
    server: S3Server = request.getfixturevalue("server")
    return open_store(f"minio://{server.new_bucket()}", server.environment())


def ask(store: Store, run: str, at_s: float, *drifted: str, lock_s: float = 60.0) -> Admission:
    return admitted_in_turn(store, drifted, run, at_s, lock_s, LIMITS)


def retrain(store: Store, run: str, at_s: float, *drifted: str) -> Admission:
    """Take the turn and come to the run's end a minute later."""
    admission = ask(store, run, at_s, *drifted)
    end_turn(store, run, at_s + 59.0)
    return admission


def test_of_ten_runs_at_once_one_retrains(store: Store) -> None:
    with ThreadPoolExecutor(10) as threads:
        asked = list(threads.map(lambda run: ask(store, f"run-{run}", 100.0, *BOTH), range(10)))
    assert sorted(one.admitted for one in asked) == [()] * 9 + [BOTH]
    reasons = [reason for one in asked for reason in one.refused.values()]
    assert reasons == ["another run is retraining"] * 18


def test_a_task_that_is_tried_again_keeps_turn_and_workloads(store: Store) -> None:
    assert ask(store, "first", 100.0, *BOTH).admitted == BOTH
    assert ask(store, "first", 130.0, *BOTH).admitted == BOTH


def test_while_one_workload_rests_another_is_retrained(store: Store) -> None:
    assert retrain(store, "first", 0.0, "shop/a").admitted == ("shop/a",)
    later = ask(store, "second", 61.0, *BOTH)
    assert later.admitted == ("shop/b",)
    assert later.refused == {"shop/a": "cools down for another 1.0 hours"}


def test_a_run_whose_workloads_all_rest_leaves_the_turn_to_others(store: Store) -> None:
    retrain(store, "first", 0.0, "shop/a")
    assert ask(store, "second", 61.0, "shop/a").admitted == ()
    assert ask(store, "third", 62.0, "shop/b").admitted == ("shop/b",)


def test_a_run_that_ends_gives_its_turn_to_the_next_at_once(store: Store) -> None:
    retrain(store, "first", 0.0, "shop/a")
    assert ask(store, "second", 59.5, "shop/b").admitted == ("shop/b",)
    # Late, the first one says so again: the second one's turn is not its to give.
    end_turn(store, "first", 59.6)
    assert ask(store, "third", 59.7, "shop/c").refused == {"shop/c": "another run is retraining"}


def test_of_a_run_that_died_the_workloads_need_not_rest_but_its_time_is_spent(store: Store) -> None:
    for number in range(3):
        assert ask(store, f"dead-{number}", number * 61.0, "shop/a").admitted == ("shop/a",)
    refused = ask(store, "fourth", 200.0, "shop/a").refused
    assert refused == {"shop/a": "retrained 3 times in 1 days: look at it, it flaps"}


def test_a_workload_that_flaps_at_every_check_is_retrained_three_times_a_day(store: Store) -> None:
    quarters = range(96)
    done = [
        quarter / 4
        for quarter in quarters
        if retrain(store, f"run-{quarter}", quarter * 900.0, "shop/flapping").admitted
    ]
    assert done == [0.0, 1.0, 3.0]


def test_a_run_that_finds_nothing_or_wants_no_turn_leaves_it_to_others(store: Store) -> None:
    assert ask(store, "idle", 100.0).admitted == ()
    assert ask(store, "by hand", 100.0, *BOTH, lock_s=0.0).admitted == BOTH
    assert ask(store, "scheduled", 100.0, "shop/a").admitted == ("shop/a",)
