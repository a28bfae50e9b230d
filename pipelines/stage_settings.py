"""What each stage may use of a cluster, for how long, and how often it is tried again.

| stage         | what sets its size                                                    |
|---------------|-----------------------------------------------------------------------|
| ingestion     | telemetry of a shard's workloads, one at a time in memory             |
| embedding     | the encoder's training                                                |
| twin_fitting  | a twin for each workload of a shard                                   |
| meta_training | a batch of simulated applications, one thread                         |
| fine_tuning   | a search for each workload of a shard                                 |
| validation    | an optimum under foresight for each workload of a shard               |
| rollout       | as many small uploads as a shard has workloads                        |
| drift_check   | two datasets                                                          |
| gather_*      | the files of all shards, copied, and one page                         |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask

LABEL = "app.kubernetes.io/part-of"
PRODUCT = "aware"


@dataclass(frozen=True, slots=True)
class StageSettings:
    """Requests and limits as Kubernetes writes them; a limit of CPU would only slow learning."""

    cpu_request: str
    memory_request: str
    memory_limit: str
    timeout_s: int
    retries: int


SETTINGS: dict[str, StageSettings] = {
    # Outside of the cluster's own faults, Prometheus and the store may be away for a moment.
    "ingestion": StageSettings("500m", "1Gi", "4Gi", 3600, 2),
    "embedding": StageSettings("1", "2Gi", "4Gi", 4 * 3600, 1),
    "meta_training": StageSettings("1", "2Gi", "6Gi", 12 * 3600, 1),
    "fine_tuning": StageSettings("1", "2Gi", "6Gi", 12 * 3600, 1),
    "validation": StageSettings("1", "2Gi", "6Gi", 12 * 3600, 1),
    "rollout": StageSettings("250m", "512Mi", "2Gi", 1800, 2),
    "drift_check": StageSettings("500m", "1Gi", "4Gi", 3600, 1),
    "move_reference": StageSettings("250m", "512Mi", "2Gi", 1800, 2),
    "take_turn": StageSettings("100m", "256Mi", "512Mi", 600, 2),
    "end_turn": StageSettings("100m", "256Mi", "512Mi", 600, 2),
    "run_summary": StageSettings("100m", "256Mi", "1Gi", 600, 2),
    "twin_fitting": StageSettings("1", "1Gi", "4Gi", 4 * 3600, 1),
    "plan_shards": StageSettings("100m", "256Mi", "512Mi", 600, 2),
    "share_out": StageSettings("100m", "256Mi", "512Mi", 600, 2),
    "gather_ingestion": StageSettings("250m", "512Mi", "4Gi", 1800, 2),
    "gather_embedding": StageSettings("250m", "512Mi", "4Gi", 1800, 2),
    "gather_fine_tuning": StageSettings("250m", "512Mi", "4Gi", 1800, 2),
    "gather_validation": StageSettings("250m", "512Mi", "4Gi", 1800, 2),
    "gather_rollout": StageSettings("250m", "512Mi", "4Gi", 1800, 2),
}

# What lies in the namespace of the runs. Each may be missing: a dry run needs no store.
STORE_SECRET = "aware-store-writer"  # noqa: S105 (a name)
PROMETHEUS_SECRET = "aware-prometheus-access"  # noqa: S105 (a name)
WORKLOADS_CONFIG_MAP, WORKLOADS_FOLDER = "aware-workloads", "/etc/aware"
JOURNAL_SECRET = "aware-journal-writer"  # noqa: S105 (a name)
EXCHANGE_SECRET = "aware-trainer-exchange"  # noqa: S105 (a name)
SIGNING_SECRET = "aware-signing-key"  # noqa: S105 (a name)
_STORE_KEYS = ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION")
_STORE_VARIABLES = {f"AWS_{key}": f"AWS_{key}" for key in _STORE_KEYS}
_STORE = (STORE_SECRET, _STORE_VARIABLES)
_PROMETHEUS_KEYS = [f"AWARE_PROMETHEUS_{key}" for key in ("TOKEN", "USER", "PASSWORD", "TENANT")]
# By stage: Secrets, and which key becomes which variable.
SECRETS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "rollout": (_STORE, (SIGNING_SECRET, {"key.pem": "AWARE_SIGNING_KEY"})),
    "take_turn": (_STORE,),
    "end_turn": (_STORE,),
    "drift_check": (_STORE,),
    "move_reference": (_STORE,),
    "meta_training": ((EXCHANGE_SECRET, _STORE_VARIABLES),),
    # Not the store's writer: whoever reads metrics publishes no policies.
    "ingestion": (
        (PROMETHEUS_SECRET, {key: key for key in _PROMETHEUS_KEYS}),
        (JOURNAL_SECRET, _STORE_VARIABLES),
    ),
}
LISTING = ("plan_shards", "ingestion")


def settle(task: PipelineTask, stage: str, cached: bool = True) -> PipelineTask:
    """Set resources, time-out, labels, caching and credentials of a stage's task; return the task.

    A local run leaves all but caching aside. Retries come when the pipeline is compiled: kfp.local
    would heed them, and try a user's mistake again and again.
    """
    settings = SETTINGS[stage]
    task.set_cpu_request(settings.cpu_request)
    task.set_memory_request(settings.memory_request)
    task.set_memory_limit(settings.memory_limit)
    task.set_caching_options(cached)
    kubernetes.set_timeout(task, settings.timeout_s)
    kubernetes.add_pod_label(task, LABEL, PRODUCT)
    kubernetes.add_pod_label(task, "app.kubernetes.io/component", stage)
    for secret, variables in SECRETS.get(stage, ()):
        kubernetes.use_secret_as_env(task, secret, variables, optional=True)
    if stage in LISTING:
        kubernetes.use_config_map_as_volume(
            task, WORKLOADS_CONFIG_MAP, WORKLOADS_FOLDER, optional=True
        )
    return task


def with_retries(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the compiled pipeline whose stages are tried again after a failure."""
    graphs = [spec["root"], *spec["components"].values()]
    for graph in graphs:
        for key, task in graph.get("dag", {}).get("tasks", {}).items():
            # A stage that a pipeline uses twice is numbered the second time.
            settings = SETTINGS.get(re.sub(r"-\d+$", "", key).replace("-", "_"))
            if settings is not None:
                task["retryPolicy"] = {
                    "maxRetryCount": settings.retries,
                    "backoffDuration": "30s",
                    "backoffFactor": 2.0,
                    "backoffMaxDuration": "600s",
                }
    return spec
