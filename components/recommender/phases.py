"""The phases of all workloads: loaded once, advanced each interval, stored so that they survive."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.artifacts.channel import Channel, move_channel
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError
from components.recommender.phase import Interval, advance
from components.recommender.phase_state import CANARY, INCUMBENT, LIVE, SHADOW, PhaseState
from components.recommender.phase_store import PhaseRecord, load_record, save_record
from components.recommender.policies import Policies
from components.recommender.settings import RecommenderSettings
from components.recommender.subject import Subject

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one interval showed of a workload.

    `violation`: measured, NaN where unknown. `expected`: what the twin expects of the policy's
    proposal. `usable`: whether the policy proposed an allocation, or had nothing to decide on.
    `near_limit`: whether memory in use came near what a container is killed at.
    """

    violation: float
    expected: float
    usable: bool
    oom_kills: int
    reversals: int
    near_limit: bool = False


class Phases:
    """What is known of every workload's phase.

    A way up counts only when it is stored: until then the workload stays where it was. A way down
    counts at once. While the store can't be read nothing is advanced, and the incumbent acts for
    what was never loaded.
    """

    def __init__(self, store: Store | None, settings: RecommenderSettings) -> None:
        self._store = store
        self._settings = settings
        self._records: dict[str, PhaseRecord] = {}

    def load(self, subjects: Sequence[Subject]) -> dict[str, str]:
        """Loads what isn't known yet; problems in words by key. Gone workloads are dropped."""
        keys = {item.key for item in subjects}
        self._records = {key: value for key, value in self._records.items() if key in keys}
        problems = {}
        for subject in subjects:
            if self._store is None or not subject.gate_open or subject.key in self._records:
                continue
            try:
                workload = subject.workload
                record = load_record(self._store, workload.namespace, workload.name)
                # Each has its turn to be stored: not all of them in the same tick.
                turn = zlib.crc32(subject.key.encode()) % self._settings.save_every
                self._records[subject.key] = replace(record, unsaved=turn)
            except (UserError, TemporaryError) as error:
                problems[subject.key] = str(error)
                _log.warning("%s: its phase can't be read: %s", subject.key, error)
        return problems

    def state(self, key: str) -> PhaseState:
        """The phase of a workload, the incumbent's where nothing is known."""
        record = self._records.get(key)
        return record.state if record else PhaseState()

    def acts(self, subject: Subject, policies: Policies) -> bool:
        """Whether the policy decides: let in, in CANARY or LIVE, and the one that passed."""
        state = self.state(subject.key)
        loaded = policies.loaded_one(subject.key)
        return (
            loaded is not None
            and state.phase in (CANARY, LIVE)
            and state.digest == loaded.digest
            and policies.gate_open(subject, state.barred)
        )

    def advance(self, subject: Subject, policies: Policies, seen: Seen, now_s: float) -> None:
        """One more interval of one workload; stored when due."""
        record, channel = self._records.get(subject.key), policies.channel(subject.key)
        loaded = policies.loaded_one(subject.key)
        if self._store is None or record is None:
            return
        if channel is None and subject.gate_open:
            return
        before = record.state
        if before.phase in (INCUMBENT, SHADOW):
            record = record.with_incumbent(seen.violation, seen.oom_kills, seen.near_limit)
        acting = before.phase in (CANARY, LIVE)
        state = advance(
            before,
            Interval(
                violation=seen.violation if acting else seen.expected,
                usable=seen.usable,
                oom_kills=seen.oom_kills if acting else 0,
                reversals=seen.reversals if acting else 0,
                near_limit=seen.near_limit and acting,
            ),
            loaded.digest if loaded else "",
            policies.gate_open(subject, before.barred),
            record.reference,
            self._settings.phases,
            now_s,
        )
        self._keep(
            subject, replace(record, state=state, unsaved=record.unsaved + 1), before, channel
        )

    def _keep(
        self, subject: Subject, record: PhaseRecord, before: PhaseState, channel: Channel | None
    ) -> None:
        assert self._store is not None
        state, workload = record.state, subject.workload
        moved = (state.phase, state.digest) != (before.phase, before.digest)
        moved = moved or _is_behind(channel, state)
        upwards = _rank(state.phase) > _rank(before.phase)
        self._records[subject.key] = record
        if not moved and record.unsaved < self._settings.save_every:
            return
        try:
            self._records[subject.key] = save_record(
                self._store, workload.namespace, workload.name, record
            )
            if moved and state.digest:
                move_channel(
                    self._store, workload.namespace, workload.name, state.digest, state.phase
                )
        except (UserError, TemporaryError) as error:
            _log.warning("%s: its phase can't be stored: %s", subject.key, error)
            if upwards:
                self._records[subject.key] = replace(record, state=before)


def _is_behind(channel: Channel | None, state: PhaseState) -> bool:
    """Whether the channel still names an earlier phase: its mover died between two writes.

    A channel at INCUMBENT is a closed gate, and one at SHADOW asks for a policy: both are others'.
    """
    if channel is None or channel.current != state.digest:
        return False
    if state.phase == INCUMBENT:
        return channel.state in (CANARY, LIVE)
    return channel.state not in (INCUMBENT, state.phase)


def _rank(phase: str) -> int:
    return (INCUMBENT, SHADOW, CANARY, LIVE).index(phase)
