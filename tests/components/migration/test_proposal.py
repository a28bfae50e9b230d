"""What HPA, VPA and KEDA objects become: the same bounds, nothing applied, nothing lost."""

import jsonschema
import pytest
import yaml

from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.container_policy import Size
from components.kubernetes_api.errors import BadObjectError
from components.migration.proposal import found_by_target, notes, proposal

MIB = 1 << 20
HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: checkout-hpa, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  minReplicas: 2
  maxReplicas: 9
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}
    - type: Pods
      pods: {metric: {name: queue}, target: {type: AverageValue, averageValue: "30"}}
  behavior: {scaleDown: {stabilizationWindowSeconds: 120}}
"""
VPA = """
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: checkout-vpa, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  updatePolicy: {updateMode: InPlaceOrRecreate}
  resourcePolicy:
    containerPolicies:
      - containerName: app
        minAllowed: {memory: 64Mi}
        maxAllowed: {cpu: 1500m, memory: 1Gi}
        controlledResources: [memory]
        controlledValues: RequestsOnly
      - {containerName: "*", mode: "Off"}
"""
KEDA = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, namespace: shop}
spec:
  scaleTargetRef: {name: worker}
  maxReplicaCount: 20
  triggers:
    - {type: cpu, metricType: Utilization, metadata: {value: "70"}}
    - {type: prometheus, metadata: {query: "up", threshold: "5"}}
"""


def found_in_yaml(*texts):
    return found_by_target([yaml.safe_load(text) for text in texts], "default")


def test_an_hpa_and_a_vpa_of_one_target_become_one_object_with_both_bounds():
    (found,) = found_in_yaml(HPA, VPA)
    mpa = autoscaler_of(proposal(found))
    assert (mpa.namespace, mpa.name, mpa.target_name) == ("shop", "checkout", "checkout")
    assert (mpa.replicas_min, mpa.replicas_max) == (2, 9)
    assert mpa.cpu_utilisation == 0.65
    policy = mpa.policy("app")
    assert policy.minimum == Size(None, 64 * MIB)
    assert policy.maximum == Size(1500, 1024 * MIB)
    assert policy.resources == {"memory"}
    assert not policy.limits_follow
    assert not mpa.policy("sidecar").controlled


def test_what_was_live_only_recommends_until_a_person_says_so():
    (found,) = found_in_yaml(HPA, VPA)
    assert autoscaler_of(proposal(found)).update_mode == "Off"
    told = notes(found)
    assert any("InPlaceOrRecreate" in note and "Off" in note for note in told)
    assert any("checkout-hpa" in note and "checkout-vpa" in note for note in told)


def test_behaviour_is_carried_and_a_metric_without_a_place_is_named():
    (found,) = found_in_yaml(HPA)
    replicas = proposal(found)["spec"]["constraints"]["global"]
    assert replicas["behavior"] == {"scaleDown": {"stabilizationWindowSeconds": 120}}
    assert any("metric Pods of HorizontalPodAutoscaler shop/checkout-hpa" in n for n in found.notes)


def test_without_a_vpa_the_sizes_are_left_alone():
    (found,) = found_in_yaml(HPA)
    assert not autoscaler_of(proposal(found)).policy("app").controlled


def test_without_an_hpa_the_replicas_stay_at_one_and_a_note_says_so():
    (found,) = found_in_yaml(VPA)
    mpa = autoscaler_of(proposal(found))
    assert (mpa.replicas_min, mpa.replicas_max) == (1, 1)
    assert any("set your own" in note for note in notes(found))


def test_a_scaled_object_keeps_one_replica_and_names_its_other_trigger():
    (found,) = found_in_yaml(KEDA)
    mpa = autoscaler_of(proposal(found))
    assert (mpa.target_kind, mpa.replicas_min, mpa.replicas_max) == ("Deployment", 1, 20)
    assert mpa.cpu_utilisation == 0.7
    assert any("trigger prometheus" in note for note in found.notes)
    assert any("scale to 0" in note for note in found.notes)


def test_an_old_hpa_has_its_percent_and_one_without_metrics_kubernetes_default_of_80():
    old = yaml.safe_load(HPA)
    old["spec"] = {**old["spec"], "metrics": [], "targetCPUUtilizationPercentage": 55}
    assert found_by_target([old], "default")[0].cpu_percent == 55
    del old["spec"]["targetCPUUtilizationPercentage"]
    assert found_by_target([old], "default")[0].cpu_percent == 80


def test_two_hpas_of_one_target_keep_the_first_and_say_so():
    second = HPA.replace("checkout-hpa", "other").replace("maxReplicas: 9", "maxReplicas: 3")
    (found,) = found_in_yaml(HPA, second)
    assert found.replicas_max == 9
    assert any("replicas_max of HorizontalPodAutoscaler shop/other" in note for note in found.notes)


@pytest.mark.parametrize("texts", [(HPA,), (VPA,), (HPA, VPA), (KEDA,)])
def test_the_proposal_fits_the_crd(texts, crd_schema):
    (found,) = found_in_yaml(*texts)
    jsonschema.validate(proposal(found), crd_schema)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("kind: HorizontalPodAutoscaler", "kind: CronJob", "CronJob shop/checkout-hpa"),
        ("name: checkout}", "label: x}", "scaleTargetRef.name is missing"),
        ("maxReplicas: 9", "maxReplicas: many", "maxReplicas is 'many'"),
    ],
)
def test_a_broken_object_is_named_with_its_field(old, new, named):
    with pytest.raises(BadObjectError, match=named):
        found_in_yaml(HPA.replace(old, new))
