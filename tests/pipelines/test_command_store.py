"""`aware store clean` on a real store in a folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import SHADOW, move_channel
from components.artifacts.local import LocalStore
from components.artifacts.signature import load_verified
from components.errors import UserError
from pipelines import cli
from pipelines.cli import app

DAY_S = 86400.0
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PRIVATE_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def invoke(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["store", "clean", "--store", str(folder), *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def digests(tmp_path: Path) -> list[str]:
    """Bundles of one workload, 100, 90, 80 and 70 days old; the oldest acts."""
    store = LocalStore(tmp_path)
    found = [publish(store, Bundle("shop/cart", {}, {}, {"number": one})) for one in range(4)]
    for index, digest in enumerate(found):
        then_s = time.time() - (100 - 10 * index) * DAY_S
        for part in (tmp_path / "policies" / digest).iterdir():
            os.utime(part, (then_s, then_s))
    move_channel(store, "shop", "cart", found[0], SHADOW)
    return found


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "policies").iterdir()}


def test_without_delete_it_says_what_it_would_do_and_does_nothing(
    tmp_path: Path, digests: list[str]
) -> None:
    told = invoke(tmp_path, "--keep", "1")
    assert f"{digests[1]}  shop/cart: would go" in told
    assert "2 would be deleted; 1 are in use, 1 among a workload's newest, 0 younger" in told
    assert "--delete does it" in told
    assert left(tmp_path) == set(digests)


def test_it_deletes_what_no_channel_names_and_is_old(tmp_path: Path, digests: list[str]) -> None:
    told = json.loads(invoke(tmp_path, "--keep", "1", "--delete", "--json"))
    assert set(told["deleted"]) == set(digests[1:3])
    assert left(tmp_path) == {digests[0], digests[3]}
    assert "0 deleted" in invoke(tmp_path, "--keep", "1", "--delete")


def test_a_longer_age_keeps_more(tmp_path: Path, digests: list[str]) -> None:
    told = json.loads(invoke(tmp_path, "--keep", "0", "--older-than", "85d", "--json"))
    assert told == {"unneeded": [digests[1]], "deleted": [], "in_use": 1, "newest": 0, "young": 2}


def test_what_was_refused_takes_no_accepted_ones_place(tmp_path: Path, digests: list[str]) -> None:
    """Three refused ones follow the newest accepted one, which stays to be gone back to."""
    store = LocalStore(tmp_path)
    refused = []
    for number in range(3):
        manifest = {"verdict": {"accepted": False}, "number": number}
        refused.append(publish(store, Bundle("shop/cart", {}, {}, manifest)))
        for part in (tmp_path / "policies" / refused[-1]).iterdir():
            os.utime(part, (time.time() - 40 * DAY_S,) * 2)
    told = json.loads(invoke(tmp_path, "--keep", "1", "--json"))
    assert set(told["unneeded"]) == {*digests[1:3], *refused}


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder: give the one that was published to"):
        invoke(tmp_path / "mistyped")
    with pytest.raises(SystemExit) as ended:
        cli.main(["store", "clean", "--store", str(tmp_path / "mistyped")])
    assert ended.value.code == 2
    assert not (tmp_path / "mistyped").exists()


def test_bundles_in_use_are_signed_afterwards_and_no_others(
    tmp_path: Path, digests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["store", "sign", "--store", str(tmp_path)]
    assert isinstance(CliRunner().invoke(app, command).exception, UserError)
    monkeypatch.setenv("AWARE_SIGNING_KEY", PRIVATE_PEM)
    for _ in range(2):
        result = CliRunner().invoke(app, command)
        assert result.output == f"{digests[0]}  signed\n"
    store = LocalStore(tmp_path)
    assert load_verified(store, digests[0], KEY.public_key()).workload == "shop/cart"
    with pytest.raises(UserError, match="is not signed"):
        load_verified(store, digests[1], KEY.public_key())


@pytest.mark.parametrize("span", ["30", "d", "0h", "-1d", "30 days", "1m"])
def test_a_span_that_is_none_or_too_short_is_the_users_mistake(tmp_path: Path, span: str) -> None:
    with pytest.raises(UserError, match="--older-than"):
        invoke(tmp_path, "--older-than", span)
