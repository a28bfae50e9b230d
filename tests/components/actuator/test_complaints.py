"""What users complain of in other autoscalers, by number: those that the actuator answers.

The numbers are those of the list of complaints; the recommender's are tested beside it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actuator.actions import (
    Action,
    EvictPod,
    PauseWithTemplate,
    ResizePod,
    ResumeRollouts,
    RollTemplate,
    SetReplicas,
)
from components.actuator.apply import request_of
from components.errors import TemporaryError
from components.kubernetes_api.errors import RefusedError
from tests.components.actuator.acting import DEPLOYMENT, Acting
from tests.components.actuator.objects import (
    GROW,
    LARGE,
    LARGE_SETS,
    autoscaler,
    kinds,
    pending,
    planned,
    pod,
    situation,
    target,
    template,
)
from tests.components.actuator.test_ceilings import limit_range, nodes, quota

NEVER = {"aware.autoscaling/evict": "never"}
REPOSITORY = Path(__file__).parents[3]


def test_complaint_01_a_workload_that_another_autoscaler_scales_is_left_alone() -> None:
    now = situation(owners=("HorizontalPodAutoscaler shop/old",))
    plan = planned(autoscaler(4, **GROW), now)
    assert (plan.actions, plan.reason, plan.able) == ((), "AnotherAutoscaler", False)
    assert "HorizontalPodAutoscaler shop/old" in plan.message


def test_complaint_04_pods_that_a_limit_range_makes_smaller_are_not_replaced_for_ever() -> None:
    mine = autoscaler(2, mode="Recreate", **GROW)
    rolled = planned(mine).actions[0]
    assert isinstance(rolled, RollTemplate)
    made = target(pod_template=template(LARGE, aware_autoscaling__resized=rolled.marker))
    plan = planned(mine, situation(made))
    assert (plan.actions, plan.reason) == ((), "PodsDiffer")


@pytest.mark.parametrize(
    ("ceilings", "reason"),
    [
        (limit_range(Container={"max": {"cpu": "250m"}}), "LimitRange"),
        (quota({"limits.cpu": "400m"}, {"limits.cpu": "400m"}), "ResourceQuota"),
        (nodes(("250m", "1Gi")), "NodeTooSmall"),
    ],
)
def test_complaint_04_nothing_is_asked_for_that_namespace_or_nodes_cannot_give(
    ceilings: Any, reason: str
) -> None:
    plan = planned(autoscaler(4, **GROW), situation(ceilings=ceilings))
    assert plan.reason == reason
    wanted = [size for action in plan.actions for size in getattr(action, "sizes", {}).values()]
    assert all((size.cpu_limit_m or 0) <= 250 for size in wanted)


def test_complaint_05_of_all_pods_that_cannot_be_resized_one_goes_and_then_none_for_long() -> None:
    acting = Acting(replicas=4)
    acting.recommend("300m")
    acting.tick()
    acting.put_off("Infeasible")
    for _ in range(50):
        acting.tick()
    assert acting.count("/eviction") == 1, "500 s"
    assert acting.tick().reason == "ResizeStuck"
    for _ in range(20):
        acting.tick()
    assert acting.count("/eviction") == 2, "700 s"
    assert len(acting.pods()) == 4


def test_complaint_05_a_wish_that_swings_does_not_resize_a_pod_again_and_again() -> None:
    acting = Acting()
    for swing in range(10):
        acting.recommend("300m" if swing % 2 == 0 else "200m")
        acting.tick(10.0)
        plan = acting.tick(10.0)
    # Up at once and down no sooner than a minute after: not 10 times a pod in 200 s.
    assert acting.count("/resize") <= 2 * 5
    assert (plan.reason, plan.able) == ("Held", True)
    assert "resized a moment ago" in plan.message
    for _ in range(8):
        acting.tick(10.0)
    assert acting.sizes() == ["200m", "200m"], "at last it is as wished"


def test_complaint_05_what_fails_again_and_again_is_left_alone_for_a_while() -> None:
    acting = Acting()

    def broken(method: str, path: str) -> None:
        if path.endswith("/scale"):
            raise TemporaryError("no answer")

    acting.cluster.before.append(broken)
    acting.recommend(replicas=4)
    reasons = [acting.tick().reason for _ in range(12)]
    assert reasons[2:] == ["CircuitOpen"] * 10
    assert acting.count("/scale") == 3
    acting.cluster.before.remove(broken)
    assert acting.tick(after_s=301.0).reason in ("Applying", "Applied", "Waiting")
    assert len(acting.pods()) == 4


def test_complaint_05_what_does_not_land_is_told() -> None:
    acting = Acting(annotations=NEVER)
    acting.recommend("300m")
    acting.tick()
    for one in acting.pods():
        one["status"]["containerStatuses"] = [
            {"name": "app", "resources": {"limits": {"cpu": "200m"}, "requests": {"cpu": "200m"}}}
        ]
    plans = [acting.tick(after_s=100.0) for _ in range(4)]
    assert [plan.reason for plan in plans][-1] == "NotLanded"
    assert not plans[-1].able


def test_complaint_06_a_single_replica_is_resized_in_place() -> None:
    acting = Acting(replicas=1)
    before = [one["metadata"]["name"] for one in acting.pods()]
    acting.recommend("300m")
    acting.tick()
    assert acting.sizes() == ["300m"]
    assert [one["metadata"]["name"] for one in acting.pods()] == before


def test_complaint_06_that_a_single_replica_stays_as_it_is_is_said() -> None:
    only = (pod("a", LARGE, conditions=(pending("Infeasible"),)),)
    plan = planned(
        autoscaler(1, **GROW), situation(target(1, LARGE), only, replica_sets=LARGE_SETS)
    )
    assert EvictPod not in kinds(plan)
    assert (plan.reason, plan.able) == ("ResizeStuck", False)
    assert "the only replica is not evicted" in plan.message


def test_complaint_07_a_resize_that_fails_evicts_nothing_where_the_user_forbids_it() -> None:
    acting = Acting(annotations=NEVER)
    acting.recommend("300m")
    acting.tick()
    acting.put_off("Infeasible")
    names = {one["metadata"]["name"] for one in acting.pods()}
    for _ in range(100):
        plan = acting.tick()
    assert "evictions are turned off by annotation" in plan.message
    assert {one["metadata"]["name"] for one in acting.pods()} == names


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [(TemporaryError("503"), 10.0), (RefusedError("422 not now", 422), 3601.0)],
)
def test_complaint_07_a_refusal_is_not_believed_for_ever(error: Exception, wait_s: float) -> None:
    acting = Acting(annotations=NEVER)

    def refusing(method: str, path: str) -> None:
        if path.endswith("/resize"):
            raise error

    acting.cluster.before.append(refusing)
    acting.recommend("300m")
    acting.tick()
    assert acting.sizes() == ["200m", "200m"]
    acting.cluster.before.remove(refusing)
    acting.tick(after_s=wait_s)
    assert acting.sizes() == ["300m", "300m"]


@pytest.mark.parametrize("mode", ["Auto", "Recreate"])
def test_complaint_08_a_disruption_budget_that_allows_nothing_is_told_and_never_passed(
    mode: str,
) -> None:
    stuck = (pod("a", LARGE, conditions=(pending("Infeasible"),)), pod("b", LARGE))
    strategy = {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}
    now = situation(target(spec=strategy), disruptions_allowed=0)
    if mode == "Auto":
        now = replace(now, target=target(size=LARGE), pods=stuck, replica_sets=LARGE_SETS)
    plan = planned(autoscaler(2, mode=mode, **GROW), now)
    assert not {EvictPod, RollTemplate} & set(kinds(plan))
    assert not plan.able
    assert "PodDisruptionBudget" in plan.message


def test_complaint_08_the_deadlock_is_an_event_that_an_alert_can_be_made_of() -> None:
    acting = Acting()
    acting.cluster.put_object(
        "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/checkout",
        {
            "metadata": {"namespace": "shop", "name": "checkout"},
            "spec": {"selector": {"matchLabels": {"app": "checkout"}}},
            "status": {"disruptionsAllowed": 0},
        },
    )
    acting.recommend("300m")
    acting.tick()
    acting.put_off("Infeasible")
    for _ in range(3):
        acting.tick()
    events = [item for path, item in acting.cluster.objects.items() if "/events/" in path]
    warnings = [item for item in events if item["type"] == "Warning"]
    assert [item["reason"] for item in warnings] == ["ResizeStuck"], "told once"
    assert "PodDisruptionBudget" in warnings[0]["message"]
    assert acting.count("/eviction") == 0


def test_complaint_12_nothing_is_scaled_during_a_rollout() -> None:
    now = situation(target(updatedReplicas=1))
    plan = planned(autoscaler(4, **GROW), now)
    assert (plan.actions, plan.reason) == ((), "RolloutInProgress")


def test_complaint_14_a_sidecar_without_requests_is_neither_read_nor_changed() -> None:
    acting = Acting()
    acting.recommend("300m", replicas=3)
    acting.tick()
    acting.tick()
    assert acting.sizes() == ["300m"] * 3
    containers = [
        container
        for one in (*acting.pods(), acting.cluster.objects[DEPLOYMENT]["spec"]["template"])
        for container in one["spec"]["containers"]
    ]
    assert [one["resources"] for one in containers if one["name"] == "proxy"] == [{}] * 4


ACTIONS: tuple[Action, ...] = (
    SetReplicas(3),
    PauseWithTemplate({"app": LARGE}, "marker"),
    ResumeRollouts(),
    RollTemplate({"app": LARGE}, "marker"),
)


def leaves(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The fields that a patch sets; a list's items are all called *, as containers are."""
    if isinstance(value, dict) and value:
        return {leaf for key, item in value.items() for leaf in leaves(item, (*path, str(key)))}
    if isinstance(value, list):
        return {leaf for item in value for leaf in leaves(item, (*path, "*"))}
    return {path}


