"""Signed bundles: who may publish is held apart from who may write to the store."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from components.artifacts.bundle import Bundle, Signer, load, signature_key, stored_signature
from components.artifacts.store import Store
from components.errors import UserError

# Bound to its purpose: a signature made with the key for something else is none of a bundle.
_PURPOSE = b"aware bundle 1\n"


def read_private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key in an unencrypted PKCS #8 PEM; raises UserError for anything else."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise UserError("the signing key is no unencrypted PEM private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError("the signing key is not ed25519: openssl genpkey -algorithm ed25519")
    return key


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """The key in a PEM; raises UserError for anything else."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise UserError("the verification key is no PEM public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UserError("the verification key is not ed25519: openssl pkey -pubout makes it")
    return key


def signer_of(key: Ed25519PrivateKey) -> Signer:
    """What signs digests with the key: the same one always gives the same bytes."""
    return lambda digest: key.sign(_PURPOSE + digest.encode())


def sign(store: Store, digest: str, key: Ed25519PrivateKey) -> None:
    """Signs a bundle that was published without; the same key again changes nothing.

    Raises UserError when the bundle is missing or altered, or signed by another key.
    """
    load(store, digest)
    store.write_once(signature_key(digest), signer_of(key)(digest))


def load_verified(store: Store, digest: str, key: Ed25519PublicKey) -> Bundle:
    """The bundle, if the owner of `key` signed it and it is as it was signed; else UserError.

    The signature is over the digest, and `load` holds the content to the digest.
    """
    bundle = load(store, digest)
    signature = stored_signature(store, digest)
    if signature is None:
        raise UserError(f"bundle {digest} is not signed: sign it or publish it again")
    try:
        key.verify(signature, _PURPOSE + digest.encode())
    except InvalidSignature as error:
        raise UserError(
            f"bundle {digest} is not signed by the configured key: check the key and who published"
        ) from error
    return bundle
