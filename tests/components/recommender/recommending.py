"""A recommender on an API server, a store and telemetry that are kept in memory."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import SHADOW, move_channel
from components.artifacts.local import LocalStore
from components.artifacts.store import MissingObjectError, Store
from components.cluster.parameters import PARAMETER_NAMES, SERVICE_PARAMETERS
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import Json
from components.kubernetes_api.conditions import Condition, condition
from components.policy.rule_parameters import RULE_NAMES, default_rule
from components.recommender.exposition import Figures
from components.recommender.live_page import LivePage
from components.recommender.settings import RecommenderSettings
from components.recommender.telemetry_source import Recent, recent_of
from components.recommender.tick import Recommender
from components.workload.spec import Workload
from components.workload.telemetry import COLUMNS

MI = 2**20
START_S = 1_700_000_100.0
CAPABILITIES = Capabilities(
    True, "/apis/autoscaling/v2/horizontalpodautoscalers", "", "", "policy/v1"
)


@dataclass
class MemoryApi:
    """Objects by path; merges status patches, refuses what `errors` has for a path's part."""

    objects: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, list[BaseException]] = field(default_factory=dict)
    patched: list[str] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        self._fail(path)
        return versioned(self.objects[path])

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        self._fail(path)
        group, _, plural = path.rpartition("/")
        return [
            versioned(item)
            for at, item in self.objects.items()
            if at.startswith(group) and f"/{plural}/" in at
        ]

    def patch(self, path: str, body: Any, content_type: str = "") -> Json:
        self._fail(path)
        found = self.objects[path.removesuffix("/status")]
        found.setdefault("status", {}).update(copy.deepcopy(body["status"]))
        self.patched.append(path)
        return found

    def create(self, path: str, body: Json, retry_busy: bool = True) -> Json:
        self._fail(path)
        self.events.append(body)
        return body

    def _fail(self, path: str) -> None:
        for part, planned in self.errors.items():
            if part in path and planned:
                raise planned.pop(0)


def versioned(item: Json) -> Json:
    """A copy whose resourceVersion names its content, as a server's does."""
    made = copy.deepcopy(item)
    text = json.dumps(made, sort_keys=True)
    made.setdefault("metadata", {})["resourceVersion"] = hashlib.sha256(text.encode()).hexdigest()
    return made


@dataclass
class MemoryTelemetry:
    """A steady load for each workload; `change` alters the frames, `error` is raised instead."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    age_s: float = 15.0
    error: Exception | None = None
    frames: dict[str, pd.DataFrame] | None = None

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        if self.error is not None:
            raise self.error
        frames = self.frames
        if frames is None:
            frames = {
                item.key: frame_of(self.rows.get(item.key, LOAD), now_s - self.age_s)
                for item in workloads
            }
        return recent_of(frames, workloads)


# Two replicas of 200 m at 70 %, the objective kept.
LOAD = {
    "request_rate_per_s": 50.0,
    "error_ratio": 0.0,
    "latency_ms": 40.0,
    "latency_p50_ms": 15.0,
    "cpu_usage_m": 280.0,
    "cpu_throttled_ratio": 0.0,
    "memory_working_set_bytes": 50.0 * MI,
    "replicas_wanted": 2.0,
    "replicas_ready": 2.0,
    "cpu_request_m": 200.0,
    "memory_request_bytes": 64.0 * MI,
    "cpu_limit_m": 200.0,
    "memory_limit_bytes": 64.0 * MI,
    "oom_kills": 0.0,
    "restarts": 0.0,
}


def frame_of(values: Mapping[str, float], end_s: float, steps: int = 20) -> pd.DataFrame:
    """A telemetry frame of constant values that ends at a time."""
    end_ms = int(end_s // 15 * 15_000)
    times = end_ms - 15_000 * np.arange(steps - 1, -1, -1)
    frame = pd.DataFrame({column: np.full(steps, values[column]) for column in COLUMNS})
    frame.insert(0, "time", pd.Series(times.astype("datetime64[ms]")).dt.tz_localize("UTC"))
    return frame


@dataclass
class World:
    """The recommender and everything around it; `clock` is the time of the next tick."""

    api: MemoryApi
    telemetry: MemoryTelemetry
    store: Store
    settings: RecommenderSettings
    now_s: float = START_S
    verification_key: Ed25519PublicKey | None = None
    page: LivePage | None = None
    recommender: Recommender = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process: what was only in memory is gone."""
        self.recommender = Recommender(
            client=self.api,  # type: ignore[arg-type]
            capabilities=CAPABILITIES,
            telemetry=self.telemetry,
            store=self.store,
            settings=self.settings,
            figures=Figures(),
            wall_clock=lambda: self.now_s,
            verification_key=self.verification_key,
            page=self.page,
        )

    def ticks(self, count: int, apply: bool = False, every_s: float = 60.0) -> None:
        """So many ticks; `apply` follows each recommendation at once."""
        for _ in range(count):
            self.recommender.tick()
            self.now_s += every_s
            if apply:
                self.apply()

    def apply(self) -> None:
        """Does what an actuator would."""
        for path, document in self.api.objects.items():
            if "/deployments/" in path:
                mine = self.mpa(document["metadata"]["name"])
                if mine.desired_replicas and mine.recommendations:
                    document["spec"]["replicas"] = mine.desired_replicas
                    size = mine.recommendations[0].target
                    requests = document["spec"]["template"]["spec"]["containers"][0]["resources"]
                    requests["requests"] = {
                        "cpu": f"{size.cpu_m}m",
                        "memory": str(size.memory_bytes),
                    }

    def mpa(self, name: str = "checkout") -> MultidimPodAutoscaler:
        """The object as it stands on the server."""
        return autoscaler_of(self.api.objects[mpa_path(name)])

    def told(self, type_: str, name: str = "checkout") -> Condition:
        """A condition of the object."""
        found = condition(self.mpa(name).conditions, type_)
        assert found is not None
        return found

    def sizes(self, name: str = "checkout") -> tuple[int, int, int]:
        """Replicas, CPU (m) and memory (bytes) as recommended."""
        mine = self.mpa(name)
        assert mine.desired_replicas is not None
        size = mine.recommendations[0].target
        assert size.cpu_m is not None
        assert size.memory_bytes is not None
        return mine.desired_replicas, size.cpu_m, size.memory_bytes


