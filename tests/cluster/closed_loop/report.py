"""The closed loop's figures for people, beside the twin's, and its JSON line's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.reward import EPISODE_FIELDS
from tests.cluster.closed_loop.agreement import Pair, ranking_agrees, sure_pairs
from tests.cluster.closed_loop.arms import HPA, HPA_VPA, OURS, TITLES, Contest
from tests.cluster.closed_loop.figures import means, ranking
from tests.cluster.closed_loop.kept import Played
from tests.cluster.closed_loop.rows import header, row, show
from tests.cluster.closed_loop.twin_course import REPEATS, guarded_episodes, twin_episodes

_REWARD = EPISODE_FIELDS.index("reward")


def show_profile(contest: Contest, played: Sequence[Played]) -> None:
    """The courses of one profile: real rows, the twin's, and where it is sure of an order."""
    print(f"\n{played[0].course.profile}, real service\n{header()}")
    for one in played:
        for arm, measured in one.measured.items():
            show(f"{TITLES[arm]} {one.course.repeat + 1}", measured)
            print(f"  {'':24}{measured.last_word}")
    real = real_means(played)
    for arm, figures in real.items():
        print(row(f"{TITLES[arm]}, mean", figures))
    print(f"{played[0].course.profile}, twin")
    episodes = episodes_of(contest, played)
    twin = {arm: means(metrics) for arm, metrics in episodes.items()}
    for arm, figures in twin.items():
        print(row(TITLES[arm], figures))
    guarded = guarded_of(contest, played)
    print(row(f"{TITLES[OURS]}, guarded", means(guarded)))
    for field in ("reward", "violation", "core_hours"):
        orders = [" > ".join(ranking(figures, field)) for figures in (real, twin)]
        print(f"  by {field}: real {orders[0]}; twin {orders[1]}")
    for pair in pairs_of(episodes, real):
        print(
            f"  the twin is sure ({pair.share:.0%}) that {pair.better} is better than"
            f" {pair.worse}: really by {pair.real_difference:+.4f}"
        )
    firsts = {arm: metrics[::REPEATS] for arm, metrics in episodes.items()} | {OURS: guarded}
    for pair in pairs_of(firsts, real):
        if OURS in (pair.better, pair.worse):
            print(
                f"  guarded, it is sure ({pair.share:.0%}) that {pair.better} is better than"
                f" {pair.worse}: really by {pair.real_difference:+.4f}"
            )


def real_means(played: Sequence[Played]) -> dict[str, dict[str, float]]:
    """EPISODE_FIELDS of each arm, the mean of its courses."""
    return {arm: _mean([one.measured[arm].figures for one in played]) for arm in played[0].measured}


def episodes_of(contest: Contest, played: Sequence[Played]) -> dict[str, FloatArray]:
    """The same courses on the twin: EPISODE_FIELDS [B, E] of each arm, the mean of the courses."""
    each = [
        twin_episodes(contest, one.course.rates_per_s, np.random.default_rng(one.course.repeat))
        for one in played
    ]
    return {arm: np.mean([episodes[arm] for episodes in each], axis=0) for arm in each[0]}


def guarded_of(contest: Contest, played: Sequence[Played]) -> FloatArray:
    """EPISODE_FIELDS of the whole product on the twin [B', E], the mean of the courses."""
    each = [
        guarded_episodes(contest, one.course.rates_per_s, np.random.default_rng(one.course.repeat))
        for one in played
    ]
    return np.mean(each, axis=0)


def pairs_of(
    episodes: Mapping[str, FloatArray], real: Mapping[str, Mapping[str, float]]
) -> list[Pair]:
    """The pairs that the twin is sure of, by reward."""
    return sure_pairs(
        {arm: metrics[:, _REWARD] for arm, metrics in episodes.items()},
        {arm: figures["reward"] for arm, figures in real.items()},
    )


def keys_of(contest: Contest, played: Sequence[Played]) -> dict[str, float]:
    """The JSON line's."""
    pairs: list[Pair] = []
    same = True
    for profile in {one.course.profile for one in played}:
        of_profile = [one for one in played if one.course.profile == profile]
        real, episodes = real_means(of_profile), episodes_of(contest, of_profile)
        pairs += pairs_of(episodes, real)
        same &= ranking(real) == ranking({arm: means(metrics) for arm, metrics in episodes.items()})
    mean = real_means(played)
    tuned, ours = mean[max((HPA, HPA_VPA), key=lambda arm: mean[arm]["reward"])], mean[OURS]
    keys = {}
    for name, figures in (("tuned", tuned), ("ours", ours)):
        keys[f"reward_{name}"] = figures["reward"]
        keys[f"violation_{name}"] = figures["violation"]
        keys[f"core_seconds_{name}"] = 3600 * figures["core_hours"]
        keys[f"memory_seconds_{name}"] = 3600 * figures["gib_hours"]
    return keys | {
        "ranking_agrees": float(ranking_agrees(pairs)),
        "ranking_same": float(same),
        "pairs_sure": float(len(pairs)),
        "pairs_agree": float(sum(pair.agrees for pair in pairs)),
    }


def _mean(courses: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {field: float(np.mean([one[field] for one in courses])) for field in courses[0]}
