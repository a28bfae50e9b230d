from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.conditions import (
    Condition,
    condition,
    conditions_of,
    timestamp,
    with_condition,
)
from components.kubernetes_api.disruption import Budget, disruptions_allowed
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.fields import Fields
from components.kubernetes_api.owners import HPA, KEDA, VPA, claim_of, other_owners
from components.kubernetes_api.pods import pod_of
from components.kubernetes_api.resources import Resources, qos_class, resources_of
from components.kubernetes_api.selectors import Selector, query_of, selector_of
from components.kubernetes_api.targets import target_of

MI = 2**20
MPA = {
    "metadata": {"namespace": "shop", "name": "checkout", "uid": "1"},
    "spec": {
        "scaleTargetRef": {"kind": "Deployment", "name": "checkout"},
        "policy": {"updateMode": "Auto"},
        "constraints": {"global": {"minReplicas": 1, "maxReplicas": 6}},
    },
}


def changed(*path_and_value: Any) -> dict[str, Any]:
    *path, value = path_and_value
    document = copy.deepcopy(MPA)
    place: Any = document
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return document


def test_unset_bounds_and_constraints_are_no_crash_and_no_policy_is_off() -> None:
    bare = autoscaler_of(
        {
            "metadata": MPA["metadata"],
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}},
        }
    )
    assert (bare.update_mode, bare.replicas_min, bare.replicas_max) == ("Off", None, None)
    assert (bare.phase, bare.paused, bare.evicts) == ("INCUMBENT", False, True)
    assert (bare.desired_replicas, bare.recommendations) == (None, ())
    assert bare.policy("app").controlled


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed("spec", "scaleTargetRef", "name", ""), "spec.scaleTargetRef.name is missing"),
        (changed("spec", "scaleTargetRef", "kind", 3), "spec.scaleTargetRef.kind is 3, not a text"),
        (changed("spec", "policy", "updateMode", "Always"), "'Always' is not one of Off"),
        (changed("spec", "constraints", []), "spec.constraints is [], not a mapping"),
        (changed("spec", "constraints", "global", "maxReplicas", -1), "maxReplicas is -1"),
        (changed("spec", "constraints", "global", "minReplicas", 9), "9 is above maxReplicas 6"),
        (changed("status", "desiredReplicas", "3"), "status.desiredReplicas is '3'"),
        (
            changed("metadata", "annotations", {"aware.autoscaling/phase": "ROOT"}),
            "'ROOT' is not one of INCUMBENT",
        ),
        (
            changed(
                "status",
                "recommendation",
                "containerRecommendations",
                [{"containerName": "app", "target": {"cpu": "much"}}],
            ),
            "containerRecommendations[0].target.cpu: 'much' is no CPU quantity",
        ),
    ],
)
def test_what_cannot_be_acted_on_is_named_with_object_and_field(
    document: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadObjectError) as told:
        autoscaler_of(document)
    assert str(told.value).startswith("MultidimPodAutoscaler shop/checkout: ")
    assert words in str(told.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    (
                        "spec",
                        "status",
                        "metadata",
                        "scaleTargetRef",
                        "constraints",
                        "global",
                        "name",
                    )
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_document_at_all_raises_anything_else(document: Any) -> None:
    if isinstance(document, dict):
        with pytest.raises(BadObjectError):
            autoscaler_of(document)


def test_a_lone_limit_is_the_request_too() -> None:
    container = Fields("x", "", {"resources": {"limits": {"cpu": "200m", "memory": "64Mi"}}})
    assert resources_of(container) == Resources(200, 64 * MI, 200, 64 * MI)


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ({"a": Resources(), "b": Resources()}, "BestEffort"),
        ({"a": Resources(0, 0)}, "BestEffort"),
        ({"a": Resources(100)}, "Burstable"),
        ({"a": Resources(100, MI, 100, MI), "b": Resources()}, "Burstable"),
        ({"a": Resources(100, MI, 200, MI)}, "Burstable"),
        ({"a": Resources(100, MI, 100, MI)}, "Guaranteed"),
    ],
)
def test_the_qos_class(containers: dict[str, Resources], expected: str) -> None:
    assert qos_class(containers) == expected


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    first = with_condition((), Condition("A", "True", "r", "m"), 10.0)
    assert first == (Condition("A", "True", "r", "m", 10.0),)
    assert with_condition(first, Condition("A", "True", "r", "m"), 20.0) == first
    other_words = with_condition(first, Condition("A", "True", "r", "n"), 20.0)
    assert other_words == (Condition("A", "True", "r", "n", 10.0),)
    turned = with_condition(other_words, Condition("A", "False", "r", "n"), 30.0)
    assert turned == (Condition("A", "False", "r", "n", 30.0),)
    two = with_condition(turned, Condition("B", "True"), 40.0)
    assert condition(two, "A") == turned[0]
    assert len(with_condition((), Condition("A", "True", "r", "x" * 9999), 0.0)[0].message) == 1024


def test_conditions_round_trip() -> None:
    item = Condition("A", "True", "r", "m", 1_767_225_600.0)
    assert timestamp(1_767_225_600.9) == "2026-01-01T00:00:00Z"
    status = Fields("x", "status", {"conditions": [item.to_document()]})
    assert conditions_of(status) == (item,)


SELECTOR = {
    "matchLabels": {"app": "shop"},
    "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["web", "api"]},
        {"key": "track", "operator": "NotIn", "values": ["canary"]},
        {"key": "team", "operator": "Exists"},
        {"key": "old", "operator": "DoesNotExist"},
    ],
}


