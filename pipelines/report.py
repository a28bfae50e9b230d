"""The run's report: one page that leads from the telemetry to what would be applied, and why."""

from __future__ import annotations

from components.artifacts.files import write_text
from components.pictures import page_html, picture_html, table_html
from components.validation.page import rows_html
from pipelines.comparison import drift_finding
from pipelines.facts import Facts, PathFacts
from pipelines.report_answer import answer_html
from pipelines.report_learning import learning_html, telemetry_html, twins_html
from pipelines.report_workloads import verdicts_html, workload_html
from pipelines.runs import RunFolder

Section = tuple[str, str]


def write_report(run: RunFolder, facts: Facts) -> None:
    """Write report.html, which needs nothing but itself."""
    write_text(run.report, page_html("Autoscaling: what was learned", sections(facts)))


def sections(facts: Facts) -> list[Section]:
    """Return the report's (heading, HTML) in the order in which it is read."""
    found: list[Section] = []
    if facts.first.verdicts:
        found += _pass(facts.first)
    if facts.drift:
        found.append(("Drift of the later recording", _drift(facts)))
    if facts.again.verdicts:
        found.append(("Retrained", _retrained(facts.again)))
        found += [
            (f"{key}, retrained", workload_html(facts.again, key)) for key in _keys(facts.again)
        ]
    found.append(("How it was made", _made(facts)))
    return found


def _pass(part: PathFacts) -> list[Section]:
    return [
        ("The answer", answer_html(part)),
        ("The telemetry", telemetry_html(part)),
        ("What kind of workload each is", twins_html(part)),
        ("How the policy learned", learning_html(part)),
        *((key, workload_html(part, key)) for key in _keys(part)),
    ]


def _keys(part: PathFacts) -> list[str]:
    return sorted(part.verdicts)


def _drift(facts: Facts) -> str:
    rows = [
        (
            key,
            drift_finding(entry),
            entry["recommendation"],
            "; ".join(entry["reasons"]),
        )
        for key, entry in sorted(facts.drift.items())
    ]
    picture = (
        picture_html(facts.drift_png, "The later recording against the one learned from")
        if facts.drift_png
        else ""
    )
    return (
        "<p>The later recording is compared with the one that the policy was learned from: what "
        "comes in, how the service responds, and what the user gets.</p>"
        f"{table_html(('Workload', 'Finding', 'Recommendation', 'Reasons'), rows)}{picture}"
    )


def _retrained(part: PathFacts) -> str:
    return (
        "<p>Only what drifted was adapted again, from the later recording, and had to pass the "
        f"same gate.</p>{rows_html(part.validation['summary'])}{verdicts_html(part)}"
    )


def _made(facts: Facts) -> str:
    rows = [(name.replace("_", " "), str(value)) for name, value in sorted(facts.arguments.items())]
    return table_html(("What", "Value"), rows)
