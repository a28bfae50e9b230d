"""One workload as the recommender looks at it: what its object asks for and what it has."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from components.cluster.hpa import DEFAULT_TARGET
from components.cluster.limits import limits_of
from components.cluster.vpa import DEFAULT_MARGIN, MINIMUM_MEMORY_BYTES
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.container_policy import OFF
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.names import PREFIX
from components.kubernetes_api.resources import Resources
from components.kubernetes_api.targets import Target
from components.recommender.allocation import Allocation
from components.recommender.heap import heap_bytes
from components.recommender.reasons import OTHER_OWNER, ROLLOUT_IN_PROGRESS
from components.workload.document import MetricsDocument
from components.workload.quantities import format_memory
from components.workload.spec import Bounds, MetricSource, Slo, Workload

_PERCENTILE = f"{PREFIX}/slo-latency-percentile"
_LATENCY = f"{PREFIX}/slo-latency-ms"
_INCUMBENT = f"{PREFIX}/incumbent"
_METRICS = f"{PREFIX}/metrics"
# Never reached: without an objective nothing violates and no policy is let in.
_NO_SLO = Slo(0.95, 1e9)
_KNOWN_NOWHERE = MetricSource("promql")


@dataclass(frozen=True, slots=True)
class IncumbentSettings:
    """The HPA's target (share of the CPU request), VPA's margin and floor, and CPU if it is set."""

    cpu_target: float = DEFAULT_TARGET
    memory_margin: float = DEFAULT_MARGIN
    memory_floor_bytes: float = MINIMUM_MEMORY_BYTES
    cpu_m: float = math.nan


@dataclass(frozen=True, slots=True)
class Subject:
    """`current` is in force; `gate_open` whether its object lets a policy in at all.

    `memory_limit_bytes`: at which its container is killed, infinite without a limit.

    `figures`: its numbers in one row, as `subject_rows` reads them.
    """

    autoscaler: MultidimPodAutoscaler
    workload: Workload
    incumbent: IncumbentSettings
    current: Allocation
    has_objective: bool
    rolling_out: bool
    other_owner: str
    memory_limit_bytes: float = math.inf
    figures: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A subject is kept from tick to tick while its objects are unchanged: computed once.
        object.__setattr__(self, "figures", _figures(self))

    @property
    def key(self) -> str:
        """Return the key of its MultidimPodAutoscaler."""
        return self.autoscaler.key

    @property
    def last(self) -> Allocation:
        """Return what was recommended last, as the status says, else what is in force."""
        now, mine = self.current, self.autoscaler
        container = self.workload.container
        sizes = [item.target for item in mine.recommendations if item.container == container]
        size = sizes[0] if sizes else None
        return Allocation(
            mine.desired_replicas or now.replicas,
            (size.cpu_m if size else None) or now.cpu_m,
            (size.memory_bytes if size else None) or now.memory_bytes,
        )

    @property
    def previous(self) -> Allocation:
        """Return what a recommendation starts from: what is in force.

        Where nothing is applied it is what was recommended last: in the mode Off the workload
        never follows, and each recommendation would stay the first step.
        """
        if self.autoscaler.update_mode == OFF and not self.other_owner:
            return self.last
        return self.current

    @property
    def followed(self) -> bool:
        """Return whether what is recommended is applied: what happens is then its doing."""
        mine = self.autoscaler
        return not (mine.update_mode == OFF or mine.paused or self.other_owner)

    @property
    def gate_open(self) -> bool:
        """Return whether a person or the rollout lets a policy in."""
        return self.has_objective and self.autoscaler.phase != "INCUMBENT"


def subject_of(
    autoscaler: MultidimPodAutoscaler, target: Target | None, other_owners: tuple[str, ...]
) -> Subject:
    """Reads one workload; raises BadObjectError, in a user's words, for what can't be scaled."""
    where = f"{autoscaler.target_kind} {autoscaler.namespace}/{autoscaler.target_name}"
    if target is None:
        raise BadObjectError(f"{where} doesn't exist: correct scaleTargetRef or create it")
    if target.replicas == 0:
        raise BadObjectError(f"{where} was scaled to 0 by hand: scale it up to have it scaled")
    container = _container(autoscaler, target)
    current = _current(autoscaler, target, container)
    slo = _slo(autoscaler)
    workload = Workload(
        namespace=autoscaler.namespace,
        name=autoscaler.target_name,
        kind=autoscaler.target_kind,
        container=container,
        slo=slo or _NO_SLO,
        bounds=_above_heap(
            _bounds(autoscaler, container, current),
            heap_bytes(autoscaler.annotations, target.template, container),
        ),
        metrics=_metric_source(autoscaler),
    )
    return Subject(
        autoscaler=autoscaler,
        workload=workload,
        incumbent=_incumbent(autoscaler),
        current=current,
        has_objective=slo is not None,
        rolling_out=target.rolling_out or target.being_brought_in_step or target.unseen,
        other_owner=", ".join(other_owners),
        memory_limit_bytes=float(target.containers[container].memory_limit_bytes or math.inf),
    )


def _figures(subject: Subject) -> tuple[float, ...]:
    incumbent = subject.incumbent
    hold = ROLLOUT_IN_PROGRESS if subject.rolling_out else 0
    return (
        *subject.current.values,
        *subject.last.values,
        *subject.previous.values,
        *limits_of([subject.workload])[0].tolist(),
        incumbent.cpu_target,
        incumbent.memory_margin,
        incumbent.memory_floor_bytes,
        incumbent.cpu_m,
        OTHER_OWNER if subject.other_owner else hold,
        subject.memory_limit_bytes,
    )


def _container(autoscaler: MultidimPodAutoscaler, target: Target) -> str:
    """The one controlled container that the object names, else the workload's first."""
    named = [item.container for item in autoscaler.policies if item.container != "*"]
    for name in named:
        if autoscaler.policy(name).controlled:
            if name not in target.containers:
                raise BadObjectError(f"{target.words} has no container {name!r}: correct its name")
            return name
    return next(iter(target.containers))


