"""Every object against the published schemas of its kind: no field that isn't there, no wrong type.

Those of Kubernetes come with kubernetes-validate, for versions far newer than the rig's server;
the Prometheus operator's as cloudcoil's models of its CRDs.
"""

import kubernetes_validate
import pytest
from cloudcoil.models.prometheus_operator import v1 as monitoring

from tests.manifests.rendered import APPLIED, rendered

# The oldest with all that the manifests use, and the newest that was published.
VERSIONS = ("1.25", "1.37")
MODELS = {
    "PrometheusRule": monitoring.PrometheusRule,
    "ServiceMonitor": monitoring.ServiceMonitor,
}


@pytest.mark.parametrize("overlay", APPLIED)
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_own_kinds_have_no_field_that_their_schema_lacks(overlay, version):
    for item in rendered(overlay):
        if item["kind"] not in MODELS:
            kubernetes_validate.validate(item, version, strict=True)


def test_a_field_that_does_not_exist_or_has_another_type_is_found():
    deployment = next(item for item in rendered("dev") if item["kind"] == "Deployment")
    for wrong in ({"replica": 2}, {"replicas": "2"}):
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(
                deployment | {"spec": deployment["spec"] | wrong}, VERSIONS[-1], strict=True
            )


def test_the_operator_s_kinds_hold_nothing_that_its_definitions_lack():
    found = [item for item in rendered("production") if item["kind"] in MODELS]
    assert {item["kind"] for item in found} == set(MODELS)
    for item in found:
        # The models leave out what they don't know.
        assert dumped(item) == item
    found[0]["spec"]["interval"] = "1m"
    assert dumped(found[0]) != found[0]


def dumped(item):
    model = MODELS[item["kind"]].model_validate(item)
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