def world(
    folder: Path,
    names: Sequence[str] = ("checkout",),
    settings: RecommenderSettings | None = None,
    annotations: Mapping[str, str] | None = None,
    mode: str = "Auto",
) -> World:
    """Deployments of two replicas (200 m, 64 Mi) with an object each."""
    api = MemoryApi()
    for name in names:
        api.objects[f"/apis/apps/v1/namespaces/shop/deployments/{name}"] = deployment(name)
        api.objects[mpa_path(name)] = mpa(name, annotations or {}, mode)
    return World(api, MemoryTelemetry(), LocalStore(folder), settings or RecommenderSettings())


def mpa_path(name: str) -> str:
    return f"/apis/autoscaling.k8s.io/v1alpha1/namespaces/shop/multidimpodautoscalers/{name}"


def mpa(name: str, annotations: Mapping[str, str], mode: str = "Auto") -> Json:
    """1 to 6 replicas, 50 m to 1 core, 32 Mi to 1 Gi."""
    allowed = {
        "minAllowed": {"cpu": "50m", "memory": "32Mi"},
        "maxAllowed": {"cpu": "1", "memory": "1Gi"},
    }
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "annotations": dict(annotations),
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "policy": {"updateMode": mode},
            "constraints": {
                "global": {"minReplicas": 1, "maxReplicas": 6},
                "container": [{"name": "app", "requests": allowed}],
            },
        },
    }


def deployment(name: str) -> Json:
    """Settled, two replicas."""
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": f"of-{name}", "generation": 1},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "app",
                            "resources": {"requests": {"cpu": "200m", "memory": "64Mi"}},
                        }
                    ]
                }
            },
        },
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2},
    }


def bundle(name: str = "checkout", **rule: float) -> Bundle:
    """A policy whose rule is the careful default but for what is given."""
    values = dict(zip(RULE_NAMES, map(float, default_rule()), strict=True)) | rule
    middle = {
        key: float(np.sqrt(max(spec.low, 1e-6) * spec.high))
        if spec.neutral is None
        else spec.neutral
        for key, spec in zip(PARAMETER_NAMES, SERVICE_PARAMETERS, strict=True)
    }
    # 5 ms of CPU a request and 40 Mi of memory: at ease with the load of these tests.
    middle |= {
        "service_demand_ms": 5.0,
        "demand_variability": 0.5,
        "wait_ms": 5.0,
        "idle_cpu_m": 5.0,
        "concurrency_limit": 512.0,
        "memory_base_bytes": 40.0 * MI,
        "memory_per_request_bytes": 1e4,
        "tail_factor": 1.0,
    }
    assert middle.keys() == set(PARAMETER_NAMES)
    reference = {"request_rate_per_s": {"quantiles": [10.0, 12, 20, 50, 80, 90, 100.0]}}
    twin = {"members": [middle], "errors": {}, "identified": {}}
    return Bundle(f"shop/{name}", values, {}, {"twin": twin, "reference": reference})


def let_in(store: Store, name: str = "checkout", **rule: float) -> str:
    """Publishes a policy and moves the channel to SHADOW; the digest."""
    digest = publish(store, bundle(name, **rule))
    move_channel(store, "shop", name, digest, SHADOW)
    return digest


GATE = {
    "aware.autoscaling/phase": "SHADOW",
    "aware.autoscaling/slo-latency-ms": "100",
    "aware.autoscaling/slo-latency-percentile": "0.95",
}


@dataclass
class MemoryStore:
    """A store that keeps everything in memory and fails as it is told.

    `errors`: what the next calls for a key that contains the part end in; "lost" makes a
    conditional write lose.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    lost: int = 0

    def read(self, key: str) -> bytes:
        self._fail(key)
        if key not in self.contents:
            raise MissingObjectError(f"{key} is not there")
        return self.contents[key]

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        self._fail(key)
        if key not in self.contents:
            return None
        return self.contents[key], hashlib.sha256(self.contents[key]).hexdigest()

    def write_once(self, key: str, data: bytes) -> None:
        self.contents.setdefault(key, data)

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        tagged = self.read_tagged(key)
        if (tagged[1] if tagged else None) != tag:
            return False
        if self.lost:
            self.lost -= 1
            return False
        self.contents[key] = data
        return True

    def list(self, prefix: str) -> list[str]:
        return sorted(key for key in self.contents if key.startswith(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        self._fail(prefix)
        return {
            key: hashlib.sha256(data).hexdigest()
            for key, data in self.contents.items()
            if key.startswith(prefix)
        }

    def _fail(self, key: str) -> None:
        for part, planned in self.errors.items():
            if part in key and planned:
                raise planned.pop(0)
