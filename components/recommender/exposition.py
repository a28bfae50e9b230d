"""What the recommender shows of itself: Prometheus metrics, and whether it lives and is ready."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from components.recommender.explanation_figures import ExplanationFigures
from components.recommender.phase_state import PHASES
from components.recommender.recommendation import Recommendation


class Figures:
    """The metrics of one recommender."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ticks = Counter("aware_recommender_ticks", "Ticks made.", registry=self.registry)
        self._tick_s = Histogram(
            "aware_recommender_tick_seconds", "Time of a tick.", registry=self.registry
        )
        self._decide_s = Histogram(
            "aware_recommender_decide_seconds",
            "Time in which incumbent and policy decided for all workloads.",
            registry=self.registry,
        )
        self._last = Gauge(
            "aware_recommender_last_tick_timestamp_seconds",
            "When the last tick was made.",
            registry=self.registry,
        )
        self._workloads = Gauge(
            "aware_recommender_workloads",
            "Workloads by phase and by who decided.",
            ("phase", "decided"),
            registry=self.registry,
        )
        self._refused = Gauge(
            "aware_recommender_refused_objects",
            "Objects that can't be decided on.",
            registry=self.registry,
        )
        self._reasons = Counter(
            "aware_recommender_guard",
            "How often a recommendation wasn't what was proposed, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._writes = Counter(
            "aware_recommender_status_writes", "Statuses written.", registry=self.registry
        )
        self._explanations = ExplanationFigures()
        self.registry.register(self._explanations)
        self._failures = Counter(
            "aware_recommender_failures",
            "What failed and is tried again.",
            ("what",),
            registry=self.registry,
        )

    def ticked(
        self, recommendations: Sequence[Recommendation], refused: int, written: int, now_s: float
    ) -> None:
        """Counts one tick."""
        self._ticks.inc()
        self._last.set(now_s)
        self._refused.set(refused)
        self._writes.inc(written)
        tally = Tally((item.phase.phase, item.conditions()[0].reason) for item in recommendations)
        self._workloads.clear()
        for phase in PHASES:
            for (found, decided), count in tally.items():
                if found == phase:
                    self._workloads.labels(phase, decided).set(count)
        for item in recommendations:
            for reason in item.reasons:
                self._reasons.labels(reason.code).inc()

    def explained(self, news: Sequence[Recommendation]) -> None:
        """Shows the explanations of what is news, instead of those that are older."""
        self._explanations.show(news)

    def decided_s(self, seconds: float) -> None:
        """Counts the time of one batched decision."""
        self._decide_s.observe(seconds)

    def tick_took_s(self, seconds: float) -> None:
        """Counts the time of one tick."""
        self._tick_s.observe(seconds)

    def failed(self, what: str) -> None:
        """Counts a failure that a later tick may not meet."""
        self._failures.labels(what).inc()


@contextmanager
def serving(
    host: str, port: int, figures: Figures, live: Callable[[], bool], ready: Callable[[], bool]
) -> Iterator[int]:
    """Serves /metrics, /healthz and /readyz meanwhile; yields the port (0: a free one is taken).

    Raises OSError when the address can't be had.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(figures.registry), CONTENT_TYPE_LATEST)
            elif self.path in ("/healthz", "/readyz"):
                good = live() if self.path == "/healthz" else ready()
                self._answer(200 if good else 503, b"ok\n" if good else b"no\n", "text/plain")
            else:
                self._answer(404, b"not found\n", "text/plain")

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds: they aren't news."""

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    with running(server) as taken:
        yield taken


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    """Answers requests in a thread of its own meanwhile; yields the port."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
