"""The recommender as a program: one tick after another, one deciding process of several."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components.artifacts.open import open_store
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import KubernetesClient, connect
from components.kubernetes_api.leases import LeaseHolder
from components.page.costs import Prices
from components.page.server import page_server
from components.recommender.exposition import Figures, running, serving
from components.recommender.live_page import LivePage
from components.recommender.options import address_of, parser, telemetry_of, verification_key
from components.recommender.settings import RecommenderSettings
from components.recommender.telemetry_source import TelemetrySource
from components.recommender.tick import COMPONENT, Recommender

_log = logging.getLogger(__name__)

# Renewed several times within its duration, also between ticks.
LEASE_S = 60
RENEW_S = 10.0
# So many missed ticks in a row, and the process is better started anew.
_MISSED_TICKS = 5


@dataclass
class Service:
    """Ticks while this process holds the Lease; what fails is told and tried again."""

    client: KubernetesClient
    telemetry: TelemetrySource
    store: Store | None
    settings: RecommenderSettings
    lease: LeaseHolder
    clock: Callable[[], float] = time.monotonic
    figures: Figures = field(default_factory=Figures)
    verification_key: Ed25519PublicKey | None = None
    page: LivePage | None = None
    recommender: Recommender | None = None

    def __post_init__(self) -> None:
        self._alive_s = self.clock()
        self._due_s = self.clock()
        self._heard = False

    def live(self) -> bool:
        """Whether the loop still turns."""
        longest_s = _MISSED_TICKS * max(self.settings.tick_s, LEASE_S)
        return self.clock() - self._alive_s < longest_s

    def ready(self) -> bool:
        """Whether the API server has answered: a process that waits for the Lease is ready too."""
        return self._heard

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; the Lease is given up then."""
        pause_s = min(RENEW_S, self.settings.tick_s)
        while not stop.is_set():
            _told(self.once)
            self._alive_s = self.clock()
            stop.wait(pause_s)
        _told(self.lease.release)

    def once(self) -> None:
        """Renews the Lease and makes the tick that is due."""
        held = self.lease.hold()
        self._heard = True
        if not held:
            # What another process decides meanwhile is read anew when it is our turn.
            self.recommender = None
            if self.page is not None:
                self.page.wait("This replica waits: the one that holds the Lease decides, ask it.")
            return
        if self.clock() < self._due_s:
            return
        started_s = self.clock()
        self._due_s = started_s + self.settings.tick_s
        capabilities = discover(self.client)
        if self.recommender is None:
            self.recommender = Recommender(
                self.client,
                capabilities,
                self.telemetry,
                self.store,
                self.settings,
                self.figures,
                verification_key=self.verification_key,
                page=self.page,
            )
        self.recommender.capabilities = capabilities
        done = self.recommender.tick()
        self.figures.tick_took_s(self.clock() - started_s)
        held_count = sum(item.held for item in done)
        _log.info("%d workloads, %d of them held at the last good", len(done), held_count)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 when the user has something to put right."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        service = _service(options)
        host, port = address_of(options.listen, "--listen")
        with ExitStack() as served:
            served.enter_context(serving(host, port, service.figures, service.live, service.ready))
            if service.page is not None:
                served.enter_context(page_served(options.page, service.page))
            service.run(stop)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"can't listen on {options.listen}: {error.strerror}; give --listen\n")
        return 2
    return 0


@contextmanager
def page_served(address: str, page: LivePage) -> Iterator[int]:
    """Serves the page meanwhile; yields its port. Raises UserError when it can't be had."""
    host, number = address_of(address, "--page")
    with running(page_server(host, number, page.document, "--page")) as port:
        yield port


def _service(options: argparse.Namespace) -> Service:
    store = open_store(options.store, os.environ) if options.store else None
    client = connect(options.kubeconfig)
    return Service(
        client=client,
        telemetry=telemetry_of(options),
        store=store,
        settings=RecommenderSettings(tick_s=options.tick_seconds),
        lease=LeaseHolder(client, options.namespace, COMPONENT, options.identity, LEASE_S),
        verification_key=verification_key(options.verification_key),
        page=(
            LivePage(options.store, Prices(options.core_price, options.gib_price))
            if options.page
            else None
        ),
    )


def _told(step: Callable[[], object]) -> None:
    try:
        step()
    except (TemporaryError, UserError) as error:
        _log.warning("%s", error)
    except Exception:  # noqa: BLE001 - a loop that ends recommends nothing any more
        _log.exception("a fault of the recommender itself")


if __name__ == "__main__":
    sys.exit(main())
