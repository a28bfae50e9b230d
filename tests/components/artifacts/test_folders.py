"""Folders through a store: whole, resumed where they stopped, and removed without a trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components.artifacts.folders import (
    digest_of,
    fetch_folder,
    files_of,
    remove_folder,
    send_folder,
)
from components.artifacts.store import AlreadyWrittenError, Store
from components.errors import TemporaryError

LARGE_BYTES = 8 << 20


@dataclass
class Breaking:
    """A store whose connection breaks at the `at`-th upload."""

    inner: Store
    at: int
    sent: list[str] = field(default_factory=list)

    def write_once(self, key: str, data: bytes) -> None:
        if len(self.sent) + 1 == self.at:
            raise TemporaryError("the connection broke")
        if self.inner.read_tagged(key) is None:
            self.sent.append(key)
        self.inner.write_once(key, data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dataset"
    (made / "shop").mkdir(parents=True)
    (made / "workloads.yaml").write_text("workloads: []")
    (made / "shop" / "cart.parquet").write_bytes(bytes(range(256)) * (LARGE_BYTES // 256))
    (made / "shop" / "web.parquet").write_bytes(b"web")
    (made / ".lock").touch()
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files_of(folder).items()}


def test_a_folder_arrives_as_it_was_sent_without_hidden_files(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    send_folder(store, "one/dataset", folder)
    fetch_folder(store, "one/dataset", tmp_path / "copy")
    assert content(tmp_path / "copy") == content(folder)
    assert len(content(folder)) == 3
    assert digest_of({"dataset": folder}) == digest_of({"dataset": tmp_path / "copy"})


def test_an_upload_that_broke_goes_on_with_what_is_missing(store: Store, folder: Path) -> None:
    first = Breaking(store, at=2)
    with pytest.raises(TemporaryError):
        send_folder(first, "one", folder)  # type: ignore[arg-type]
    second = Breaking(store, at=0)
    send_folder(second, "one", folder)  # type: ignore[arg-type]
    assert first.sent == ["one/shop/cart.parquet"]
    assert second.sent == ["one/shop/web.parquet", "one/workloads.yaml"]
    assert len(store.read("one/shop/cart.parquet")) == LARGE_BYTES


def test_another_file_in_its_place_is_told_and_not_overwritten(store: Store, folder: Path) -> None:
    store.write_once("one/workloads.yaml", b"another")
    with pytest.raises(AlreadyWrittenError):
        send_folder(store, "one", folder)
    assert store.read("one/workloads.yaml") == b"another"


def test_removing_leaves_the_neighbours(store: Store, folder: Path) -> None:
    send_folder(store, "one", folder)
    store.write_once("one-more/file", b"neighbour")
    remove_folder(store, "one")
    assert store.list("") == ["one-more/file"]


def test_one_changed_byte_or_name_is_another_digest(folder: Path) -> None:
    before = digest_of({"dataset": folder})
    assert digest_of({"embedding": folder}) != before
    (folder / "shop" / "web.parquet").write_bytes(b"wed")
    changed = digest_of({"dataset": folder})
    (folder / "shop" / "web.parquet").rename(folder / "shop" / "wed.parquet")
    assert len({before, changed, digest_of({"dataset": folder})}) == 3
