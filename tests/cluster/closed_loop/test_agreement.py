import numpy as np

from tests.cluster.closed_loop.agreement import Pair, ranking_agrees, sure_pairs

_CHANCE = np.arange(100) / 1000  # what each episode's member and draw add for every arm


def test_a_pair_whose_order_chance_decides_on_the_twin_is_a_tie() -> None:
    wins_94_of_100 = np.where(np.arange(100) < 94, 0.01, -0.01)
    twin = {"a": _CHANCE + wins_94_of_100, "b": _CHANCE}
    assert sure_pairs(twin, {"a": 0.1, "b": 0.9}) == []


def test_a_pair_that_nearly_all_episodes_order_alike_is_compared_with_reality() -> None:
    wins_95_of_100 = np.where(np.arange(100) < 95, 0.001, -0.01)
    twin = {"a": _CHANCE + wins_95_of_100, "b": _CHANCE}
    (pair,) = sure_pairs(twin, {"a": 0.5, "b": 0.75})
    assert pair == Pair("a", "b", 0.95, -0.25)
    assert not pair.agrees


def test_one_reversed_pair_is_enough_to_disagree_and_no_sure_pair_is_no_agreement() -> None:
    right, wrong = Pair("a", "b", 1.0, 0.01), Pair("a", "c", 0.97, -0.01)
    assert ranking_agrees([right])
    assert not ranking_agrees([right, wrong])
    assert not ranking_agrees([])
