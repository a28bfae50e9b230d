"""The Grafana dashboard, against a real Prometheus that holds what a recommender exports."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from components.errors import TemporaryError
from tests.components.recommender.recommending import START_S, world
from tests.prometheus_server import running_prometheus

DASHBOARD = Path(__file__).parents[2] / "manifests" / "grafana" / "aware.json"
PANELS = json.loads(DASHBOARD.read_text())["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
MINUTES = 20


def history(folder):
    """The recommender's metrics after each of its ticks, as OpenMetrics."""
    found = world(folder, ("checkout", "cart"))
    figures = found.recommender.figures
    lines: dict[str, list[str]] = {}
    for minute in range(MINUTES):
        # Every fifth tick has no telemetry: what failed and what the guard held must be seen.
        found.telemetry.error = TemporaryError("down") if minute % 5 == 4 else None
        found.ticks(1)
        figures.tick_took_s(0.2)
        for family in figures.registry.collect():
            rows = lines.setdefault(family.name, [f"# TYPE {family.name} {family.type}"])
            for sample in family.samples:
                if sample.name.endswith("_created"):
                    continue
                labels = ",".join(f'{name}="{text}"' for name, text in sample.labels.items())
                time_s = START_S + 60 * minute
                rows.append(f"{sample.name}{{{labels}}} {sample.value} {time_s}")
    return "\n".join([*(line for rows in lines.values() for line in rows), "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard")
    with running_prometheus(folder / "server", history(folder / "world")) as url:
        yield url


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_of_the_dashboard_finds_something(prometheus, query):
    last_s = START_S + 60 * (MINUTES - 1)
    asked = urllib.parse.urlencode({"query": query, "time": last_s})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{asked}", timeout=30) as response:
        answer = json.load(response)
    assert answer["status"] == "success"
    values = [float(series["value"][1]) for series in answer["data"]["result"]]
    assert values
    assert all(value == value for value in values), "not a number"


def test_every_panel_says_what_it_answers_and_none_is_drawn_over_another():
    taken = set()
    for panel in PANELS:
        assert panel["description"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
