"""Signatures of bundles: what is unsigned, altered or signed by another is refused."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from components.artifacts.bundle import Bundle, publish
from components.artifacts.local import LocalStore
from components.artifacts.signature import load_verified, read_private_key, read_public_key, sign
from components.errors import UserError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def bundle(workload="shop/checkout"):
    return Bundle(workload, {"target": 0.6}, {"w": np.arange(4.0)}, {"metrics": {}})


def test_a_signed_bundle_is_read_and_signing_again_changes_nothing(tmp_path):
    store = LocalStore(tmp_path)
    digest = publish(store, bundle())
    sign(store, digest, KEY)
    sign(store, digest, KEY)
    assert load_verified(store, digest, KEY.public_key()).workload == "shop/checkout"


def test_an_unsigned_bundle_is_refused(tmp_path):
    store = LocalStore(tmp_path)
    digest = publish(store, bundle())
    with pytest.raises(UserError, match="is not signed: "):
        load_verified(store, digest, KEY.public_key())


def test_a_bundle_signed_by_another_key_is_refused(tmp_path):
    store = LocalStore(tmp_path)
    digest = publish(store, bundle())
    sign(store, digest, OTHER)
    with pytest.raises(UserError, match="not signed by the configured key"):
        load_verified(store, digest, KEY.public_key())


def test_the_signature_of_another_bundle_is_refused(tmp_path):
    store = LocalStore(tmp_path)
    signed, unsigned = publish(store, bundle()), publish(store, bundle("shop/cart"))
    sign(store, signed, KEY)
    name = "signature.ed25519"
    signature = store.read(f"policies/{signed}/{name}")
    store.write_once(f"policies/{unsigned}/{name}", signature)
    with pytest.raises(UserError, match="not signed by the configured key"):
        load_verified(store, unsigned, KEY.public_key())


@pytest.mark.parametrize("part", ["policy.safetensors", "bundle.json", "signature.ed25519"])
def test_any_altered_byte_is_refused(tmp_path, part):
    store = LocalStore(tmp_path)
    digest = publish(store, bundle())
    sign(store, digest, KEY)
    path = tmp_path / "policies" / digest / part
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError):
        load_verified(store, digest, KEY.public_key())


def test_keys_are_read_from_pem_and_other_kinds_are_refused():
    def private(key):
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public(key):
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    assert private(read_private_key(private(KEY))) == private(KEY)
    assert read_public_key(public(KEY)) == KEY.public_key()
    other = X25519PrivateKey.generate()
    with pytest.raises(UserError, match="not ed25519"):
        read_private_key(private(other))
    with pytest.raises(UserError, match="not ed25519"):
        read_public_key(public(other))
    with pytest.raises(UserError, match="no PEM"):
        read_public_key(b"not a key")
