import numpy as np
import pytest

from components.embedding.map import map_png, principal_axes


def test_axes_of_points_on_a_cross_by_hand() -> None:
    """Four points: +-2 along the second coordinate, +-1 along the first; 80 % and 20 %."""
    points = np.array([[0.0, 2.0], [0.0, -2.0], [1.0, 0.0], [-1.0, 0.0]]) + 5.0
    projection = principal_axes(points)
    np.testing.assert_allclose(projection.centre, [5.0, 5.0])
    np.testing.assert_allclose(projection.axes, [[0.0, 1.0], [1.0, 0.0]], atol=1e-12)
    assert projection.shares == pytest.approx((0.8, 0.2))
    np.testing.assert_allclose(projection(points[:1]), [[2.0, 0.0]], atol=1e-12)


def test_axes_don_t_flip_when_the_points_are_mirrored() -> None:
    points = np.random.default_rng(0).normal(size=(30, 6)) * np.arange(1, 7)
    first, mirrored = principal_axes(points), principal_axes(-points)
    np.testing.assert_allclose(first.axes, mirrored.axes, atol=1e-9)


def test_equal_embeddings_still_make_a_map() -> None:
    png = map_png(np.zeros((4, 3)), np.zeros((2, 3)), ["shop/a", "shop/b"])
    assert png.startswith(b"\x89PNG")
