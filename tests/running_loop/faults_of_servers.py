"""Faults of the API server, of what is in the cluster, and of the store."""

from __future__ import annotations

from components.errors import TemporaryError, UserError
from components.kubernetes_api.errors import (
    AbsentError,
    BusyError,
    ConflictError,
    DeniedError,
    QuotaExceededError,
    RefusedError,
)
from tests.running_loop.fault import (
    LOG,
    Ending,
    Fault,
    calls_fail,
    object_there,
    slow_calls,
    slow_store,
    store_fails,
)
from tests.running_loop.loop import DEPLOYMENT, Loop

_LIST = "/multidimpodautoscalers"
_WRITES = ("PATCH", "POST", "PUT")
_HPA = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/old"


def _refused(status: int):
    return lambda: RefusedError(f"{status} refused by a test", status)


def _broken(words: str):
    return lambda: TemporaryError(words)


def _server(name: str, inject, *tells: str) -> Fault:
    return Fault(name, "API server", inject, tells)


SERVER: tuple[Fault, ...] = (
    _server("401", calls_fail(_refused(401)), LOG),
    _server("403 on the lists", calls_fail(_refused(403), _LIST, methods=["LIST"]), LOG),
    _server("403 on the statuses", calls_fail(_refused(403), "/status"), LOG),
    _server("403 on the scale", calls_fail(_refused(403), "/scale"), "ActionFailed", "CircuitOpen"),
    _server("404 on the statuses", calls_fail(lambda: AbsentError("404"), "/status")),
    _server("409 on the statuses", calls_fail(lambda: ConflictError("409"), "/status"), LOG),
    _server(
        "409 on the template",
        calls_fail(lambda: ConflictError("409"), DEPLOYMENT, methods=["PATCH"]),
        "ActionFailed",
        "CircuitOpen",
    ),
    _server("422 on the statuses", calls_fail(_refused(422), "/status"), LOG),
    _server("429 on everything", calls_fail(lambda: BusyError("429")), LOG),
    _server("429 on other owners", calls_fail(lambda: BusyError("429"), "horizontalpod"), LOG),
    _server("500 on everything", calls_fail(_broken("500")), LOG),
    _server("500 on workloads", calls_fail(_broken("500"), "/deployments"), LOG),
    _server("500 on pods", calls_fail(_broken("500"), "/pods"), LOG),
    _server(
        "500 on the scale", calls_fail(_broken("500"), "/scale"), "ActionFailed", "CircuitOpen"
    ),
    _server("500 on events", calls_fail(_broken("500"), "/events"), LOG),
    _server("500 on the Leases", calls_fail(_broken("500"), "/leases"), LOG),
    _server("reads only", calls_fail(_broken("503 etcd has no leader"), methods=_WRITES), LOG),
    _server("time-out", slow_calls(20.0, _broken("timed out")), LOG),
    _server("a list breaks off", calls_fail(_broken("410 expired"), methods=["LIST"]), LOG),
)


def restarted(loop: Loop) -> Ending:
    """Refused connections, and then a server whose objects have all got another version."""
    end = calls_fail(_broken("connection refused"))(loop)

    def again() -> None:
        end()
        for path, document in list(loop.cluster.objects.items()):
            generation = document["metadata"]["generation"]
            loop.cluster.put_object(path, document)
            loop.cluster.objects[path]["metadata"]["generation"] = generation

    return again


def node_full(loop: Loop) -> Ending:
    """No room for another pod."""
    loop.cluster.room = len(loop.cluster.pods_of("shop"))
    loop.cluster.refusal = "0/1 nodes are available: insufficient cpu"

    def end() -> None:
        loop.cluster.room = None

    return end


def quota_hit(loop: Loop) -> Ending:
    """Admission refuses to let pods grow, and the ReplicaSet's controller can't make any."""
    end = calls_fail(
        lambda: QuotaExceededError("403 exceeded quota: team", 403), "/resize", "/scale"
    )(loop)
    fill = node_full(loop)
    loop.cluster.refusal = "exceeded quota: team"

    def both() -> None:
        end()
        fill()

    return both


