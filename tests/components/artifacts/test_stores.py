"""Both stores keep the same promises: every test here runs on each, with a real S3 server."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.artifacts.local import LocalStore
from components.artifacts.open import open_store
from components.artifacts.store import AlreadyWrittenError, MissingObjectError, Store
from components.errors import TemporaryError, UserError
from tests.s3_server import S3Server

ROOT = Path(__file__).parents[3]
on_one_store = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@on_one_store
@given(data=st.binary(max_size=10_000), number=st.integers(0, 2**62))
def test_what_is_written_is_read(store: Store, data: bytes, number: int) -> None:
    key = f"things/{number}/{hashlib.sha256(data).hexdigest()}"
    store.write_once(key, data)

    assert store.read(key) == data
    tagged = store.read_tagged(key)
    assert tagged is not None
    assert tagged[0] == data


def test_nothing_is_there_at_first(store: Store) -> None:
    assert store.list("") == []
    assert store.read_tagged("a/b") is None
    with pytest.raises(MissingObjectError, match="a/b is not there"):
        store.read("a/b")


def test_written_once_means_once(store: Store) -> None:
    store.write_once("a/b", b"one")
    store.write_once("a/b", b"one")

    with pytest.raises(AlreadyWrittenError, match="a/b already holds other content"):
        store.write_once("a/b", b"two")
    assert store.read("a/b") == b"one"


def test_a_conditional_put_needs_the_current_tag(store: Store) -> None:
    assert store.write_if("k", b"1", None)
    assert not store.write_if("k", b"2", None)
    first = store.read_tagged("k")
    assert first is not None
    assert store.write_if("k", b"3", first[1])
    assert not store.write_if("k", b"4", first[1])
    assert not store.write_if("absent", b"5", first[1])

    assert store.read("k") == b"3"
    assert store.list("") == ["k"]


def test_keys_are_listed_by_prefix_in_order(store: Store) -> None:
    for key in ("b/2", "a/1", "b/1/x", "bb"):
        store.write_once(key, b"")

    assert store.list("") == ["a/1", "b/1/x", "b/2", "bb"]
    assert store.list("b/") == ["b/1/x", "b/2"]
    assert store.list("b") == ["b/1/x", "b/2", "bb"]
    assert store.list("none/here/") == []


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", ".lock", "a\n", "a/.b", "ä"])
def test_a_key_cannot_leave_the_store_or_hide_in_it(store: Store, key: str) -> None:
    with pytest.raises(UserError, match="is not valid"):
        store.write_once(key, b"x")
    assert store.list("") == []


@pytest.mark.parametrize("begun", [False, True])
def test_of_64_racing_conditional_puts_one_wins(store: Store, begun: bool) -> None:
    tag = None
    if begun:
        store.write_once("k", b"start")
        tagged = store.read_tagged("k")
        assert tagged is not None
        tag = tagged[1]
    with ThreadPoolExecutor(16) as threads:
        won = list(threads.map(lambda i: store.write_if("k", b"%d" % i, tag), range(64)))

    assert won.count(True) == 1
    assert store.read("k") == b"%d" % won.index(True)


def _race(folder: Path, number: int) -> int:
    return sum(LocalStore(folder).write_if(f"k{i}", b"%d" % number, None) for i in range(50))


def test_racing_processes_have_one_winner_for_each_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        won = processes.starmap(_race, [(tmp_path, 1), (tmp_path, 2)])

    assert sum(won) == 50


WRITER = """
import itertools, os, sys
from components.artifacts.open import open_store
store = open_store(sys.argv[1], os.environ)
for turn in itertools.count():
    tagged = store.read_tagged("k")
    assert store.write_if("k", bytes([turn % 256]) * 3_000_000, tagged and tagged[1])
    print(turn, flush=True)
