"""Which store a URL means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from components.artifacts.local import LocalStore
from components.artifacts.store import Store
from components.errors import UserError


def open_store(url: str, environment: Mapping[str, str]) -> Store:
    """The store behind "minio://bucket/prefix", or behind a path ("runs/store", "file:///...").

    A bucket's server and credentials come from the environment only (in a cluster, from a
    Secret), under the names that S3 clients share: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, and where needed AWS_SESSION_TOKEN, AWS_REGION and AWS_CA_BUNDLE.
    An endpoint without a scheme means https; plain http has to be written out.
    Raises UserError for another scheme or a missing variable.
    """
    parts = urlsplit(url)
    if not url:
        raise UserError("the store's URL is empty: give a folder or minio://bucket/prefix")
    if parts.scheme in ("", "file"):
        return LocalStore(Path(parts.path if parts.scheme else url))
    if parts.scheme != "minio" or not parts.netloc or "@" in parts.netloc:
        raise UserError(f"store {url!r} is not valid: give a folder or minio://bucket/prefix")
    return _open_minio(parts.netloc, parts.path, environment)


def existing_store(url: str, environment: Mapping[str, str]) -> Store:
    """As `open_store`, of a store that somebody has published to.

    Raises UserError for a folder that is not there, which a mistyped one would be; a bucket that
    isn't is told of when it is asked.
    """
    store = open_store(url, environment)
    if isinstance(store, LocalStore) and not store.folder.is_dir():
        raise UserError(f"store {store.folder} is no folder: give the one that was published to")
    return store


def _open_minio(bucket: str, prefix: str, environment: Mapping[str, str]) -> Store:
    needed = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise UserError(f"store minio://{bucket} needs {', '.join(missing)} in the environment")
    endpoint = environment["AWS_ENDPOINT_URL"]
    scheme, separator, host = endpoint.partition("://")
    if not separator:
        scheme, host = "https", endpoint
    if scheme not in ("http", "https"):
        raise UserError(f"AWS_ENDPOINT_URL {endpoint!r} is not valid: give https://host:port")
    # Stages that never open a bucket are installed without the client.
    from components.artifacts.minio_store import MinioStore  # noqa: PLC0415

    return MinioStore(
        bucket,
        prefix,
        endpoint=host.rstrip("/"),
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
        session_token=environment.get("AWS_SESSION_TOKEN"),
        secure=scheme == "https",
        region=environment.get("AWS_REGION"),
        ca_file=environment.get("AWS_CA_BUNDLE"),
    )
