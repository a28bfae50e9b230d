"""The HTTP session to a Prometheus: who we say we are, whom we trust, and a fast decoder.

`requests` decodes JSON with the standard library; a range of many samples spends most of its
client time there, so answers go through `decoding`. What answers in Prometheus' place is asked for
the whole truth or none:

| parameter               | who knows it     | what it asks for                                  |
|-------------------------|------------------|---------------------------------------------------|
| dedup=true              | Thanos           | replicas of Prometheus told once                  |
| partial_response=false  | Thanos           | an error where a store doesn't answer             |
| deny_partial_response=1 | VictoriaMetrics  | an error where a storage node doesn't answer      |
| nocache=1               | VictoriaMetrics  | the samples themselves, also of the last minute   |

Prometheus and Mimir ignore all four. A server at a plain http address is a neighbour: it is asked
not to compress, which takes Prometheus several times as long as finding the samples and sending
them. One behind https may be far away, and compresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from components.errors import UserError
from components.metrics.decoding import decoded

_PREFIX = "AWARE_PROMETHEUS_"
_WHOLE = {
    "dedup": "true",
    "partial_response": "false",
    "deny_partial_response": "1",
    "nocache": "1",
}
# Some proxies refuse longer addresses than 8 KiB; a query for many workloads is longer.
LONGEST_IN_ADDRESS = 4_000
# What newer servers remark about a query; everything else says that data is missing.
_REMARKS = ("PromQL warning:", "PromQL info:")


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in: a bearer token (itself or its file), user and password, a client certificate.

    `ca_file` is trusted instead of the system's authorities; TLS is always verified. A token file
    is read again for each request, since Kubernetes rotates it. `tenant` is whose data is asked
    for, where several share a Mimir, Cortex or Thanos (the header X-Scope-OrgID).
    """

    token: str = ""
    token_file: str = ""
    user: str = ""
    password: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    tenant: str = ""

    def __post_init__(self) -> None:
        if bool(self.token) + bool(self.token_file) + bool(self.user) > 1:
            raise UserError(
                f"Prometheus gets one credential: set one of {_PREFIX}TOKEN, {_PREFIX}TOKEN_FILE"
                f" and {_PREFIX}USER"
            )
        if bool(self.cert_file) != bool(self.key_file):
            raise UserError(f"set {_PREFIX}CERT_FILE and {_PREFIX}KEY_FILE together or neither")
        if not _is_header(self.tenant):
            raise UserError(f"{_PREFIX}TENANT holds what no HTTP header may; give the plain name")
        named = {
            "TOKEN_FILE": self.token_file,
            "CA_FILE": self.ca_file,
            "CERT_FILE": self.cert_file,
            "KEY_FILE": self.key_file,
        }
        for name, path in named.items():
            if path and not Path(path).is_file():
                raise UserError(f"{_PREFIX}{name} is {path}, which is no file; mount it there")


def access_from(environment: Mapping[str, str]) -> Access:
    """Return the access that AWARE_PROMETHEUS_* variables describe; unset ones are left out."""
    return Access(
        **{name: environment.get(_PREFIX + name.upper(), "") for name in Access.__slots__}
    )


def _is_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()


def session_of(access: Access) -> requests.Session:
    """Return a session that sends the access' credentials and decodes answers fast."""
    session = _DecodingSession()
    if access.token or access.token_file:
        session.auth = _Bearer(access)
    elif access.user:
        session.auth = HTTPBasicAuth(access.user.encode(), access.password.encode())
    if access.tenant:
        session.headers["X-Scope-OrgID"] = access.tenant
    if access.ca_file:
        session.verify = access.ca_file
    if access.cert_file:
        session.cert = (access.cert_file, access.key_file)
    return session


class _Bearer(AuthBase):
    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._access.token or Path(self._access.token_file).read_text(encoding="utf-8")
        request.headers["Authorization"] = f"Bearer {token.strip()}"
        return request


class PartialAnswerError(requests.RequestException):
    """The server answered with a part of what it should know."""


class _Response(requests.Response):
    def json(self, **_options: Any) -> Any:
        try:
            value = decoded(self.content)
        except ValueError as error:
            raise requests.JSONDecodeError(str(error), "", 0) from error
        if missing := _missing_data(value):
            raise PartialAnswerError(missing)
        return value


def _missing_data(value: Any) -> str:
    """Return what the answer says is missing from it, as Thanos and VictoriaMetrics do."""
    if not isinstance(value, dict):
        return ""
    warnings = value.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        if not str(warning).startswith(_REMARKS):
            return str(warning)[:200]
    return "a storage node didn't answer" if value.get("isPartial") is True else ""


class _DecodingSession(requests.Session):
    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        asked = {**(options.pop("params", None) or {}), **_WHOLE}
        if str(url).startswith("http://"):
            options["headers"] = {**(options.get("headers") or {}), "Accept-Encoding": "identity"}
        if len(str(asked.get("query", ""))) > LONGEST_IN_ADDRESS:
            return super().request("POST", url, data=asked, **options)
        return super().request(method, url, params=asked, **options)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = super().send(request, **options)
        decoding = _Response()
        vars(decoding).update(vars(answer))
        return decoding
