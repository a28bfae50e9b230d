"""What Kubeflow Pipelines or the way to it refused, in one line that says what to do."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

import urllib3
from kfp_server_api import ApiException

from components.errors import UserError
from pipelines.kubeflow_connection import COOKIE_VARIABLE, TOKEN_VARIABLE

MESSAGE_CHARACTERS = 300

_ADVICE = {
    400: "mend what it names",
    401: f"the credential is missing or expired: renew {TOKEN_VARIABLE} or {COOKIE_VARIABLE}",
    403: "this user may not do that: check --namespace and the role binding kubeflow-edit",
    404: "it doesn't exist: check the name and --namespace",
    409: "it exists already or another client changed it: look at it, then run this again",
    413: "the pipeline is too large for the server: see its limit on uploads",
    429: "the server is asked too much: wait a minute, then run this again",
}
_LOGIN = f"it sends to a login page: set {COOKIE_VARIABLE} or {TOKEN_VARIABLE} of a session"


@contextlib.contextmanager
def told_in_one_line(doing: str, host: str) -> Iterator[None]:
    """Turn what kfp raises in the block into UserError; kfp's own prints are dropped."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except ApiException as error:
        raise UserError(f"{doing} failed: {_refusal(error, host)}") from error
    except urllib3.exceptions.HTTPError as error:
        raise UserError(f"{doing} failed: {_no_answer(error, host)}") from error
    except OSError as error:
        raise UserError(f"{doing} failed: {error.strerror or error}: check the file") from error
    except ValueError as error:
        raise UserError(f"{doing} failed: {host} answered with what isn't its API: {error}") from (
            error
        )


def _refusal(error: Any, host: str) -> str:
    status = error.status or 0
    if status == 0:
        return f"no secure connection to {host} ({_short(error.reason)}): see --ca-file"
    if 300 <= status < 400:
        return f"{host} answered {status}: {_LOGIN}"
    if status >= 500:
        advice = "the server is at fault: wait, see its log, then run this again"
    else:
        advice = _ADVICE.get(status, "check the address and the request")
    said = _said(error.body)
    return f"{host} answered {status}{f' ({said})' if said else ''}: {advice}"


def _no_answer(error: Exception, host: str) -> str:
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return f"nothing listens at {host}: check --host and the port forwarding"
    if isinstance(cause, urllib3.exceptions.TimeoutError):
        return f"{host} gave no answer in time: wait, or raise --timeout; nothing may have changed"
    return f"the connection to {host} broke ({_short(cause)}): run this again"


def _said(body: Any) -> str:
    """Return the server's message from its JSON, or the beginning of whatever it sent."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    try:
        document = json.loads(body)
        told = document.get("message") or document.get("error") or ""
    except (TypeError, ValueError, AttributeError):
        told = body or ""
    return _short(told)


def _short(told: Any) -> str:
    line = " ".join(str(told).split())
    return line if len(line) <= MESSAGE_CHARACTERS else line[: MESSAGE_CHARACTERS - 1] + "…"
