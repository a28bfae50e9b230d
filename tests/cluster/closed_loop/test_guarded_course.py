from dataclasses import replace
from pathlib import Path

import numpy as np

from components.artifacts.bundle import publish
from components.artifacts.channel import Channel
from components.artifacts.local import LocalStore
from components.cluster.noise import NOISE_COUNT
from components.cluster.parameters import PARAMETER_NAMES
from components.cluster.reward import EPISODE_FIELDS
from components.cluster.twin import Twin
from components.policy.rule_parameters import default_rule
from components.workload.spec import MetricSource
from tests.cluster.closed_loop.arms import HPA, HPA_VPA, Contest, Incumbent
from tests.cluster.closed_loop.guarded_course import guarded_course
from tests.components.recommender.recommending import bundle
from tests.running_loop.loop import MI, WORKLOAD


def test_the_whole_product_follows_the_load_on_a_twin_and_kills_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    made = replace(bundle(), workload=WORKLOAD.key)
    member = made.manifest["twin"]["members"][0]
    parameters = np.array([member[name] for name in PARAMETER_NAMES])
    start = Incumbent(np.array([2.0, 400.0, 46.0 * MI]), 0.6)
    contest = Contest(
        workload=replace(WORKLOAD, metrics=MetricSource("ingress-nginx", ingress="checkout")),
        incumbents={HPA: start, HPA_VPA: start},
        twin=Twin(parameters[None], {}, {}),
        rule=default_rule(),
        channel=Channel(current=publish(store, made)),
        accepted=True,
        store=tmp_path,
    )

    def played(rate_per_s: float) -> dict[str, float]:
        rates = np.concatenate([np.full(8, 50.0), np.full(40, rate_per_s)])
        return guarded_course(contest, parameters, rates, np.zeros((48, NOISE_COUNT)))

    steady, more = played(50.0), played(150.0)

    assert set(steady) == set(EPISODE_FIELDS)
    assert steady["oom_kills"] == more["oom_kills"] == 0.0
    assert more["core_hours"] > steady["core_hours"]
    assert steady["violation"] == 0.0
    assert not list(tmp_path.glob("channels")), "the store that was given is only read"
