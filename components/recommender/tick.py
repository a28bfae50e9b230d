"""One tick over all workloads: read, propose, guard, write, advance the phases."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components.artifacts.store import Store
from components.cluster import sample as smp
from components.errors import TemporaryError, UserError
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.events import NORMAL, WARNING, post_event
from components.kubernetes_api.names import RECOMMENDER_SERVICE
from components.recommender.cluster_reading import ClusterReader, Reading
from components.recommender.deciding import Decider, Wish
from components.recommender.decisions import Controllers, Proposals
from components.recommender.explaining import Basis, explained
from components.recommender.exposition import Figures
from components.recommender.interval_evidence import IntervalEvidence
from components.recommender.live_page import LivePage
from components.recommender.memory_store import MemoryStore
from components.recommender.phase_state import INCUMBENT, SHADOW
from components.recommender.phases import Phases
from components.recommender.policies import LoadedPolicy, Policies
from components.recommender.recommendation import Recommendation, refusal
from components.recommender.settings import RecommenderSettings
from components.recommender.status import Told, write_recommendation, write_refusal
from components.recommender.subject import Subject
from components.recommender.subject_rows import SubjectRows, rows_of
from components.recommender.telemetry_batch import Batch, Flags, batch_of
from components.recommender.telemetry_source import Recent, TelemetrySource, nothing_known

_log = logging.getLogger(__name__)
COMPONENT = RECOMMENDER_SERVICE
Refused = Sequence[tuple[MultidimPodAutoscaler, str]]


@contextmanager
def uncollected() -> Iterator[None]:
    """Without cyclic garbage collection meanwhile.

    A tick makes some hundred thousand objects that live until its end: the collector would walk
    over them again and again and find nothing.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@dataclass
