import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.cluster.parameters import highs, lows
from components.policy import rule_parameters as rp

units = arrays(np.float64, rp.RULE_COUNT, elements=st.floats(0.0, 1.0))


@settings(deadline=None)
@given(units)
def test_scaling_to_the_unit_box_and_back_is_the_identity(unit: np.ndarray) -> None:
    np.testing.assert_allclose(rp.to_unit(rp.from_unit(unit)), unit, atol=1e-9)


@settings(deadline=None)
@given(arrays(np.float64, rp.RULE_COUNT, elements=st.floats(-5.0, 5.0)))
def test_every_unit_vector_gives_a_rule_inside_its_bounds(unit: np.ndarray) -> None:
    rule = rp.from_unit(unit)
    assert (rule >= lows(rp.RULE_PARAMETERS)).all()
    assert (rule <= highs(rp.RULE_PARAMETERS)).all()


def test_logarithmic_parameters_have_their_geometric_mean_in_the_middle() -> None:
    middle = rp.from_unit(np.full(rp.RULE_COUNT, 0.5))
    assert middle[rp.MEMORY_MARGIN] == pytest.approx(np.sqrt(0.01 * 1.0))
    assert middle[rp.SCALE_DOWN_WAIT_MIN] == pytest.approx(7.5)


def test_names_and_positions_agree() -> None:
    values = dict(zip(rp.RULE_NAMES, np.arange(rp.RULE_COUNT, dtype=float), strict=True))
    np.testing.assert_array_equal(rp.rule_of(values), np.arange(rp.RULE_COUNT))
    for index, name in enumerate(rp.RULE_NAMES):
        assert getattr(rp, name.upper()) == index


def test_the_default_rule_is_inside_its_bounds() -> None:
    np.testing.assert_allclose(rp.from_unit(rp.to_unit(rp.default_rule())), rp.default_rule())