def rolled_out(loop: Loop) -> Ending:
    """A release whose pods don't become ready: the status counts an old one for ever."""
    settle = loop.cluster.settle

    def unsettled() -> None:
        settle()
        loop.cluster.objects[DEPLOYMENT]["status"]["updatedReplicas"] = 0

    loop.cluster.settle = unsettled  # type: ignore[method-assign]

    def end() -> None:
        loop.cluster.settle = settle  # type: ignore[method-assign]

    return end


def changed_meanwhile(loop: Loop) -> Ending:
    """Somebody else writes the Deployment again and again."""

    def hook(method: str, path: str) -> None:
        if method == "GET" and path == DEPLOYMENT:
            document = loop.cluster.objects[DEPLOYMENT]
            document["metadata"].setdefault("labels", {})["touched"] = str(loop.cluster.writes)
            version = int(document["metadata"]["resourceVersion"])
            document["metadata"]["resourceVersion"] = str(version + 1_000_000)

    loop.cluster.before.append(hook)
    return lambda: loop.cluster.before.remove(hook)


_OWNER = {
    "metadata": {"namespace": "shop", "name": "old"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}},
}


def _denied() -> Exception:
    return DeniedError('admission webhook "frozen.example.org" denied the request', 403)


CLUSTER: tuple[Fault, ...] = (
    Fault("API server restarted", "API server", restarted, (LOG,)),
    Fault("node full", "cluster", node_full, ("ReplicasNotCreated",)),
    Fault("quota hit", "cluster", quota_hit, ("QuotaExceeded", "ReplicasNotCreated")),
    Fault(
        "a webhook denies",
        "cluster",
        calls_fail(_denied, "/scale", "/resize", "/deployments/", methods=["PATCH"]),
        ("WebhookDenied",),
    ),
    Fault("an HPA appears", "cluster", object_there(_HPA, _OWNER), ("AnotherAutoscaler",)),
    Fault("a rollout hangs", "cluster", rolled_out, ("RolloutInProgress",)),
    Fault("somebody writes the Deployment all the time", "cluster", changed_meanwhile),
)


def truncated(loop: Loop) -> Ending:
    """What is read ends in the middle."""
    return _reading(loop, "policies/", lambda data: data[: len(data) // 2])


def altered(loop: Loop) -> Ending:
    """A bundle that isn't what its digest says, where a new one is named."""
    return _reading(loop, "policies/", lambda data: data + b" ")


def channel_of_nonsense(loop: Loop) -> Ending:
    """A channel that is no JSON."""
    return _reading(loop, "channels/", lambda data: b"{")


def phase_of_nonsense(loop: Loop) -> Ending:
    """Phases that can't be read, in a process that has just started."""
    end = _reading(loop, "phases/", lambda data: b"[]")
    loop.recommenders[0].restart()
    return end


def put_lost(loop: Loop) -> Ending:
    """Every conditional write is lost to somebody else."""
    loop.store.loses += 1

    def end() -> None:
        loop.store.loses -= 1

    return end


def _reading(loop: Loop, part: str, change) -> Ending:
    def hook(key: str, data: bytes) -> bytes:
        return change(data) if part in key else data

    loop.store.reading.append(hook)
    if part == "policies/":
        # What is loaded already is not read again: a process that has just started is.
        loop.recommenders[0].restart()
    return lambda: loop.store.reading.remove(hook)


STORE: tuple[Fault, ...] = (
    Fault("down", "store", store_fails(_broken("no answer")), (LOG, "BundleRefused")),
    Fault("slow", "store", slow_store(1.0)),
    Fault("403", "store", store_fails(lambda: UserError("403")), (LOG, "BundleRefused")),
    Fault("full", "store", store_fails(lambda: UserError("no space"), operations=["write"])),
    Fault("phases refused", "store", store_fails(lambda: UserError("403"), "phases/")),
    Fault("channel of nonsense", "store", channel_of_nonsense, ("BundleRefused",)),
    Fault("truncated object", "store", truncated, ("BundleRefused",)),
    Fault("wrong digest", "store", altered, ("BundleRefused",)),
    Fault("phase of nonsense", "store", phase_of_nonsense, ("IncumbentDecided",)),
    Fault("conditional put lost", "store", put_lost),
)
