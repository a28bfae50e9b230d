"""Kubernetes quantities to integers and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.workload.quantities import format_cpu, format_memory, parse_cpu, parse_memory


@pytest.mark.parametrize(
    ("text", "cpu_m"),
    [
        ("250m", 250),
        ("1.5", 1500),
        (".5", 500),
        (2, 2000),
        (0.1, 100),
        ("1k", 1_000_000),
        ("2e3", 2_000_000),
        ("100u", 1),
        ("0", 0),
        ("1.0005", 1001),
    ],
)
def test_cpu_is_millicores_rounded_up(text: str | float, cpu_m: int) -> None:
    assert parse_cpu(text) == cpu_m


@pytest.mark.parametrize(
    ("text", "memory_bytes"),
    [
        ("64Mi", 67_108_864),
        ("1G", 1_000_000_000),
        ("1Gi", 1_073_741_824),
        ("1.5Ki", 1536),
        ("1E", 10**18),
        ("1e6", 1_000_000),
        (1024, 1024),
        ("100m", 1),
    ],
)
def test_memory_is_bytes_rounded_up(text: str | int, memory_bytes: int) -> None:
    assert parse_memory(text) == memory_bytes


@pytest.mark.parametrize("text", ["", "250 m", "-1", "1.2.3", "64MiB", "NaN", "inf", "1ee3", True])
def test_what_is_no_quantity_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no CPU quantity \(write it like"):
        parse_cpu(text)


def test_a_quantity_above_what_kubernetes_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than any cluster"):
        parse_memory("10Ei")


@given(st.integers(min_value=0, max_value=10**9))
def test_cpu_survives_writing_and_reading(cpu_m: int) -> None:
    assert parse_cpu(format_cpu(cpu_m)) == cpu_m


@given(
    st.one_of(
        st.integers(min_value=0, max_value=2**60),
        st.integers(min_value=0, max_value=2**30).map(lambda mebibytes: mebibytes * 2**20),
    )
)
def test_memory_survives_writing_and_reading(memory_bytes: int) -> None:
    assert parse_memory(format_memory(memory_bytes)) == memory_bytes


def test_memory_is_written_in_mebibytes_where_it_divides() -> None:
    assert format_memory(67_108_864) == "64Mi"
    assert format_memory(1536) == "1536"
    assert format_memory(2048) == "2Ki"
    assert format_cpu(2000) == "2"
