"""The one module that talks to Prometheus, or to what speaks its HTTP API."""

from __future__ import annotations

import ast
import json
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util.retry import Retry

from components.errors import TemporaryError, UserError
from components.metrics.grid import STEP_MS, Grid
from components.metrics.series import Series
from components.metrics.session import Access, PartialAnswerError, session_of

ATTEMPTS = 5
CONNECT_ATTEMPTS = 3
BACKOFF_S = 0.5
LONGEST_PAUSE_S = 20
# Overload, a proxy's or a server's restart, and a query that timed out (503).
_WORTH_A_RETRY = (408, 429, 500, 502, 503, 504)


class PrometheusClient:
    """Asks one Prometheus; a call is tried a few times, with back-off and jitter between.

    A Retry-After of the server's is kept to. Threads may share a client.

    Raises UserError for what a user can mend (address, credentials, a bad query), TemporaryError
    for a server that goes on failing.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float,
        backoff_s: float = BACKOFF_S,
        access: Access | None = None,
    ) -> None:
        self._shown_url = _without_credentials(url)
        retry = Retry(
            total=ATTEMPTS - 1,
            connect=CONNECT_ATTEMPTS - 1,
            status_forcelist=_WORTH_A_RETRY,
            # A long query is posted, and asks all the same.
            allowed_methods=("GET", "POST"),
            backoff_factor=backoff_s,
            backoff_jitter=backoff_s,
            backoff_max=LONGEST_PAUSE_S,
            retry_after_max=LONGEST_PAUSE_S,
            raise_on_status=False,
        )
        self._backoff_s = backoff_s
        self._spread = random.SystemRandom()
        self._connection = PrometheusConnect(
            url=url.rstrip("/"),
            retry=retry,
            timeout=timeout_s,
            session=session_of(access or Access()),
        )

    def check(self) -> None:
        """Ask for a constant: that works where `/` and `/-/ready` don't (proxies, Mimir)."""
        try:
            self._connection.custom_query("vector(1)")
        except requests.ConnectionError as error:
            raise UserError(
                f"can't reach a Prometheus at {self._shown_url}; check the address and that it runs"
            ) from error
        except (requests.RequestException, PrometheusApiClientException, KeyError) as error:
            self._refuse("vector(1)", error)

    def clock_ms(self) -> int | None:
        """Return the server's clock (ms since 1970), None where its answer holds no time."""
        query = "vector(1)"
        answer = self._answer(query, lambda: self._connection.custom_query(query))
        return int(_series({}, [answer[0]["value"]]).times_ms[0]) if answer else None

    def knows(self, query: str) -> bool:
        """Return whether the server understands the query, whatever it answers."""
        try:
            self.at(query, 0)
        except UserError:
            return False
        return True

    def over(self, query: str, page: Grid) -> list[Series]:
        """Return the query's series at the page's times (at most 11,000 steps)."""
        first, last = page.first_ms / 1000, page.last_ms / 1000
        answer = self._answer(
            query,
            lambda: self._connection.custom_query_range(
                query,
                start_time=datetime.fromtimestamp(first, UTC),
                end_time=datetime.fromtimestamp(last, UTC),
                step=f"{STEP_MS // 1000}s",
            ),
        )
        return [_series(item["metric"], item["values"]) for item in answer if "values" in item]

    def at(self, query: str, time_ms: int) -> list[Series]:
        """Return the query's series, each with its one sample at the time."""
        answer = self._answer(
            query,
            lambda: self._connection.custom_query(query, params={"time": time_ms / 1000}),
        )
        return [_series(item["metric"], [item["value"]]) for item in answer if "value" in item]

    def _answer(self, query: str, ask: Callable[[], Any]) -> Any:
        """Return what `ask` returns; a partial answer is asked for again, as an overload is."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return ask()
            except PartialAnswerError as error:
                if attempt == ATTEMPTS:
                    self._refuse(query, error)
                pause_s = self._backoff_s * (2 ** (attempt - 1) + self._spread.random())
                time.sleep(min(pause_s, LONGEST_PAUSE_S))
            except (requests.RequestException, PrometheusApiClientException, KeyError) as error:
                self._refuse(query, error)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _refuse(self, query: str, error: Exception) -> NoReturn:
        where = f"Prometheus at {self._shown_url}"
        if isinstance(error, PartialAnswerError):
            raise TemporaryError(
                f"{where} knows only a part of the answer ({error}); run again when all of its"
                " stores are up"
            ) from error
        if isinstance(error, requests.JSONDecodeError | KeyError):
            raise UserError(
                f"{self._shown_url} answers, but not as a Prometheus; check the address"
            ) from error
        if isinstance(error, requests.RequestException):
            raise TemporaryError(
                f"{where} stopped answering ({type(error).__name__}); run again when it is up"
            ) from error
        status, reason = _status_and_reason(str(error))
        if status in _WORTH_A_RETRY:
            raise TemporaryError(
                f"{where} answers {status} after {ATTEMPTS} attempts{reason}; run again later"
            ) from error
        if status in (401, 403):
            raise UserError(
                f"{where} refuses us ({status}{reason}); set AWARE_PROMETHEUS_TOKEN, or _USER and"
                " _PASSWORD, or _TENANT where several share it"
            ) from error
        if status == 404:
            raise UserError(
                f"{self._shown_url} answers, but not as a Prometheus (404); check the address"
            ) from error
        raise UserError(f"{where} refuses the query {query} ({status}{reason})") from error


def _series(labels: dict[str, str], values: Any) -> Series:
    pairs = np.asarray(values, dtype=np.float64).reshape(-1, 2)
    return Series(
        labels=labels,
        times_ms=np.rint(1000 * pairs[:, 0]).astype(np.int64),
        values=pairs[:, 1].copy(),
    )


def _status_and_reason(message: str) -> tuple[int, str]:
    """Return the status that the client put into its message, and the server's own words.

    Prometheus says its error in JSON, Mimir and proxies in plain text, some proxies as a page.
    """
    found = re.fullmatch(r"HTTP Status Code (\d+) \((b['\"].*)\)", message, re.DOTALL)
    if not found:
        return 0, ""
    body = bytes(ast.literal_eval(found[2])).decode("utf-8", errors="replace")
    try:
        words = str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        words = "" if body.lstrip().startswith("<") else body
    words = " ".join(words.split())[:200]
    return int(found[1]), f": {words}" if words else ""


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
