"""The whole actuator on an API server in memory, its clock in the test's hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from components.actuator.plan import Plan
from components.actuator.settings import ActuatorSettings
from components.actuator.tick import Actuator
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import Json
from tests.running_loop.memory_cluster import MemoryCluster

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
MPA = "/apis/autoscaling.k8s.io/v1alpha1/namespaces/shop/multidimpodautoscalers/checkout"
KEY = "shop/checkout"


@dataclass
class Acting:
    """One Deployment of 200m and 64Mi a pod, and what is recommended for it."""

    replicas: int = 2
    annotations: dict[str, str] = field(default_factory=dict)
    mode: str = "Auto"
    settings: ActuatorSettings = field(default_factory=lambda: ActuatorSettings(pass_wait_s=0.0))
    now_s: float = 1000.0

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster()
        self.asked: list[str] = []
        self.cluster.before.append(self._asked)
        self.cluster.after.append(self._evicted)
        size = {"cpu": "200m", "memory": "64Mi"}
        container = {"name": "app", "resources": {"requests": size, "limits": size}}
        template = {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {"containers": [container, {"name": "proxy", "resources": {}}]},
        }
        self.cluster.put_object(
            DEPLOYMENT,
            {
                "metadata": {"namespace": "shop", "name": "checkout"},
                "spec": {
                    "replicas": self.replicas,
                    "selector": {"matchLabels": {"app": "checkout"}},
                    "template": template,
                },
            },
        )
        self.cluster.settle()
        self.recommend()
        self.actuator = Actuator(
            client=self.cluster,  # type: ignore[arg-type]
            capabilities=Capabilities(True, "", "", "", "policy/v1"),
            settings=self.settings,
            recommender_alive=lambda: True,
            clock=lambda: self.now_s,
            wall_clock=lambda: 1_767_226_200.0 + self.now_s,
            sleep=lambda _: self.cluster.settle(),
        )

    def recommend(self, cpu: str = "200m", memory: str = "64Mi", replicas: int = 0) -> None:
        """Sets what is recommended; replicas as they are where none are given."""
        provided = {
            "type": "RecommendationProvided",
            "status": "True",
            "reason": "IncumbentDecided",
        }
        target = {"containerName": "app", "target": {"cpu": cpu, "memory": memory}}
        self.cluster.put_object(
            MPA,
            {
                "metadata": {
                    "namespace": "shop",
                    "name": "checkout",
                    "annotations": self.annotations,
                },
                "spec": {
                    "scaleTargetRef": {"kind": "Deployment", "name": "checkout"},
                    "policy": {"updateMode": self.mode},
                    "constraints": {"global": {"minReplicas": 1, "maxReplicas": 6}},
                },
                "status": {
                    "desiredReplicas": replicas or self.replicas,
                    "conditions": [provided],
                    "recommendation": {"containerRecommendations": [target]},
                },
            },
        )

    def tick(self, after_s: float = 10.0) -> Plan:
        """The actuator's next tick, the controllers having had their turn before and after."""
        self.now_s += after_s
        self.cluster.settle()
        plan = self.actuator.tick()[KEY]
        self.cluster.settle()
        return plan

    def pods(self) -> list[Json]:
        """The pods as they stand."""
        return self.cluster.pods_of("shop")

    def sizes(self) -> list[str]:
        """What the pods' containers `app` may use of CPU, in the order of the pods' names."""
        pods = sorted(self.pods(), key=lambda item: str(item["metadata"]["name"]))
        return [pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] for pod in pods]

    def put_off(self, reason: str) -> None:
        """The nodes put all resizes off, since long ago."""
        for pod in self.pods():
            pod["status"]["conditions"].append(
                {
                    "type": "PodResizePending",
                    "status": "True",
                    "reason": reason,
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            )

    def count(self, part: str) -> int:
        """How many writes were asked for at paths with this part."""
        return sum(part in path for path in self.asked)

    def _asked(self, method: str, path: str) -> None:
        if method not in ("GET", "LIST"):
            self.asked.append(path)

    def _evicted(self, _: str, path: str) -> None:
        if "/eviction/" in path:
            name = path.rpartition("/")[2]
            self.cluster.objects.pop(f"/api/v1/namespaces/shop/pods/{name}")
