"""Rollout signs with the key of its Secret, the recommender follows what that key signed alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from components.artifacts.collection import collect, keep_published
from components.artifacts.files import read_json, write_json
from components.artifacts.local import LocalStore
from components.artifacts.open import open_store
from components.artifacts.signature import load_verified
from components.artifacts.store import Store
from components.errors import UserError
from components.kubernetes_api.conditions import FALSE, TRUE
from components.progress import Progress
from components.rollout.config import RolloutConfig, signer_from
from components.rollout.stage import run
from tests.components.recommender.recommending import GATE, World, bundle, world
from tests.components.rollout.stage_inputs import write_stage_outputs
from tests.s3_server import S3Server, running_s3_server

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def url(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return f"minio://{server.new_bucket()}/aware"


def secret(key: Ed25519PrivateKey) -> dict[str, str]:
    """The environment of a rollout whose namespace has the Secret."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"AWARE_SIGNING_KEY": pem.decode()}


def roll_out(folder: Path, url: str, environment: dict[str, str], **rule: float) -> str:
    """Publish a policy that the recommender can follow; return its digest."""
    inputs = write_stage_outputs(folder)
    policy = bundle(**rule)
    for path, value in (
        (inputs["adapted"] / "adapted.json", {"rule": policy.rule_parameters}),
        (inputs["embedding"] / "twins.json", policy.manifest["twin"]),
    ):
        write_json(path, dict.fromkeys(read_json(path), value))
    config = RolloutConfig(url, dry_run=False, signer=signer_from(environment))
    run(config, **inputs, output=folder / "out", progress=Progress("rollout"))
    return str(read_json(folder / "out" / "rollout.json")["shop/checkout"]["digest"])


def recommending(folder: Path, store: Store) -> World:
    made = world(folder, annotations=GATE)
    made.store = store
    made.verification_key = KEY.public_key()
    made.restart()
    return made


def followed(made: World) -> str:
    made.ticks(1)
    policy = made.recommender.policies.loaded_one("shop/checkout")
    return policy.digest if policy else ""


def test_what_rollout_signed_is_followed_and_what_it_did_not_is_refused(
    tmp_path: Path, server: S3Server, url: str
) -> None:
    store = open_store(url, server.environment())
    made = recommending(tmp_path / "cluster", store)
    signed = roll_out(tmp_path, url, secret(KEY))
    assert followed(made) == signed
    assert made.told("PolicyLoaded").status == TRUE
    for environment, peak_weight in (({}, 0.5), (secret(OTHER), 0.25)):
        refused = roll_out(tmp_path, url, environment, peak_weight=peak_weight)
        assert followed(made) == signed
        assert made.told("PolicyLoaded").status == FALSE
        assert refused[:12] in made.told("PolicyLoaded").message
    again = roll_out(tmp_path, url, secret(KEY), peak_weight=0.75)
    assert followed(made) == again
    assert made.told("PolicyLoaded").status == TRUE


def test_rolled_out_again_with_a_key_what_lay_there_unsigned_is_signed(
    tmp_path: Path, server: S3Server, url: str
) -> None:
    made = recommending(tmp_path / "cluster", open_store(url, server.environment()))
    digest = roll_out(tmp_path, url, {})
    assert followed(made) == ""
    assert roll_out(tmp_path, url, secret(KEY)) == digest
    assert followed(made) == digest


def test_a_bundle_that_was_collected_meanwhile_comes_back_with_its_signature(
    tmp_path: Path,
) -> None:
    store = LocalStore(tmp_path / "store")
    digest = roll_out(tmp_path, str(tmp_path / "store"), secret(KEY))
    policy = load_verified(store, digest, KEY.public_key())
    store.delete("channels/shop/checkout.json")
    assert collect(store, [digest], "collector") == [digest]
    keep_published(store, policy, signer=signer_from(secret(KEY)))
    assert load_verified(store, digest, KEY.public_key()).workload == "shop/checkout"


def test_a_secret_that_holds_no_key_stops_rollout_before_it_publishes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no unencrypted PEM private key"):
        roll_out(tmp_path, str(tmp_path / "store"), {"AWARE_SIGNING_KEY": "no key"})
    assert not (tmp_path / "store").exists()
