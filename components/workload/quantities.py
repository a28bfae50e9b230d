"""Kubernetes quantities: text to integer millicores and bytes, and back.

Grammar: a signed decimal, then nothing, a decimal exponent (``1e3``), a decimal suffix (``n`` to
``E``) or a binary one (``Ki`` to ``Ei``); a quantity finer than the unit is rounded up
(kubernetes/apimachinery, pkg/api/resource/quantity.go).

| text    | parse_cpu | parse_memory |
|---------|-----------|--------------|
| "250m"  | 250       | 1            |
| "1.5"   | 1500      | 2            |
| "64Mi"  | -         | 67108864     |
| "1G"    | -         | 1000000000   |
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_SUFFIX = r"[eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i"
_QUANTITY = re.compile(rf"(?P<number>{_NUMBER})(?P<suffix>{_SUFFIX})?")
# The same for a JSON schema, whose patterns have no named groups.
WRITTEN_QUANTITY = rf"^({_NUMBER})({_SUFFIX})?$"
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
# Kubernetes caps a quantity here (2^63 - 1); more is a typing mistake.
_LARGEST = Decimal(2**63 - 1)


def parse_cpu(text: str | float) -> int:
    """Return CPU in millicores; ``"250m"`` is 250 and ``"1.5"`` is 1500.

    Raises ValueError for what is no quantity, is negative or is too large.
    """
    return _rounded_up(_parse(text, "CPU", "250m or 1.5") * 1000, text)


def parse_memory(text: str | float) -> int:
    """Return memory in bytes; ``"64Mi"`` is 67108864 and ``"1G"`` is 1000000000.

    Raises ValueError for what is no quantity, is negative or is too large.
    """
    return _rounded_up(_parse(text, "memory", "64Mi or 1G"), text)


def format_cpu(cpu_m: int) -> str:
    """Return millicores as Kubernetes writes them: 1500 is ``"1500m"``, 2000 is ``"2"``."""
    if cpu_m < 0:
        raise ValueError(f"CPU can't be negative: {cpu_m} millicores")
    return str(cpu_m // 1000) if cpu_m % 1000 == 0 else f"{cpu_m}m"


def format_memory(memory_bytes: int) -> str:
    """Return bytes exactly, in mebibytes where they divide, else in kibibytes or plain bytes."""
    if memory_bytes < 0:
        raise ValueError(f"memory can't be negative: {memory_bytes} bytes")
    if memory_bytes == 0:
        return "0"
    if memory_bytes % 2**20 == 0:
        return f"{memory_bytes // 2**20}Mi"
    if memory_bytes % 2**10 == 0:
        return f"{memory_bytes // 2**10}Ki"
    return str(memory_bytes)


def _parse(text: str | float, what: str, example: str) -> Decimal:
    match = None if isinstance(text, bool) else _QUANTITY.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is no {what} quantity (write it like {example})")
    number, suffix = Decimal(match["number"]), match["suffix"]
    if suffix is None:
        return number
    if suffix in _SUFFIXES:
        return number * _SUFFIXES[suffix]
    return number.scaleb(int(suffix[1:]))


def _rounded_up(value: Decimal, text: str | float) -> int:
    if value > _LARGEST:
        raise ValueError(f"{text!r} is larger than any cluster")
    return int(value.to_integral_value(rounding=ROUND_CEILING))
