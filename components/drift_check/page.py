"""The check as a page for people: verdicts, the picture, every test's figures."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from components.drift_check.config import DriftConfig
from components.drift_check.verdict import Checked, Verdict, scaled
from components.pictures import page_html, picture_html, table_html


def drift_page(verdicts: Mapping[str, Verdict], png: bytes, config: DriftConfig) -> str:
    """Return the page."""
    drifted = sum(verdict.drifted for verdict in verdicts.values())
    compared = sum(verdict.checked is not None for verdict in verdicts.values())
    summary = (
        f"{drifted} of {compared} workloads that could be compared drifted. At most"
        f" {config.false_discovery_rate:.0%} of the alarms are expected to be false."
    )
    picture = picture_html(png, "Rate, twin residuals and SLO violations of each workload")
    legend = (
        '<p class="soft">Grey: the end of the reference, and what all its blocks span (5 to 95 %).'
        " Blue: recent. Orange: drifted, with the block from which it holds. Without days of"
        " reference input drifts only by leaving the span, for there the policy was not learned."
        "</p>"
    )
    return page_html(
        "Drift check",
        [
            ("Verdicts", f"<p>{escape(summary)}</p>{_verdicts(verdicts)}"),
            ("Before and now", f"{legend}{picture}" if png else "<p>Nothing to compare.</p>"),
            ("Figures", _figures(verdicts)),
        ],
    )


def _verdicts(verdicts: Mapping[str, Verdict]) -> str:
    items = []
    for key, verdict in verdicts.items():
        mark = '<span class="good">holds</span>'
        if verdict.checked is None:
            mark = "not compared"
        elif verdict.drifted:
            mark = '<span class="bad">drifted</span>'
        reasons = "; ".join((*verdict.reasons, *filter(None, [verdict.reference])))
        items.append(
            f"<li><strong>{escape(key)}</strong>: {mark}, to do: {escape(verdict.recommendation)}."
            f' <span class="soft">{escape(reasons)}</span></li>'
        )
    return f"<ul>{''.join(items)}</ul>"


def _figures(verdicts: Mapping[str, Verdict]) -> str:
    header = ("workload", "test", "measure", "size", "95 % interval", "t", "p", "q", "since, UTC")
    rows = [
        (key, name, *_figures_of(verdict, verdict.checked, name))
        for key, verdict in verdicts.items()
        if verdict.checked is not None
        for name in verdict.checked.findings
    ]
    return table_html(header, rows)


def _figures_of(verdict: Verdict, checked: Checked, test: str) -> tuple[str, ...]:
    finding = checked.findings[test]
    shift = finding.shift
    if shift is None:
        return (finding.measure, "too little telemetry", "", "", "", "", "")
    size, low, high = (scaled(value, finding) for value in (shift.size, shift.low, shift.high))
    since = verdict.since(test)
    return (
        finding.measure,
        f"× {size:.2f}" if finding.logarithmic else f"{size:+.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{shift.statistic:.1f}",
        f"{finding.p_value:.2g}",
        f"{verdict.q_values[test]:.2g}",
        f"{since:%Y-%m-%d %H:%M}" if since is not None else "",
    )