"""


def _killed_while_writing(url: str, environment: dict[str, str], delay_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"0\n"
    time.sleep(delay_s)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("delay_s", [0.002, 0.02])
@pytest.mark.parametrize("kind", ["local", "minio"])
def test_kill_9_in_a_write_leaves_old_or_new_and_blocks_nobody(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, delay_s: float
) -> None:
    url, environment = str(tmp_path / "store"), {}
    if kind == "minio":
        server: S3Server = request.getfixturevalue("s3_server")
        url, environment = f"minio://{server.new_bucket()}", server.environment()
    _killed_while_writing(url, environment, delay_s)

    store = open_store(url, environment)
    written = False
    while not written:  # a server may still finish what it got whole
        content, tag = store.read_tagged("k") or (b"", "")
        assert len(content) == 3_000_000
        assert len(set(content)) == 1
        assert store.list("") == ["k"]
        written = store.write_if("k", b"after", tag)
    assert store.read("k") == b"after"


@contextmanager
def _cut_before_the_content(endpoint: str) -> Iterator[str]:
    """A proxy that forwards one request's head, then cuts the connection on both sides."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        host, port = endpoint.split(":")
        with client, socket.create_connection((host, int(port))) as server:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            server.sendall(head)
            time.sleep(0.1)

    thread = threading.Thread(target=serve)
    thread.start()
    with listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_connection_cut_before_the_content_leaves_the_old_object(s3_server: S3Server) -> None:
    environment = s3_server.environment() | {"AWS_REGION": "us-east-1"}
    url = f"minio://{s3_server.new_bucket()}"
    store = open_store(url, environment)
    store.write_once("k", b"old")
    tagged = store.read_tagged("k")
    assert tagged is not None

    with _cut_before_the_content(s3_server.endpoint) as endpoint:
        cut = open_store(url, environment | {"AWS_ENDPOINT_URL": f"http://{endpoint}"})
        with pytest.raises(TemporaryError, match="does not answer"):
            cut.write_if("k", b"new" * 1_000_000, tagged[1])

    time.sleep(0.2)
    assert store.read_tagged("k") == tagged


def test_an_unwritable_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UserError, match=r"cannot write .*file"):
        LocalStore(tmp_path / "file").write_once("k", b"x")


def test_a_missing_bucket_is_named(s3_server: S3Server) -> None:
    store = open_store("minio://no-such-bucket", s3_server.environment())

    for call in _every_call(store):
        with pytest.raises(UserError, match=r"no-such-bucket.*(does not exist|refuses)"):
            call()


def test_wrong_credentials_are_one_clear_line(s3_server: S3Server) -> None:
    url = f"minio://{s3_server.new_bucket()}"
    wrong = s3_server.environment() | {"AWS_SECRET_ACCESS_KEY": "wrong-secret"}

    for call in _every_call(open_store(url, wrong)):
        with pytest.raises(UserError, match="check the credentials in AWS_ACCESS_KEY_ID") as error:
            call()
        assert "wrong-secret" not in str(error.value)


def test_a_server_that_does_not_answer_is_worth_a_retry() -> None:
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    for call in _every_call(open_store("minio://bucket", environment)):
        with pytest.raises(TemporaryError, match="does not answer"):
            call()


def test_tls_is_on_unless_http_is_written_out(s3_server: S3Server) -> None:
    """The plain server is reached by http://, and not by an endpoint without a scheme."""
    url = f"minio://{s3_server.new_bucket()}"
    plain = s3_server.environment()
    bare = plain | {"AWS_ENDPOINT_URL": s3_server.endpoint}

    assert open_store(url, plain).list("") == []
    with pytest.raises(TemporaryError, match="does not answer"):
        open_store(url, bare).list("")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "the store's URL is empty"),
        ("http://host/bucket", "is not valid: give a folder or minio://bucket/prefix"),
        ("minio://", "is not valid"),
        ("minio://key:secret@bucket", "is not valid"),
        ("minio://bucket", "needs AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in"),
    ],
)
def test_a_store_that_cannot_be_meant_is_refused(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_store(url, {})


def _every_call(store: Store) -> list[Callable[[], object]]:
    return [
        lambda: store.read_tagged("k"),
        lambda: store.write_if("k", b"x", None),
        lambda: store.write_if("k", b"x", "0123456789abcdef0123456789abcdef"),
        lambda: store.list(""),
    ]


def test_one_listing_tells_which_keys_changed(store: Store) -> None:
    assert store.versions("channels/") == {}
    for name in ("a", "b"):
        assert store.write_if(f"channels/shop/{name}.json", b"one", None)
    store.write_once("policies/x", b"one")
    before = store.versions("channels/")
    assert before.keys() == {"channels/shop/a.json", "channels/shop/b.json"}
    assert store.versions("channels/") == before
    tagged = store.read_tagged("channels/shop/a.json")
    assert tagged is not None
    assert store.write_if("channels/shop/a.json", b"two", tagged[1])
    after = store.versions("channels/")
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"channels/shop/a.json"}
    store.delete("channels/shop/b.json")
    assert store.versions("channels/").keys() == {"channels/shop/a.json"}
