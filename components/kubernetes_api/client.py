"""The one door to the Kubernetes API; the only importer of the `kubernetes` package."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes.client
import kubernetes.config
import urllib3.exceptions
import yaml

from components.errors import TemporaryError, UserError
from components.kubernetes_api.errors import (
    AbsentError,
    BusyError,
    ConflictError,
    DeniedError,
    QuotaExceededError,
    RefusedError,
)

Json = dict[str, Any]
Body = Json | list[Json]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

_PAGE = 500


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is tried, and for how long: one slow server must not hold up a whole tick.

    Waits double from `first_wait_s` to `longest_wait_s`, each with up to half of it at random so
    that many clients don't come back at once.
    """

    attempts: int = 4
    first_wait_s: float = 0.2
    longest_wait_s: float = 5.0
    within_s: float = 20.0
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 10.0


class KubernetesClient:
    """Plain JSON in and out; errors as in `components.kubernetes_api.errors`.

    Repeating a call is safe for everything that is sent here (reads, patches to a stated value,
    evictions), so 429, 5xx and time-outs are tried again. A 409 never is: what it was decided on
    has changed. Safe to share between threads.
    """

    def __init__(
        self,
        api: kubernetes.client.ApiClient,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._spread = random.SystemRandom()
        self._clock = clock

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """The object at `path`."""
        return self._call("GET", path, query=query)

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        """All items of a collection, read page by page."""
        items: list[Json] = []
        page = dict(query or {}, limit=str(_PAGE))
        while True:
            answer = self._call("GET", path, query=page)
            items.extend(answer.get("items") or [])
            page["continue"] = (answer.get("metadata") or {}).get("continue") or ""
            if not page["continue"]:
                return items

    def patch(self, path: str, body: Body, content_type: str = MERGE_PATCH) -> Json:
        """Changes an object; a resourceVersion in the body makes it conditional (409)."""
        return self._call("PATCH", path, body=body, content_type=content_type)

    def put(self, path: str, body: Json) -> Json:
        """Replaces an object."""
        return self._call("PUT", path, body=body)

    def create(self, path: str, body: Json, retry_busy: bool = True) -> Json:
        """Posts an object; `retry_busy` False hands a 429 on at once."""
        return self._call("POST", path, body=body, retry_busy=retry_busy)

    def delete(self, path: str) -> Json:
        """Deletes the object at `path`."""
        return self._call("DELETE", path)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
        retry_busy: bool = True,
    ) -> Json:
        end_s = self._clock() + self._retry.within_s
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(method, path, query, body, content_type)
            except ConflictError:
                raise
            except TemporaryError as error:
                wait_s = self._wait_s(attempt, error)
                give_up = attempt >= self._retry.attempts or self._clock() + wait_s > end_s
                if give_up or (isinstance(error, BusyError) and not retry_busy):
                    raise
                self._sleep(wait_s)

    def _wait_s(self, attempt: int, error: TemporaryError) -> float:
        wait_s = self._retry.first_wait_s * 2.0 ** (attempt - 1)
        asked_s = error.retry_after_s if isinstance(error, BusyError) else 0.0
        wait_s = min(wait_s, self._retry.longest_wait_s) * self._spread.uniform(1.0, 1.5)
        return max(asked_s, wait_s)

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Body | None,
        content_type: str,
    ) -> Json:
        try:
            answer = self._api.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                response_type="object",
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _request_timeout=(self._retry.connect_timeout_s, self._retry.read_timeout_s),
            )
        except kubernetes.client.ApiException as error:
            raise _translated(method, path, error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            detail = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise TemporaryError(f"{method} {path}: no answer from the API server: {detail}") from (
                error
            )
        if not isinstance(answer, dict):
            raise TemporaryError(f"{method} {path}: the API server's answer is not a JSON object")
        return answer


def connect(kubeconfig: Path | None = None, retry: RetryPolicy | None = None) -> KubernetesClient:
    """A client for the cluster this process runs in, or for the one a kubeconfig names.

    Raises UserError when there is neither.
    """
    configuration = kubernetes.client.Configuration()
    try:
        if kubeconfig is None:
            kubernetes.config.load_incluster_config(client_configuration=configuration)
        else:
            kubernetes.config.load_kube_config(
                config_file=str(kubeconfig), client_configuration=configuration
            )
    except (kubernetes.config.ConfigException, yaml.YAMLError, OSError, TypeError) as error:
        where = f"in {kubeconfig}" if kubeconfig else "around this process"
        detail = " ".join(str(error).split())
        raise UserError(
            f"no usable cluster access {where}: {detail}; run inside a cluster or pass a kubeconfig"
        ) from error
    # Retries are made here, where a back-off and the kind of error are known.
    configuration.retries = False
    return KubernetesClient(kubernetes.client.ApiClient(configuration), retry)


def _translated(
    method: str, path: str, error: kubernetes.client.ApiException
) -> TemporaryError | UserError:
    status = int(error.status or 0)
    message = f"{method} {path}: {status} {_message(error)}"
    if status == 409:
        return ConflictError(message)
    if status == 429:
        return BusyError(message, _retry_after_s(error))
    if status == 404:
        return AbsentError(message)
    if "admission webhook" in message and "denied the request" in message:
        return DeniedError(message, status)
    if status == 403 and "exceeded quota" in message:
        return QuotaExceededError(message, status)
    if 400 <= status < 500 and status != 408:
        return RefusedError(message, status)
    return TemporaryError(message)


def _message(error: kubernetes.client.ApiException) -> str:
    try:
        text = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        text = error.reason or "no reason given"
    return " ".join(str(text).split())


def _retry_after_s(error: kubernetes.client.ApiException) -> float:
    try:
        return float((error.headers or {}).get("Retry-After", 0))
    except ValueError:
        return 0.0