@pytest.mark.parametrize(
    ("labels", "selected"),
    [
        ({"app": "shop", "tier": "web", "team": "a"}, True),
        ({"app": "shop", "tier": "web", "team": "a", "track": "stable"}, True),
        ({"app": "shop", "tier": "web", "team": "a", "track": "canary"}, False),
        ({"app": "shop", "tier": "db", "team": "a"}, False),
        ({"app": "shop", "tier": "web"}, False),
        ({"app": "shop", "tier": "web", "team": "a", "old": ""}, False),
        ({"tier": "web", "team": "a"}, False),
    ],
)
def test_selectors_select_as_kubernetes_does(labels: dict[str, str], selected: bool) -> None:
    assert selector_of(Fields("x", "", SELECTOR)).selects(labels) is selected


def test_a_selector_is_a_query_and_an_unknown_operator_an_error() -> None:
    selector = selector_of(Fields("x", "", SELECTOR))
    assert query_of(selector) == "app in (shop),tier in (web,api),track notin (canary),team,!old"
    unknown = {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}
    with pytest.raises(BadObjectError, match="'Gt' is unknown"):
        selector_of(Fields("x", "", unknown))


def owner(reference: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "other"},
        "spec": {reference: {"kind": "Deployment", "name": "checkout"}, **spec},
    }


def test_who_else_scales_a_workload_is_named() -> None:
    mine = autoscaler_of(MPA)
    claims = [
        claim_of(owner("scaleTargetRef"), HPA),
        claim_of(owner("targetRef"), VPA),
        claim_of(
            {
                "metadata": {"namespace": "shop", "name": "k"},
                "spec": {"scaleTargetRef": {"name": "checkout"}},
            },
            KEDA,
        ),
    ]
    assert other_owners(mine, [claim for claim in claims if claim], [mine]) == (
        "HorizontalPodAutoscaler shop/other",
        "ScaledObject shop/k",
        "VerticalPodAutoscaler shop/other",
    )


def test_a_vpa_that_only_recommends_and_objects_elsewhere_are_no_owners() -> None:
    mine = autoscaler_of(MPA)
    assert claim_of(owner("targetRef", updatePolicy={"updateMode": "Off"}), VPA) is None
    elsewhere = owner("scaleTargetRef")
    elsewhere["metadata"]["namespace"] = "other"
    claim = claim_of(elsewhere, HPA)
    assert claim is not None
    assert other_owners(mine, [claim], [mine]) == ()


def test_the_tightest_of_the_budgets_that_apply_counts() -> None:
    everything = Selector(())
    shop = selector_of(Fields("x", "", {"matchLabels": {"app": "shop"}}))
    budgets = [
        Budget("a", "all", everything, 3),
        Budget("a", "shop", shop, 1),
        Budget("b", "all", everything, 0),
    ]
    assert disruptions_allowed("a", {"app": "shop"}, budgets) == 1
    assert disruptions_allowed("a", {"app": "other"}, budgets) == 3
    assert disruptions_allowed("c", {"app": "shop"}, budgets) is None


@pytest.mark.parametrize(
    ("strategy", "taken"),
    [
        ({}, 1),  # 25 % of 7, rounded down
        ({"rollingUpdate": {"maxUnavailable": "50%"}}, 3),
        ({"rollingUpdate": {"maxUnavailable": 2}}, 2),
        ({"rollingUpdate": {"maxUnavailable": 0}}, 0),
        ({"type": "Recreate"}, 7),
    ],
)
def test_how_many_pods_a_rollout_takes_at_once(strategy: dict[str, Any], taken: int) -> None:
    document = {
        "metadata": {"namespace": "shop", "name": "checkout"},
        "spec": {"replicas": 7, "strategy": strategy, "template": {"spec": {"containers": []}}},
    }
    assert target_of(document, "Deployment").max_unavailable == taken


def pod_with(**status: Any) -> dict[str, Any]:
    size = {"cpu": "200m", "memory": "64Mi"}
    return {
        "metadata": {"namespace": "shop", "name": "a", "uid": "1"},
        "spec": {"containers": [{"name": "app", "resources": {"requests": size, "limits": size}}]},
        "status": {"phase": "Running", **status},
    }


def told(cpu: str) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "app", "resources": {"requests": {"cpu": cpu}}}]}


@pytest.mark.parametrize(
    ("status", "landed"),
    [
        ({}, True),  # a kubelet before 1.33 tells nothing
        (told("200m"), True),
        (told("0.2"), True),
        (told("100m"), False),
        ({"conditions": [{"type": "PodResizePending", "status": "True"}]}, False),
        ({"conditions": [{"type": "PodResizeInProgress", "status": "True"}]}, False),
        ({"conditions": [{"type": "PodResizeInProgress", "status": "False"}]}, True),
    ],
)
def test_a_resize_has_landed_when_the_kubelet_says_so(status: dict[str, Any], landed: bool) -> None:
    pod = pod_of(pod_with(**status))
    assert pod.landed({"app": Resources(200, 64 * MI, 200, 64 * MI)}) is landed
    assert not pod.landed({"app": Resources(300, 64 * MI, 300, 64 * MI)})


def test_a_pod_that_is_leaving_or_done_is_not_active() -> None:
    assert pod_of(pod_with()).active
    assert not pod_of(pod_with(phase="Failed")).active
    leaving = pod_with()
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not pod_of(leaving).active
