"""One tick over all workloads: read, propose, guard, write, advance the phases."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from components.artifacts.store import Store
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.errors import TemporaryError, UserError
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.events import NORMAL, WARNING, post_event
from components.recommender.allocation import Proposal
from components.recommender.cluster_reading import Reading, read_cluster
from components.recommender.deciding import Decider
from components.recommender.decisions import Controllers, Proposals
from components.recommender.exposition import Figures
from components.recommender.phase_state import INCUMBENT, SHADOW
from components.recommender.phases import Phases, Seen
from components.recommender.policies import Policies
from components.recommender.recommendation import Recommendation, is_number, refusal
from components.recommender.reversals import Reversals
from components.recommender.settings import RecommenderSettings
from components.recommender.status import write_recommendation, write_refusal
from components.recommender.subject import Subject
from components.recommender.telemetry_batch import Batch, batch_of
from components.recommender.telemetry_source import TelemetrySource
from components.recommender.violations import (
    expected_violation,
    measured_violations,
    oom_kills,
)

_log = logging.getLogger(__name__)
COMPONENT = "aware-recommender"


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

    def __post_init__(self) -> None:
        self.policies = Policies(self.store, self.settings.workers)
        self.phases = Phases(self.store, self.settings)
        self.decider = Decider(self.settings)
        self.reversals = Reversals()

    def tick(self) -> list[Recommendation]:
        """Decides once for all workloads.

        Raises what the client raises only where the cluster as a whole can't be read; whatever
        else fails holds or is the incumbent's, and is told in the conditions and the log.
        """
        reading = read_cluster(self.client, self.capabilities)
        now_s = self.wall_clock()
        recommendations = self.decide(reading, now_s)
        with ThreadPoolExecutor(self.settings.workers) as threads:
            written = list(threads.map(lambda item: self._write(item, now_s), recommendations))
            written += threads.map(
                lambda item: self._refuse(item[0], item[1], now_s), reading.refused
            )
        self.figures.ticked(recommendations, len(reading.refused), sum(written), now_s)
        return recommendations

    def decide(self, reading: Reading, now_s: float) -> list[Recommendation]:
        """The recommendations for what was read; phases are advanced, nothing is written."""
        subjects = reading.subjects
        self.policies.refresh(subjects)
        self.phases.load(subjects)
        frames = self._frames(subjects, now_s)
        current = np.array([item.current.values for item in subjects], dtype=np.float64)
        current = current.reshape(len(subjects), 3)
        batch = batch_of(frames, subjects, current)
        started_s = time.perf_counter()
        proposals = self.controllers.propose(subjects, self.policies.loaded(), batch, current)
        self.figures.decided_s(time.perf_counter() - started_s)
        self._advance(subjects, batch, proposals, current, now_s)
        return self.decider.decide(
            subjects,
            batch,
            proposals.incumbent,
            proposals.policy,
            self.phases,
            self.policies,
            now_s,
        )

    def _frames(self, subjects: Sequence[Subject], now_s: float) -> Mapping[str, pd.DataFrame]:
        try:
            return self.telemetry.recent([item.workload for item in subjects], now_s)
        except (TemporaryError, UserError) as error:
            _log.warning("no telemetry: %s", error)
            self.figures.failed("telemetry")
            return {}

    def _advance(
        self,
        subjects: Sequence[Subject],
        batch: Batch,
        proposals: Proposals,
        current: FloatArray,
        now_s: float,
    ) -> None:
        """One interval further for each workload that let a policy in and showed something new."""
        measured = measured_violations(batch, proposals.new_steps, proposals.limits)
        kills = oom_kills(batch, proposals.new_steps)
        for row, subject in enumerate(subjects):
            turned = self.reversals.count(subject.key, current[row])
            if not subject.gate_open and self.phases.state(subject.key).phase == INCUMBENT:
                continue
            before = self.phases.state(subject.key)
            seen = Seen(
                violation=float(measured[row]),
                expected=self._expected(subject, batch, proposals, row),
                usable=self._usable(batch, proposals, row, now_s),
                oom_kills=int(kills[row]),
                reversals=turned,
            )
            self.phases.advance(subject, self.policies, seen, now_s)
            after = self.phases.state(subject.key)
            if after.phase != before.phase:
                self._tell_phase(subject, before.phase, now_s)

    def _usable(self, batch: Batch, proposals: Proposals, row: int, now_s: float) -> bool:
        """Whether the policy proposed numbers; without telemetry to decide on it isn't at fault."""
        newest_s = min(float(batch.newest_s[row]), float(batch.load_s[row]))
        if not now_s - newest_s <= self.settings.guard.stale_after_s:
            return True
        return is_number(Proposal(*map(float, proposals.policy[row])))

    def _expected(self, subject: Subject, batch: Batch, proposals: Proposals, row: int) -> float:
        loaded = self.policies.loaded_one(subject.key)
        wanted = proposals.policy[row]
        in_shadow = self.phases.state(subject.key).phase == SHADOW
        if loaded is None or not in_shadow or proposals.new_steps[row] < 1:
            return float("nan")
        if not np.isfinite(wanted).all() or not np.isfinite(batch.load_s[row]):
            return float("nan")
        rates_per_s = batch.samples[row, -4:, smp.REQUEST_RATE_PER_S]
        return expected_violation(loaded.twin, proposals.limits[row], wanted, rates_per_s)

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