def ignored_fields() -> set[tuple[str, ...]]:
    """What the page tells the users of Argo CD to leave to the cluster."""
    page = (REPOSITORY / "manifests" / "README.md").read_text()
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.S)]
    rules = next(block["spec"]["ignoreDifferences"] for block in blocks if "spec" in block)
    (rule,) = [rule for rule in rules if rule["kind"] == "Deployment"]
    pointers = {
        tuple(part.replace("~1", "/") for part in pointer.strip("/").split("/"))
        for pointer in rule["jsonPointers"]
    }
    queries = {
        tuple(query.strip(".").replace("[]", ".*").split("."))
        for query in rule["jqPathExpressions"]
    }
    return pointers | queries


def test_complaint_15_what_gitops_is_told_to_leave_alone_is_all_that_the_actuator_writes() -> None:
    ignored, used = ignored_fields(), set()
    for action in ACTIONS:
        body = request_of(target(), action, "policy/v1").body
        for leaf in leaves(body) - {("metadata", "resourceVersion")}:
            if leaf == ("spec", "template", "spec", "containers", "*", "name"):
                continue  # which container, not a value
            covering = {field for field in ignored if leaf[: len(field)] == field}
            assert covering, f"{'.'.join(leaf)} would be reset"
            used |= covering
    assert used == ignored, "and nothing more is left alone"


