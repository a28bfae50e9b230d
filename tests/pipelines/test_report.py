"""The report's words and parts, from documents as the stages write them."""

import base64
import re

from components.pictures import picture_png
from pipelines.comparison import ROWS
from pipelines.facts import Facts, PathFacts
from pipelines.report import sections
from pipelines.report_answer import answer_html, sentence
from tests.pipelines.test_comparison import FIGURES, verdict

KEYS = ("shop/<b>cart</b>", "shop/checkout")
PNG = picture_png(lambda figure: None, 1.0, 1.0)
ROW = {**FIGURES, "violation_5_percent": FIGURES["violation"]}
TRACE = {
    "time_s": [0.0, 60.0],
    "rate": [1.0, 2.0],
    "slo_latency_ms": 150.0,
    "controllers": {
        name: {
            "replicas": [1.0, 2.0],
            "cpu_m": [100.0, 100.0],
            "memory_bytes": [1e8, 1e8],
            "latency_ms": [20.0, 30.0],
        }
        for name, _ in ROWS
    },
}


def path_facts(keys: tuple[str, ...] = KEYS) -> PathFacts:
    rows = {name: ROW for name, _ in ROWS}
    quality = {
        "usable": True,
        "reason": "",
        "steps": 240,
        "missing_share": {"latency_ms": 0.025},
        "gaps": 1,
        "throttled_steps": 12,
        "oom_kills": 3,
    }
    judged = {"rows": rows, "gap_closed": None, "verdict": verdict(0.0, 0.1, 0.1)}
    return PathFacts(
        quality={"step_s": 15, "source": "folder", "workloads": dict.fromkeys(keys, quality)},
        errors={
            "encoder": {"telemetry": {"encoder": 0.2, "persistence": 0.25}},
            "excluded": {"shop/new": "shop/new: 3 steps, <16> are needed"},
        },
        embeddings={},
        twins={key: {"errors": {"cpu": 0.031, "memory": 0.02}} for key in keys},
        curve={"iterations": [{"iteration": 0}, {"iteration": 5}]},
        adapted={key: {"rule": {"headroom": 1.5}, "proposed": {"headroom": 1.25}} for key in keys},
        validation={
            "summary": rows,
            "workloads": {
                key: judged | {"verdict": judged["verdict"] | {"reasons": ["as <safe>"]}}
                for key in keys
            },
        },
        traces=dict.fromkeys(keys, TRACE),
        rollout={},
        manifests={"shop.checkout.yaml": "kind: MultidimPodAutoscaler\n"},
        map_png=PNG,
        curve_png=PNG,
    )


NOTHING = PathFacts({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, b"", b"")


def test_the_answer_in_one_sentence_counts_what_is_proved() -> None:
    told = sentence(path_facts())
    assert told.startswith("For 2 of 2 workloads the learned policy is proved better")
    assert "1.23 % (1.23 % under tuned HPA, 1.23 % under tuned HPA + VPA) of the time" in told


def test_the_answer_is_drawn_however_many_workloads_there_are() -> None:
    few, many = (answer_html(path_facts(tuple(f"shop/{n}" for n in range(k)))) for k in (2, 300))
    heights = [png_height(page) for page in (few, many)]
    # Two rows, and as many as can be read beside each other.
    assert heights == [int(110 * (2.6 + 0.24 * rows)) for rows in (2, 40)]
    assert many.count("<tr>") > 300


def png_height(page: str) -> int:
    png = base64.b64decode(re.search('base64,([^"]+)', page)[1])
    return int.from_bytes(png[20:24], "big")


def test_the_report_leads_from_answer_to_each_workload() -> None:
    found = sections(Facts({"seed": 3}, path_facts(), {}, b"", NOTHING))
    assert [heading for heading, _ in found] == [
        "The answer",
        "The telemetry",
        "What kind of workload each is",
        "How the policy learned",
        *KEYS,
        "How it was made",
    ]
    html = dict(found)
    assert "off by 80 % of what one is off by" in html["What kind of workload each is"]
    assert "3.1 %" in html["What kind of workload each is"]
    assert "not measured" in html["What kind of workload each is"]
    assert "shop/new: 3 steps, &lt;16&gt; are needed" in html["What kind of workload each is"]
    assert "kind: MultidimPodAutoscaler" in html["shop/checkout"]
    assert "headroom" in html["shop/checkout"]


def test_what_comes_from_the_user_is_escaped() -> None:
    html = "".join(inner for _, inner in sections(Facts({}, path_facts(), {}, b"", NOTHING)))
    assert "<b>cart</b>" not in html
    assert "&lt;b&gt;cart&lt;/b&gt;" in html
    assert "as &lt;safe&gt;" in html


def test_a_retraining_run_tells_of_drift_and_of_what_was_retrained_alone() -> None:
    tests = {"dynamics": {"p_value": 0.001}}
    drift = {
        key: {"drifted": drifted, "recommendation": what, "reasons": ["why"], "tests": measured}
        for key, drifted, what, measured in (
            ("shop/cart", False, "nothing", {}),
            ("shop/catalogue", False, "nothing", tests),
            ("shop/checkout", True, "adapt again", tests),
        )
    }
    facts = Facts({}, NOTHING, drift, PNG, path_facts(("shop/checkout",)))
    html = dict(sections(facts))
    assert list(html) == [
        "Drift of the later recording",
        "Retrained",
        "shop/checkout, retrained",
        "How it was made",
    ]
    for word in ("untested", "steady", "drifted"):
        assert html["Drift of the later recording"].count(f"<td>{word}</td>") == 1
    assert "adapt again" in html["Drift of the later recording"]
    assert html["Drift of the later recording"].count("<img ") == 1
