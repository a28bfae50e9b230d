from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from components.artifacts.bundle import Bundle, encode, load, publish
from components.artifacts.local import LocalStore
from components.errors import UserError

names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64]), hnp.array_shapes(min_side=0, max_side=4)
)
bundles = st.builds(
    Bundle,
    st.just("shop/checkout"),
    st.dictionaries(names, finite, max_size=4),
    st.dictionaries(names, arrays, max_size=4),
    st.fixed_dictionaries({"metrics": st.dictionaries(names, finite), "verdict": st.booleans()}),
)
BUNDLE = Bundle(
    "shop/checkout",
    {"target": 0.5},
    {"weights": np.arange(6.0).reshape(2, 3)},
    {"metrics": {"reward": 0.8}},
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(bundle=bundles)
def test_a_bundle_comes_back_as_it_was_published(tmp_path: Path, bundle: Bundle) -> None:
    store = LocalStore(tmp_path)
    digest = publish(store, bundle)
    read = load(store, digest)

    assert read.workload == bundle.workload
    assert read.rule_parameters == bundle.rule_parameters
    assert read.manifest == bundle.manifest
    assert read.arrays.keys() == bundle.arrays.keys()
    for name, array in bundle.arrays.items():
        assert read.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(read.arrays[name], array)


def test_the_same_bundle_twice_is_one_bundle(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    turned = Bundle(
        BUNDLE.workload,
        BUNDLE.rule_parameters,
        {"weights": np.asfortranarray(BUNDLE.arrays["weights"])},
        BUNDLE.manifest,
    )

    assert publish(store, BUNDLE) == publish(store, BUNDLE) == publish(store, turned)
    assert [key.split("/")[2] for key in store.list("policies/")] == [
        "bundle.json",
        "policy.safetensors",
    ]


def test_every_part_of_a_bundle_is_in_its_digest() -> None:
    others = [
        Bundle("shop/cart", BUNDLE.rule_parameters, BUNDLE.arrays, BUNDLE.manifest),
        Bundle(BUNDLE.workload, {"target": 0.6}, BUNDLE.arrays, BUNDLE.manifest),
        Bundle(BUNDLE.workload, BUNDLE.rule_parameters, {}, BUNDLE.manifest),
        Bundle(BUNDLE.workload, BUNDLE.rule_parameters, BUNDLE.arrays, {}),
    ]

    assert len({encode(bundle)[2] for bundle in [BUNDLE, *others]}) == 5


@pytest.mark.parametrize("name", ["bundle.json", "policy.safetensors"])
@pytest.mark.parametrize("damage", ["truncated", "altered", "deleted", "emptied"])
def test_a_damaged_bundle_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    store = LocalStore(tmp_path)
    digest = publish(store, BUNDLE)
    path = tmp_path / "policies" / digest / name
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(data[:-1])
    elif damage == "altered":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "emptied":
        path.write_bytes(b"")
    else:
        path.unlink()

    with pytest.raises(UserError, match=f"bundle {digest} (was altered|is missing or incomplete)"):
        load(store, digest)
    if damage != "deleted":
        with pytest.raises(UserError, match="already holds other content"):
            publish(store, BUNDLE)


def test_a_bundle_that_was_only_half_published_is_completed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    policy, _, digest = encode(BUNDLE)
    store.write_once(f"policies/{digest}/policy.safetensors", policy)

    assert publish(store, BUNDLE) == digest
    assert load(store, digest).rule_parameters == BUNDLE.rule_parameters


def test_a_bundle_of_a_later_schema_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    monkeypatch.setattr("components.artifacts.bundle.SCHEMA_VERSION", 2)
    digest = publish(store, BUNDLE)
    monkeypatch.undo()

    with pytest.raises(UserError, match="has schema 2, this release reads 1"):
        load(store, digest)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "ab", "G" * 64])
def test_only_a_digest_names_a_bundle(tmp_path: Path, digest: str) -> None:
    with pytest.raises(UserError, match="is not a bundle's digest"):
        load(LocalStore(tmp_path), digest)


@pytest.mark.parametrize(
    "bad",
    [
        Bundle("a/b", {"target": float("nan")}, {}, {}),
        Bundle("a/b", {}, {}, {"metrics": {"reward": float("inf")}}),
    ],
)
def test_what_is_not_finite_is_never_published(tmp_path: Path, bad: Bundle) -> None:
    with pytest.raises(ValueError, match=r"nan|JSON compliant"):
        publish(LocalStore(tmp_path), bad)
    assert LocalStore(tmp_path).list("") == []


def test_bundle_json_can_be_read_by_a_person(tmp_path: Path) -> None:
    digest = publish(LocalStore(tmp_path), BUNDLE)
    text = (tmp_path / "policies" / digest / "bundle.json").read_text()
    document: dict[str, Any] = json.loads(text)

    assert document == {
        "schema_version": 1,
        "workload": "shop/checkout",
        "rule_parameters": {"target": 0.5},
        "metrics": {"reward": 0.8},
    }
    assert text.count("\n") > 5
