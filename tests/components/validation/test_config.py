from __future__ import annotations

import math

import pytest

from components.errors import UserError
from components.validation.config import ValidationConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seeds", 1),
        ("traces", 0),
        ("decisions", 3),
        ("violation_margin", -0.01),
        ("violation_penalty", math.nan),
        ("oom_penalty", -0.1),
        ("level_spread", -0.1),
        ("kill_margin_per_h", -0.1),
        ("confidence", 1.0),
        ("confidence", 0.4),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(field: str, value: float) -> None:
    with pytest.raises(UserError, match=f"validation: {field} is {value}"):
        ValidationConfig(**{field: value})  # type: ignore[arg-type]