def _current(autoscaler: MultidimPodAutoscaler, target: Target, container: str) -> Allocation:
    resources: Resources = target.containers[container]
    minimum = autoscaler.policy(container).minimum
    cpu_m = resources.cpu_request_m or minimum.cpu_m
    memory_bytes = resources.memory_request_bytes or minimum.memory_bytes
    if not cpu_m or not memory_bytes:
        raise BadObjectError(
            f"container {container!r} of {target.words} requests no CPU or no memory: set both,"
            " or minAllowed"
        )
    return Allocation(target.replicas, cpu_m, memory_bytes)


def _bounds(autoscaler: MultidimPodAutoscaler, container: str, current: Allocation) -> Bounds:
    """The user's bounds; a dimension stays at what it has where a bound is missing."""
    policy = autoscaler.policy(container)
    least, most = policy.minimum, policy.maximum
    cpu = _range(least.cpu_m, most.cpu_m, current.cpu_m, controlled="cpu" in policy.resources)
    memory = _range(
        least.memory_bytes,
        most.memory_bytes,
        current.memory_bytes,
        controlled="memory" in policy.resources,
    )
    replicas = _range(
        max(1, autoscaler.replicas_min or 1), autoscaler.replicas_max, current.replicas
    )
    return Bounds(*replicas, *cpu, *memory)


def _above_heap(bounds: Bounds, heap: int | None) -> Bounds:
    """The bounds with no memory below a configured heap: it would be used up sooner or later."""
    if heap is None or heap <= bounds.memory_min_bytes:
        return bounds
    if heap > bounds.memory_max_bytes:
        raise BadObjectError(
            f"the heap of {format_memory(heap)} is above the most memory allowed,"
            f" {format_memory(bounds.memory_max_bytes)}: lower -Xmx or raise maxAllowed"
        )
    return replace(bounds, memory_min_bytes=heap)


def _range(
    low: int | None, high: int | None, now: int, *, controlled: bool = True
) -> tuple[int, int]:
    if not controlled:
        return now, now
    if low is not None and high is not None and low > high:
        raise BadObjectError(f"the minimum {low} is above the maximum {high}: correct one of them")
    most = max(now, low or now) if high is None else high
    return low or min(now, most), most


def _slo(autoscaler: MultidimPodAutoscaler) -> Slo | None:
    texts = autoscaler.annotations
    if _LATENCY not in texts:
        return None
    percentile = _number(texts, _PERCENTILE, 0.95)
    latency_ms = _number(texts, _LATENCY, 0.0)
    if not 0 < percentile < 1 or latency_ms <= 0:
        raise BadObjectError(
            f"{_PERCENTILE} must be between 0 and 1 and {_LATENCY} above 0: correct the annotations"
        )
    return Slo(percentile, latency_ms)


def _number(texts: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(texts.get(name, default))
    except ValueError as error:
        raise BadObjectError(f"annotation {name} is no number: correct it") from error
    if not math.isfinite(value):
        raise BadObjectError(f"annotation {name} is {value}: give a finite number")
    return value


def _incumbent(autoscaler: MultidimPodAutoscaler) -> IncumbentSettings:
    """As the rollout tuned it, else an HPA's goal, else the defaults of HPA and VPA."""
    text = autoscaler.annotations.get(_INCUMBENT)
    if text is None:
        target = autoscaler.cpu_utilisation
        return IncumbentSettings(DEFAULT_TARGET if target is None else target)
    try:
        values = {name: float(value) for name, value in json.loads(text).items()}
        settings = IncumbentSettings(**values)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadObjectError(f"annotation {_INCUMBENT} can't be read ({error}): remove it") from (
            error
        )
    numbers = (settings.cpu_target, settings.memory_margin, settings.memory_floor_bytes)
    sensible = all(math.isfinite(number) for number in numbers) and settings.memory_margin >= 0
    if not sensible or not 0 < settings.cpu_target <= 10:
        raise BadObjectError(f"annotation {_INCUMBENT} has values out of range: remove it")
    return settings


def _metric_source(autoscaler: MultidimPodAutoscaler) -> MetricSource:
    text = autoscaler.annotations.get(_METRICS)
    if text is None:
        return _KNOWN_NOWHERE
    try:
        document = MetricsDocument.model_validate_json(text)
    except ValidationError as error:
        problem = " ".join(str(error.errors(include_url=False)[0]["msg"]).split())
        raise BadObjectError(f"annotation {_METRICS}: {problem}") from error
    return MetricSource(**document.model_dump())
