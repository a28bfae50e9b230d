"""The worlds that a rule is searched in."""

from dataclasses import replace

import numpy as np

from components.cluster import parameters as par
from components.fine_tuning.config import quick_config
from components.fine_tuning.members import Applications
from components.fine_tuning.variants import resizes_drawn, variants_of
from tests.components.fine_tuning.test_members import MEASURED, POPULATION, TWIN

# A fifth of these applications restarts at a resize.
FIFTH = Applications(POPULATION.parameters.copy(), POPULATION.limits)
FIFTH.parameters[:, par.RESIZE_RESTARTS] = np.arange(len(POPULATION.limits)) % 5 == 0


def test_where_no_resize_was_seen_as_many_worlds_restart_as_in_the_population() -> None:
    assert not TWIN.identified["resize_restarts"]
    members = np.tile(TWIN.members[:1], (20, 1))
    drawn = resizes_drawn(members, TWIN, FIFTH, np.random.default_rng(0))
    # Of 512 applications 103 restart: .201 of 20 worlds.
    assert drawn[:, par.RESIZE_RESTARTS].sum() == 4
    others = np.delete(drawn, par.RESIZE_RESTARTS, axis=1)
    np.testing.assert_array_equal(others, np.delete(members, par.RESIZE_RESTARTS, axis=1))


def test_what_the_telemetry_told_of_resizes_stays() -> None:
    seen = replace(TWIN, identified=TWIN.identified | {"resize_restarts": True})
    drawn = resizes_drawn(TWIN.members, seen, FIFTH, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, TWIN.members)


def test_the_worlds_of_a_workload_have_both_kinds_of_resizes() -> None:
    config = replace(quick_config(0), fits=0)
    worlds = variants_of(MEASURED, TWIN, config, FIFTH, np.random.default_rng(0))
    restarts = worlds.parameters[:, par.RESIZE_RESTARTS]
    assert worlds.parameters.shape[0] == worlds.rates_per_s.shape[0] == 8
    assert sorted(set(restarts)) == [0.0, 1.0]