class Recommender:
    """Brings every status to what telemetry, policy and guard say now.

    Level-triggered: each tick starts from the cluster, the store and telemetry as they are.
    """

    client: KubernetesClient
    capabilities: Capabilities
    telemetry: TelemetrySource
    store: Store | None
    settings: RecommenderSettings
    figures: Figures
    wall_clock: Callable[[], float] = time.time
    controllers: Controllers = field(default_factory=Controllers)
    verification_key: Ed25519PublicKey | None = None
    page: LivePage | None = None

    def __post_init__(self) -> None:
        self.policies = Policies(self.store, self.settings.workers, self.verification_key)
        self.phases = Phases(self.store, self.settings)
        self.decider = Decider(self.settings)
        self.memories = MemoryStore(self.store, self.settings.save_every)
        self.evidence = IntervalEvidence(self.settings.guard)
        self.reader = ClusterReader()
        self.told = Told()
        self.basis: Basis | None = None

    def tick(self) -> list[Recommendation]:
        """Decides once for all workloads.

        Raises what the client raises only where the cluster as a whole can't be read; whatever
        else fails holds or is the incumbent's, and is told in the conditions and the log.
        """
        with uncollected():
            reading = self.reader.read(self.client, self.capabilities)
            now_s = self.wall_clock()
            recommendations = self.decide(reading, now_s)
            news = self.explain(self.told.news(recommendations))
            written = self.write(news, reading.refused, now_s)
            if self.page is not None and self.basis is not None:
                self.page.show(recommendations, news, self.basis, now_s)
        self.figures.ticked(recommendations, len(reading.refused), written, now_s)
        return recommendations

    def explain(self, news: Sequence[Recommendation]) -> list[Recommendation]:
        """What is news, with the reasons for it."""
        if self.basis is None:
            return list(news)
        done = explained(news, self.basis, self.controllers)
        self.figures.explained(done)
        return done

    def write(self, news: Sequence[Recommendation], refused: Refused, now_s: float) -> int:
        """Writes what is new into the statuses; how many were written."""
        with ThreadPoolExecutor(self.settings.workers) as threads:
            written = list(threads.map(lambda item: self._write(item, now_s), news))
            written += threads.map(lambda item: self._refuse(item[0], item[1], now_s), refused)
        return sum(written)

    def decide(self, reading: Reading, now_s: float) -> list[Recommendation]:
        """The recommendations for what was read; phases are advanced, nothing is written."""
        subjects = reading.subjects
        keys = [item.key for item in subjects]
        self.policies.refresh(subjects)
        self.phases.load(subjects)
        rows = rows_of(subjects)
        batch = batch_of(self._recent(subjects, now_s), rows.current)
        self.memories.forget(self.controllers.align(keys, rows.current))
        self.controllers.recall(self.memories.read(keys))
        unread = self.memories.unread(keys)
        started_s = time.perf_counter()
        loaded = self.policies.loaded()
        proposals = self.controllers.propose(rows, loaded, batch, unread)
        self.figures.decided_s(time.perf_counter() - started_s)
        self._advance(subjects, loaded, rows, batch, proposals, now_s)
        acts = np.array([self.phases.acts(item, self.policies) for item in subjects], dtype=bool)
        followed = acts & np.array([item.followed for item in subjects], dtype=bool)
        self.controllers.hand_over(followed, rows, loaded, proposals, unread)
        for _ in range(self.memories.save(keys, self.controllers.remembered, now_s)):
            self.figures.failed("memories")
        self.basis = Basis(
            {key: row for row, key in enumerate(keys)},
            rows,
            batch,
            proposals,
            loaded,
        )
        wish = self._wish(subjects, batch, proposals, acts, now_s)
        return self.decider.decide(subjects, rows, wish, now_s)

    def _recent(self, subjects: Sequence[Subject], now_s: float) -> Recent:
        try:
            return self.telemetry.recent([item.workload for item in subjects], now_s)
        except (TemporaryError, UserError) as error:
            _log.warning("no telemetry: %s", error)
            self.figures.failed("telemetry")
            return nothing_known(len(subjects))

    def _wish(
        self,
        subjects: Sequence[Subject],
        batch: Batch,
        proposals: Proposals,
        acts: Flags,
        now_s: float,
    ) -> Wish:
        """What the one that acts proposes for each; acts [B]: whether that is the policy."""
        unlike = np.zeros(len(subjects), dtype=bool)
        for row in np.flatnonzero(acts).tolist():
            loaded = self.policies.loaded_one(subjects[row].key)
            assert loaded is not None
            unlike[row] = loaded.is_unlike(float(batch.samples[row, -1, smp.REQUEST_RATE_PER_S]))
        return Wish(
            proposed=np.where(acts[:, None], proposals.policy, proposals.incumbent),
            by_policy=acts,
            evidence=batch.evidence(now_s, acts, unlike),
            phases=[self.phases.state(item.key) for item in subjects],
            problems=[self.policies.problems.get(item.key, "") for item in subjects],
        )

    def _advance(
        self,
        subjects: Sequence[Subject],
        loaded: Mapping[str, LoadedPolicy],
        rows: SubjectRows,
        batch: Batch,
        proposals: Proposals,
        now_s: float,
    ) -> None:
        """One interval further for each workload that let a policy in and showed something new."""
        keys = [item.key for item in subjects]
        phases = [self.phases.state(key).phase for key in keys]
        shadowed = {
            row: loaded[key]
            for row, key in enumerate(keys)
            if phases[row] == SHADOW and key in loaded
        }
        seen = self.evidence.of(keys, shadowed, rows, batch, proposals, now_s)
        for row, subject in enumerate(subjects):
            if subject.gate_open or phases[row] != INCUMBENT:
                self.phases.advance(subject, self.policies, seen[row], now_s)
                if self.phases.state(subject.key).phase != phases[row]:
                    self._tell_phase(subject, phases[row], now_s)

    def _tell_phase(self, subject: Subject, before: str, now_s: float) -> None:
        state = self.phases.state(subject.key)
        words = f"{before} to {state.phase}: {state.message}"
        kind = WARNING if state.phase == INCUMBENT else NORMAL
        _log.info("%s: %s", subject.key, words)
        try:
            post_event(self.client, subject.autoscaler, COMPONENT, kind, state.reason, words, now_s)
        except (TemporaryError, UserError) as error:
            _log.warning("%s: an Event can't be written: %s", subject.key, error)

    def _write(self, recommendation: Recommendation, now_s: float) -> bool:
        try:
            return write_recommendation(self.client, recommendation, now_s)
        except (TemporaryError, UserError) as error:
            key = recommendation.subject.key
            _log.warning("%s: its status can't be written: %s", key, error)
            self.figures.failed("status")
            return False

    def _refuse(self, mine: MultidimPodAutoscaler, message: str, now_s: float) -> bool:
        try:
            return write_refusal(self.client, mine, refusal(message), now_s)
        except (TemporaryError, UserError) as error:
            _log.warning("%s: its status can't be written: %s", mine.key, error)
            self.figures.failed("status")
            return False
