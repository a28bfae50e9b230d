"""kill -9 at any change that a retraining run makes to the store; then it is run again, or anew."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.artifacts.bundle import load
from components.artifacts.channel import read_channel
from components.artifacts.collection import collect, named_digests, plan, stored_bundles
from components.artifacts.lock import RETRAINING, lock_holder
from components.artifacts.open import open_store
from components.artifacts.store import Store
from components.rollout.retraining_budget import KEY
from tests.components.rollout.retraining_writes import LOCK_S, retrain
from tests.components.rollout.stage_inputs import write_stage_outputs
from tests.dying import Mortal
from tests.s3_server import S3Server, running_s3_server

WRITES = "tests.components.rollout.retraining_writes"
DAY_S = 86400.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


class Stores:
    """Empty stores of one kind, and what is in them."""

    def __init__(self, folder: Path, server: S3Server | None) -> None:
        self.folder = folder
        self.server = server
        self.environment = server.environment() if server else {}
        self.place = f"minio://{server.new_bucket()}/store" if server else str(folder / "store")
        self.count = 0

    def new(self) -> str:
        """Return the URL of another empty store."""
        self.count += 1
        return f"{self.place}-{self.count}"

    def copy(self, contents: dict[str, bytes]) -> str:
        """Return the URL of another store with these objects."""
        url = self.new()
        store = self.open(url)
        for key in (key for key in contents if not key.startswith(".")):
            store.write_once(key, contents[key])
        return url

    def open(self, url: str) -> Store:
        """Return the store."""
        return open_store(url, self.environment)

    def contents(self, url: str) -> dict[str, bytes]:
        """Return all objects; of a folder all files, hidden ones too."""
        if self.server is None:
            found = (path for path in Path(url).rglob("*") if path.is_file())
            return {path.relative_to(url).as_posix(): path.read_bytes() for path in found}
        store = self.open(url)
        return {key: store.read(key) for key in store.list("")}


@pytest.fixture(params=["folder", "s3"])
def stores(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stores:
    monkeypatch.setattr("os.fsync", lambda _: None)
    if request.param == "folder":
        return Stores(tmp_path, None)
    server: S3Server = request.getfixturevalue("server")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return Stores(tmp_path, server)


def booked(store: Store) -> dict[str, list[tuple[str, bool]]]:
    """By workload the runs that retrained it, and whether they came to their end."""
    tagged = store.read_tagged(KEY)
    spent = json.loads(tagged[0]) if tagged else {}
    return {key: [(one["run"], one["ended"]) for one in spent[key]] for key in spent}


def test_killed_anywhere_and_tried_again_the_store_is_that_of_an_undisturbed_run(
    stores: Stores, tmp_path: Path
) -> None:
    """As Kubeflow tries a killed pod again in the same run; an earlier policy is in force."""
    earlier, inputs = (write_stage_outputs(tmp_path / str(rule), rule=rule) for rule in (0.5, 0.4))
    mortal = Mortal(str(tmp_path / "store"), [WRITES], stores.environment)
    out, undisturbed = tmp_path / "out", stores.new()
    retrain(undisturbed, earlier, out, "earlier", 0.0)
    before = stores.contents(undisturbed)
    changes = mortal.changes_of(retrain, undisturbed, inputs, out, "run", DAY_S)
    wanted = stores.contents(undisturbed)
    assert len(wanted) == 4 * 2 + len(("channel", "lock", "budget")) + (stores.server is None)
    for number in range(1, changes + 1):
        url = stores.copy(before)
        mortal.killed_before(number, retrain, url, inputs, out, "run", DAY_S)
        retrain(url, inputs, out, "run", DAY_S)
        assert stores.contents(url) == wanted, f"killed before change {number} of {changes}"


def test_killed_anywhere_a_new_run_on_newer_telemetry_goes_on_and_leaves_no_orphan(
    stores: Stores, tmp_path: Path
) -> None:
    """The new run has other policies, and gets its turn when the dead one's is over."""
    inputs, newer = (write_stage_outputs(tmp_path / str(rule), rule=rule) for rule in (0.5, 0.4))
    mortal = Mortal(str(tmp_path / "store"), [WRITES], stores.environment)
    out, alone = tmp_path / "out", stores.new()
    retrain(alone, newer, out, "new", 0.0)
    digest = read_channel(stores.open(alone), "shop", "checkout").current
    changes = mortal.changes_of(retrain, stores.new(), inputs, out, "killed", 0.0)
    # Every third: the test above sees that each of them leaves a state to go on from.
    for number in range(changes, 0, -3):
        url = stores.new()
        mortal.killed_before(number, retrain, url, inputs, out, "killed", 0.0)
        store = stores.open(url)
        if booked(store).get("shop/cart") == [("killed", True)]:
            # It was over but for giving the turn back: the workloads rest as after any retraining.
            with pytest.raises(AssertionError, match="cools down"):
                retrain(url, newer, out, "new", LOCK_S)
            continue
        if lock_holder(store, RETRAINING, LOCK_S - 1.0) is not None:
            with pytest.raises(AssertionError, match="another run is retraining"):
                retrain(url, newer, out, "new", LOCK_S - 1.0)
        retrain(url, newer, out, "new", LOCK_S)
        assert read_channel(store, "shop", "checkout").current == digest
        assert lock_holder(store, RETRAINING, LOCK_S + 1.5) is None
        assert all(runs[-1] == ("new", True) for runs in booked(store).values())
        assert_clean_leaves_what_is_named(stores, url)


def assert_clean_leaves_what_is_named(stores: Stores, url: str) -> None:
    """All but the named bundles are found, down to what was never finished, and deleted."""
    store = stores.open(url)
    named = named_digests(store)
    found = plan(stored_bundles(store), named, time.time() + DAY_S, keep=0, older_than_s=0.0)
    collect(store, [one.digest for one in found.deleted], "collector")
    left = stores.contents(url).keys()
    assert {key.split("/")[1] for key in left if key.startswith("policies/")} == named
    assert [key for key in left if key.endswith(".partial") or key.startswith("collecting/")] == []
    assert all(load(store, digest).workload == "shop/checkout" for digest in named)
