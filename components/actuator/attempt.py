"""Bringing one workload to its wish, look by look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from components.actuator.actions import Action, ResizePod
from components.actuator.apply import apply
from components.actuator.cluster_view import Claims, Workloads, read_workload, situation_of
from components.actuator.obstacles import Obstacle, without_looking
from components.actuator.plan import IN_STEP, UNSEEN, Plan, left_alone, plan_for
from components.actuator.record import Record
from components.actuator.settings import ActuatorSettings
from components.actuator.situation import Counted
from components.actuator.sizes import digest_of_sizes
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.errors import (
    AbsentError,
    BusyError,
    ConflictError,
    DeniedError,
    QuotaExceededError,
    RefusedError,
)
from components.kubernetes_api.targets import PLURALS

# What the API server answers to a resize that it understood and won't do.
_UNPROCESSABLE = 422


@dataclass
class Attempt:
    """One tick's work on one workload; `done` says in words what was done.

    `now_s` is the time of day, `clock` monotonic.
    """

    client: KubernetesClient
    capabilities: Capabilities
    settings: ActuatorSettings
    autoscaler: MultidimPodAutoscaler
    claims: Claims
    recommender_alive: bool
    record: Record
    sleep: Callable[[float], None]
    now_s: float
    clock: Callable[[], float]
    done: list[str] = field(default_factory=list)
    counted: Counted | None = None

    def run(self, workloads: Workloads) -> Plan:
        """Plans, acts and looks again until nothing is left that can be done now.

        Raises what the client raises; a conflict only when it doesn't end.
        """
        plan = self._plan(workloads)
        for look in range(self.settings.passes):
            conflict = self._act(plan, workloads, last=look == self.settings.passes - 1)
            quick = plan.actions or conflict or plan.reason in (IN_STEP, UNSEEN)
            if not quick or look == self.settings.passes - 1:
                break
            if not plan.actions:
                self.sleep(self.settings.pass_wait_s)
            workloads = self._read()
            plan = self._plan(workloads)
        return plan

    def _plan(self, workloads: Workloads) -> Plan:
        obstacle = without_looking(self.autoscaler)
        if obstacle:
            return left_alone(obstacle)
        target = workloads.targets.get(self._key())
        if target is None:
            kind, _, name = self._key()
            known = f"there is no {kind} {name} in namespace {self.autoscaler.namespace}"
            unknown = f"{kind} is not one of {', '.join(PLURALS)}"
            return left_alone(Obstacle("TargetNotFound", known if kind in PLURALS else unknown))
        situation = situation_of(target, workloads, self.claims, self.autoscaler)
        self.counted = self.counted or situation.now_counted
        clock_s = self.clock()
        record = self.record = self.record.among(situation.pods, clock_s, self.settings)
        situation = replace(
            situation,
            counted=self.counted,
            pods_resize=self.capabilities.pods_resize,
            recommender_alive=self.recommender_alive,
            refused=record.refused(clock_s, self.settings),
            cooling=record.cooling(clock_s, self.settings),
            evicted_lately=record.evicted_lately(clock_s, self.settings),
            now_s=self.now_s,
        )
        return plan_for(self.autoscaler, situation, self.settings)

    def _act(self, plan: Plan, workloads: Workloads, last: bool) -> bool:
        """Carries out the plan; whether the world turned out to have changed meanwhile."""
        for action in plan.actions:
            target = workloads.targets[self._key()]
            try:
                self.done.append(
                    apply(self.client, target, action, self.capabilities.budget_version)
                )
                self.record = self.record.noted(action, self.clock())
            except (ConflictError, AbsentError):
                if last:
                    raise
                return True
            except RefusedError as error:
                self._note_refusal(action, error)
            except BusyError:
                # A PodDisruptionBudget says no for now: the next tick asks again.
                continue
        return False

    def _note_refusal(self, action: Action, error: RefusedError) -> None:
        lasting = isinstance(error, DeniedError | QuotaExceededError)
        if lasting or not isinstance(action, ResizePod) or error.status != _UNPROCESSABLE:
            raise error
        digest = digest_of_sizes(action.sizes, action.pod_uid)
        refused_s = {**self.record.refused_s, digest: self.clock()}
        self.record = replace(self.record, refused_s=refused_s)

    def _read(self) -> Workloads:
        kind, namespace, name = self._key()
        return read_workload(self.client, kind, namespace, name)

    def _key(self) -> tuple[str, str, str]:
        mine = self.autoscaler
        return mine.target_kind, mine.namespace, mine.target_name
