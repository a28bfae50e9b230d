from types import SimpleNamespace

import pytest

from components.errors import UserError, require_at_least


def test_the_lowest_value_itself_is_allowed() -> None:
    require_at_least("embedding", SimpleNamespace(updates=1), {"updates": 1})


@pytest.mark.parametrize("value", [0, -3, float("nan")])
def test_a_value_below_or_no_number_is_refused_in_one_line(value: float) -> None:
    with pytest.raises(UserError) as caught:
        require_at_least("embedding", SimpleNamespace(updates=value), {"updates": 1})
    assert str(caught.value) == f"embedding: updates is {value}; give 1 or more"
