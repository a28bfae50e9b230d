"""With a verification key: unsigned bundles and another's are refused, the last good one stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.artifacts.signature import sign
from components.kubernetes_api.conditions import FALSE, TRUE
from components.recommender.main import main
from components.recommender.options import verification_key
from tests.components.recommender.recommending import GATE, World, let_in, world

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def verifying(folder: Path) -> World:
    made = world(folder, annotations=GATE)
    made.verification_key = KEY.public_key()
    made.restart()
    return made


def loaded(made: World) -> str:
    policy = made.recommender.policies.loaded_one("shop/checkout")
    return policy.digest if policy else ""


def test_a_signed_bundle_is_followed(tmp_path: Path) -> None:
    made = verifying(tmp_path)
    digest = let_in(made.store)
    sign(made.store, digest, KEY)

    made.ticks(1)

    assert loaded(made) == digest
    assert made.told("PolicyLoaded").status == TRUE
    assert made.told("PolicyActing").reason == "SHADOW"


@pytest.mark.parametrize("signer", [None, OTHER])
def test_one_without_the_right_signature_is_refused_and_the_last_good_stays(
    tmp_path: Path, signer: Ed25519PrivateKey | None
) -> None:
    made = verifying(tmp_path)
    good = let_in(made.store)
    sign(made.store, good, KEY)
    made.ticks(1)
    bad = let_in(made.store, peak_weight=0.5)
    if signer is not None:
        sign(made.store, bad, signer)

    made.ticks(1)

    assert loaded(made) == good
    told = made.told("PolicyLoaded")
    assert (told.status, told.reason) == (FALSE, "BundleRefused")
    assert bad[:12] in told.message
    assert "signed" in told.message
    # Signed after all: it is followed without a restart.
    if signer is None:
        sign(made.store, bad, KEY)
        made.ticks(1)
        assert loaded(made) == bad
        assert made.told("PolicyLoaded").status == TRUE


def test_a_refused_bundle_never_acts_after_a_restart(tmp_path: Path) -> None:
    made = verifying(tmp_path)
    let_in(made.store)

    made.ticks(2)

    assert loaded(made) == ""
    assert made.told("PolicyActing").reason == "INCUMBENT"
    assert made.told("RecommendationProvided").reason == "IncumbentDecided"


@pytest.mark.parametrize("content", [None, b"no key"])
def test_a_key_that_is_asked_for_and_not_there_ends_in_one_line(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    config = tmp_path / "kubeconfig"
    config.write_text(KUBECONFIG)

    arguments = ["--kubeconfig", str(config), "--telemetry", str(tmp_path)]
    code = main([*arguments, "--verification-key", str(path)])

    assert code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_key_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert verification_key(path) == KEY.public_key()
    assert verification_key(None) is None


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: none}}]
"""