def test_complaint_15_replicas_that_a_sync_resets_are_set_again_by_the_next_tick() -> None:
    acting = Acting()
    acting.recommend(replicas=4)
    acting.tick()
    acting.cluster.objects[DEPLOYMENT]["spec"]["replicas"] = 2
    acting.tick()
    assert acting.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 4
    assert len(acting.pods()) == 4


@pytest.mark.parametrize("mode", ["Auto", "Initial"])
def test_complaint_16_pods_of_a_stateful_set_are_never_replaced_unless_asked_for(mode: str) -> None:
    mine = autoscaler(2, mode=mode, kind="StatefulSet", **GROW)
    running = (pod("a"), pod("b", conditions=(pending("Infeasible"),)))
    for resizes in (True, False):
        now = situation(target(kind="StatefulSet"), running, pods_resize=resizes)
        plan = planned(mine, now)
        assert set(kinds(plan)) <= {ResizePod}
    assert not plan.able
    assert "updateMode Recreate would restart" in plan.message


def test_complaint_16_initial_leaves_the_running_pods_of_a_stateful_set_as_they_are() -> None:
    mine = autoscaler(2, mode="Initial", kind="StatefulSet", **GROW)
    plan = planned(mine, situation(target(kind="StatefulSet")))
    assert plan.actions == ()


def test_every_complaint_has_a_test_that_is_named_after_it() -> None:
    found = {
        int(number)
        for file in (REPOSITORY / "tests").rglob("test_complaints*.py")
        for number in re.findall(r"^def test_complaint_(\d\d)_", file.read_text(), re.M)
    }
    assert found == set(range(1, 17))
