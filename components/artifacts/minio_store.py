"""A store in a bucket of MinIO, or of any server with its S3 API. The only importer of minio."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import md5

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from components.artifacts.store import MissingObjectError, already_written, checked_key
from components.errors import TemporaryError, UserError

_CONNECT_S = 5.0
_READ_S = 30.0
_PRESIGNED_FOR = timedelta(minutes=5)
_ABSENT = {"NoSuchKey", "NoSuchObject", "ResourceNotFound"}
_PASSING = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "XMinioServerNotInitialized",
}


class MinioStore:
    """Keys are objects below `prefix` in `bucket`; the tag of a version is its ETag.

    TLS with checked certificates unless `secure` is False. The bucket has to exist: making it is
    its owner's business, with a policy and a quota.
    """

    __slots__ = ("_bucket", "_client", "_http", "_prefix")

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        endpoint: str,
        access_key: str,
        secret_key: str,
        session_token: str | None = None,
        secure: bool = True,
        region: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
            maxsize=16,
            cert_reqs="CERT_REQUIRED",
            ca_certs=ca_file or certifi.where(),
            retries=urllib3.Retry(
                total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)
            ),
        )
        try:
            self._client = Minio(
                endpoint,
                access_key=access_key,
                secret_key=secret_key,
                session_token=session_token,
                secure=secure,
                region=region,
                http_client=self._http,
            )
        except ValueError as error:
            raise UserError(f"store endpoint {endpoint!r} is not valid: {error}") from error

    def read(self, key: str) -> bytes:
        """As Store.read."""
        tagged = self.read_tagged(key)
        if tagged is None:
            raise MissingObjectError(f"{self._place(key)} is not there")
        return tagged[0]

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        """As Store.read_tagged."""
        with self._errors(key):
            try:
                response = self._client.get_object(self._bucket, self._name(key))
            except S3Error as error:
                if error.code in _ABSENT:
                    return None
                raise
            try:
                return response.data, response.headers["etag"]
            finally:
                response.close()
                response.release_conn()

    def write_once(self, key: str, data: bytes) -> None:
        """As Store.write_once."""
        if not self.write_if(key, data, None) and self.read(key) != data:
            raise already_written(self._place(key))

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        """As Store.write_if.

        The one exception to the client's own calls: `put_object` of minio 7.2 takes no If-Match
        or If-None-Match header, so the object is put through a presigned URL, which does. It is
        sent once: a second try after a lost answer would find the first one's object and take
        its own success for defeat. Then TemporaryError is raised, and the caller reads again.
        """
        condition = {"If-None-Match": "*"} if tag is None else {"If-Match": tag}
        # Without it SeaweedFS 4.48 takes a connection that is cut before the first byte of the
        # content for an empty object.
        digest = b64encode(md5(data, usedforsecurity=False).digest()).decode()
        headers = condition | {"Content-MD5": digest}
        with self._errors(key):
            url = self._client.get_presigned_url(
                "PUT", self._bucket, self._name(key), expires=_PRESIGNED_FOR
            )
            response = self._http.request("PUT", url, body=data, headers=headers, retries=False)
        if response.status == 200:
            return True
        if b"<Code>NoSuchBucket</Code>" in response.data:
            raise self._refusal("NoSuchBucket")
        # 412: the tag differs. 409: another conditional write was under way. 404: nothing to match.
        if response.status in (409, 412) or (response.status == 404 and tag is not None):
            return False
        raise self._refusal("AccessDenied" if response.status == 403 else f"HTTP {response.status}")

    def written_s(self, key: str) -> float | None:
        """As Store.written_s."""
        with self._errors(key):
            try:
                found = self._client.stat_object(self._bucket, self._name(key))
            except S3Error as error:
                if error.code in _ABSENT:
                    return None
                raise
        return None if found.last_modified is None else found.last_modified.timestamp()

    def delete(self, key: str) -> None:
        """As Store.delete."""
        with self._errors(key):
            self._client.remove_object(self._bucket, self._name(key))

    def list(self, prefix: str) -> list[str]:
        """As Store.list."""
        return sorted(self.versions(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        """As Store.versions."""
        start = f"{self._prefix}/" if self._prefix else ""
        with self._errors(prefix):
            found = self._client.list_objects(self._bucket, prefix=start + prefix, recursive=True)
            return {str(item.object_name).removeprefix(start): str(item.etag) for item in found}

    def _name(self, key: str) -> str:
        return f"{self._prefix}/{checked_key(key)}" if self._prefix else checked_key(key)

    def _place(self, key: str) -> str:
        return f"minio://{self._bucket}/{self._name(key)}"

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Turns the client's errors into the store's: the user's to mend, or worth a retry."""
        try:
            yield
        except S3Error as error:
            raise self._refusal(str(error.code)) from error
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise TemporaryError(
                f"store minio://{self._bucket} does not answer for {key!r}"
                f" ({type(error).__name__}): check AWS_ENDPOINT_URL and that the server runs"
            ) from error

    def _refusal(self, code: str) -> UserError | TemporaryError:
        if code in _PASSING or code.startswith("HTTP 5"):
            return TemporaryError(f"store minio://{self._bucket} is not ready ({code})")
        if code == "NoSuchBucket":
            return UserError(f"bucket {self._bucket!r} does not exist: create it first")
        return UserError(
            f"store minio://{self._bucket} refuses the request ({code}): check the credentials in"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and what they may do in this bucket"
        )
