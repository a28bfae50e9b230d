"""Where Kubeflow Pipelines answers and who asks: settings, and a client that gives up in time.

Secrets come from the environment or a mounted file, never from the command line, where every
process of the machine could read them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from kfp.client import Client, ServiceAccountTokenVolumeCredentials

from components.errors import UserError

HOST_VARIABLE = "KF_PIPELINES_ENDPOINT"
NAMESPACE_VARIABLE = "AWARE_KUBEFLOW_NAMESPACE"
TOKEN_VARIABLE = "AWARE_KUBEFLOW_TOKEN"  # noqa: S105 (a name)
COOKIE_VARIABLE = "AWARE_KUBEFLOW_COOKIE"
TOKEN_FILE_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 (a name)
# Where a pod finds the token that Kubernetes projects for Kubeflow Pipelines.
PROJECTED_TOKEN = "/var/run/secrets/kubeflow/pipelines/token"  # noqa: S105 (a name)

CONNECT_TIMEOUT_S = 10
ATTEMPTS = 3
BACKOFF_S = 0.5


@dataclass(frozen=True, slots=True)
class Server:
    """A kfp client, its address for messages, and the namespace to act in."""

    client: Any
    host: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Address, namespace (empty where Kubeflow has one user only) and at most one credential."""

    host: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    cookie: str = field(default="", repr=False)
    ca_file: str = ""
    timeout_s: int = 60


def connection(
    host: str, namespace: str, ca_file: str, timeout_s: int, environment: Mapping[str, str]
) -> Connection:
    """Return the settings, secrets taken from `environment`.

    Raises UserError without an address, with two credentials, for a file that is missing, and
    where a credential would travel unencrypted to another machine.
    """
    address = host or environment.get(HOST_VARIABLE, "")
    if not address:
        raise UserError(f"no address of Kubeflow Pipelines: give --host or set {HOST_VARIABLE}")
    if "://" not in address:
        address = f"https://{address}"
    token = environment.get(TOKEN_VARIABLE, "")
    cookie = environment.get(COOKIE_VARIABLE, "")
    token_file = environment.get(TOKEN_FILE_VARIABLE, "")
    if not (token or cookie or token_file) and os.path.isfile(PROJECTED_TOKEN):
        token_file = PROJECTED_TOKEN
    given = [
        name
        for name, value in (
            (TOKEN_VARIABLE, token),
            (COOKIE_VARIABLE, cookie),
            (TOKEN_FILE_VARIABLE, token_file),
        )
        if value
    ]
    if len(given) > 1:
        raise UserError(f"{given[0]} and {given[1]} are both set: keep one of them")
    for path in (token_file, ca_file):
        if path and not Path(path).is_file():
            raise UserError(f"{path} is no file: a token's or certificate's file is expected there")
    _require_encryption(address, bool(given))
    return Connection(
        host=address.rstrip("/"),
        namespace=namespace or environment.get(NAMESPACE_VARIABLE, ""),
        token=token,
        token_file=token_file,
        cookie=cookie,
        ca_file=ca_file,
        timeout_s=timeout_s,
    )


def _require_encryption(address: str, has_credential: bool) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{address} is no address of Kubeflow Pipelines: give https://HOST")
    if parts.username or parts.password:
        raise UserError(f"the address holds a password: set {TOKEN_VARIABLE} instead")
    if parts.scheme == "http" and has_credential and not _stays_inside(parts.hostname):
        raise UserError(f"{address} would carry the credential in clear: use https://")


def _stays_inside(hostname: str) -> bool:
    """Whether the name is this machine's or a cluster's own, where the mesh encrypts."""
    if hostname == "localhost" or hostname.endswith((".svc", ".svc.cluster.local")):
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        # SERVICE or SERVICE.NAMESPACE: resolvable only inside of the cluster.
        return hostname.count(".") == 0 or hostname.startswith("ml-pipeline.")


def open_client(settings: Connection) -> Any:
    """Return a `kfp.Client`; nothing is asked of the server yet.

    Reading is tried three times; what changes something is tried once, since the answer may be
    lost after the change was made. A redirection is never followed: it leads to a login page.
    """
    credentials = (
        ServiceAccountTokenVolumeCredentials(settings.token_file) if settings.token_file else None
    )
    client = Client(
        host=settings.host,
        existing_token=settings.token or None,
        cookies=settings.cookie or None,
        credentials=credentials,
        ssl_ca_cert=settings.ca_file or None,
        # Any name but the default one keeps the constructor from asking the server, without end.
        namespace=settings.namespace or "-",
    )
    client._context_setting["namespace"] = settings.namespace  # noqa: SLF001 (no other way)
    rest = raw_api(client).rest_client
    rest.pool_manager.connection_pool_kw["retries"] = urllib3.Retry(
        total=ATTEMPTS - 1,
        redirect=False,
        backoff_factor=BACKOFF_S,
        status_forcelist=(429, 502, 503, 504),
        allowed_methods=("GET",),
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    plain = rest.request

    def within_time(method: str, url: str, **arguments: Any) -> Any:
        arguments["_request_timeout"] = (CONNECT_TIMEOUT_S, settings.timeout_s)
        answer = plain(method, url, **arguments)
        # A login page of a proxy would pass for an empty list.
        if arguments.get("_preload_content", True) and not answer.data.lstrip().startswith(b"{"):
            raise ValueError("a page for people")
        return answer

    rest.request = within_time
    return client


def raw_api(client: Any) -> Any:
    """Return the generated API client under a `kfp.Client`, for what that one leaves out."""
    return client._run_api.api_client  # noqa: SLF001 (kfp shows it nowhere else)
