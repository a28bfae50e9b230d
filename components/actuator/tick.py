"""One tick over all workloads."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from components.actuator.apply import apply
from components.actuator.attempt import Attempt
from components.actuator.cluster_view import (
    Claims,
    Workloads,
    left_in_step,
    read_claims,
    read_workload,
    read_workloads,
    situation_of,
)
from components.actuator.obstacles import without_looking
from components.actuator.plan import Plan, finishing
from components.actuator.record import Record, after_failure, after_success, while_open
from components.actuator.room import Room
from components.actuator.settings import ActuatorSettings
from components.actuator.status import CONDITION, write_condition
from components.errors import TemporaryError, UserError
from components.kubernetes_api.autoscaler import (
    ALL_AUTOSCALERS,
    MultidimPodAutoscaler,
    autoscaler_of,
)
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.conditions import condition
from components.kubernetes_api.container_policy import OFF
from components.kubernetes_api.events import NORMAL, WARNING, post_event
from components.kubernetes_api.names import ACTUATOR_SERVICE
from components.kubernetes_api.reading import parsed

_log = logging.getLogger(__name__)
COMPONENT = ACTUATOR_SERVICE


@dataclass
class Actuator:
    """Brings every workload to what its MultidimPodAutoscaler's status recommends.

    Level-triggered: each tick starts from what the cluster says, never from what was done before.
    """

    client: KubernetesClient
    capabilities: Capabilities
    settings: ActuatorSettings
    recommender_alive: Callable[[], bool]
    wall_clock: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    records: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._room = Room(self.client, self.clock)

    def tick(self) -> dict[str, Plan]:
        """Looks at all workloads once; the last plan of each, by namespace/name.

        An object that can't be read or acted on costs the others nothing. Raises what the client
        raises only where the cluster as a whole can't be read.
        """
        autoscalers = parsed(self.client.list(ALL_AUTOSCALERS), autoscaler_of)
        claims = read_claims(self.client, self.capabilities, autoscalers, self._room.read())
        self._finish_what_was_left(claims)
        turned_on = [item for item in autoscalers if item.update_mode != OFF or _told(item)]
        to_look_at = [item for item in turned_on if without_looking(item) is None]
        workloads = read_workloads(self.client, (item.namespace for item in to_look_at))
        alive = self._is_recommender_alive()
        with ThreadPoolExecutor(self.settings.workers) as threads:
            plans = list(
                threads.map(lambda item: self._one(item, workloads, claims, alive), turned_on)
            )
        keys = {item.key for item in turned_on}
        self.records = {key: value for key, value in self.records.items() if key in keys}
        return {item.key: plan for item, plan in zip(turned_on, plans, strict=True)}

    def _is_recommender_alive(self) -> bool:
        try:
            return self.recommender_alive()
        except (TemporaryError, UserError) as error:
            _log.warning("the recommender's Lease can't be read: %s", error)
            return False

    def _finish_what_was_left(self, claims: Claims) -> None:
        """Ends pauses that an interrupted actuator began, also where nobody scales any more."""
        for target in left_in_step(self.client):
            try:
                self._finish(target.kind, target.namespace, target.name, claims)
            except (TemporaryError, UserError) as error:
                _log.warning("%s stays half in step: %s", target.words, error)

    def _finish(self, kind: str, namespace: str, name: str, claims: Claims) -> None:
        for _ in range(self.settings.passes):
            workloads = read_workload(self.client, kind, namespace, name)
            target = workloads.targets.get((kind, namespace, name))
            if target is None or not target.being_brought_in_step:
                return
            plan = finishing(situation_of(target, workloads, claims, None))
            for action in plan.actions:
                apply(self.client, target, action, self.capabilities.budget_version)
            if not plan.actions:
                self.sleep(self.settings.pass_wait_s)

    def _one(
        self, autoscaler: MultidimPodAutoscaler, workloads: Workloads, claims: Claims, alive: bool
    ) -> Plan:
        """One workload from beginning to end; whatever goes wrong ends here."""
        attempt = Attempt(
            client=self.client,
            capabilities=self.capabilities,
            settings=self.settings,
            autoscaler=autoscaler,
            claims=claims,
            recommender_alive=alive,
            record=self.records.get(autoscaler.key, Record()),
            sleep=self.sleep,
            now_s=self.wall_clock(),
            clock=self.clock,
        )
        plan = self._attempted(attempt, workloads)
        self.records[autoscaler.key] = attempt.record
        try:
            write_condition(
                self.client, autoscaler, plan, self.wall_clock(), acted=bool(attempt.done)
            )
            self._tell(attempt, plan)
        except (TemporaryError, UserError) as error:
            _log.warning("%s: its status can't be written: %s", autoscaler.key, error)
        return plan

    def _attempted(self, attempt: Attempt, workloads: Workloads) -> Plan:
        if not attempt.record.breaker.allows(self.clock()):
            return while_open(attempt.record)
        try:
            plan = attempt.run(workloads)
        except Exception as error:  # noqa: BLE001 - one bad object must not starve the others
            if not isinstance(error, TemporaryError | UserError):
                _log.exception("%s: a fault of the actuator itself", attempt.autoscaler.key)
            attempt.record, plan = after_failure(attempt.record, error, self.clock(), self.settings)
            return plan
        attempt.record, plan = after_success(
            attempt.record, plan, bool(attempt.done), self.clock(), self.settings
        )
        return plan

    def _tell(self, attempt: Attempt, plan: Plan) -> None:
        """Posts what was done, and what newly stands in the way, as Events."""
        mine, now_s = attempt.autoscaler, self.wall_clock()
        if attempt.done:
            words = "; ".join(attempt.done)
            post_event(self.client, mine, COMPONENT, NORMAL, "Applied", words, now_s)
        before = condition(mine.conditions, CONDITION)
        if not plan.able and (before is None or before.reason != plan.reason):
            post_event(self.client, mine, COMPONENT, WARNING, plan.reason, plan.message, now_s)


def _told(autoscaler: MultidimPodAutoscaler) -> bool:
    """Whether the status still says something of ours that is true only while turned on."""
    told = condition(autoscaler.conditions, CONDITION)
    return told is not None and told.reason != "UpdateModeOff"
