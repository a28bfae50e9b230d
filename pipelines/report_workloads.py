"""The report's pages of one workload: verdict, figures, pictures over time, what is applied."""

from __future__ import annotations

from html import escape
from typing import Any

from components.pictures import picture_html, picture_png, table_html
from components.validation.page import draw_trace, drawn, rows_html
from pipelines import comparison
from pipelines.facts import PathFacts


def verdicts_html(part: PathFacts) -> str:
    """Return the verdicts as a table; the reasons in full stand with each workload."""
    titles = dict(comparison.ROWS)
    rows = []
    for key, entry in sorted(part.verdicts.items()):
        verdict, gap = entry["verdict"], entry["gap_closed"]
        rows.append(
            (
                key,
                "accepted" if verdict["accepted"] else "refused",
                titles[verdict["opponent"]],
                "–" if gap is None else f"{100 * gap:.0f} %",
                comparison.reason(verdict),
            )
        )
    header = ("Workload", "Verdict", "Incumbent", "Gap to the bound closed", "Why")
    return table_html(header, rows)


def workload_html(part: PathFacts, key: str) -> str:
    """Return one workload's section."""
    entry = part.verdicts[key]
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in entry["verdict"]["reasons"])
    trace = part.traces[key]
    opponent = entry["verdict"]["opponent"]
    picture = picture_png(lambda figure: draw_trace(figure, trace, opponent), 10.0, 8.0)
    titles = ", ".join(dict(comparison.ROWS)[name] for name in drawn(opponent))
    alt = f"{key}: rate, replicas, cores, memory and latency under {titles}"
    return (
        f"<p>{_word(entry)}</p><ul>{reasons}</ul>{picture_html(picture, alt)}"
        f"<details open><summary>Figures with 95 % intervals</summary>{rows_html(entry['rows'])}"
        f"</details>{_rule(part, key)}{_manifest(part, key)}"
    )


def _word(entry: dict[str, Any]) -> str:
    if entry["verdict"]["accepted"]:
        return '<span class="good">accepted</span>'
    return '<span class="bad">refused, the incumbent stays</span>'


def _rule(part: PathFacts, key: str) -> str:
    adapted = part.adapted.get(key)
    if adapted is None:
        return ""
    proposed = adapted["proposed"]
    rows = [
        (name.replace("_", " "), f"{proposed.get(name, float('nan')):.4g}", f"{value:.4g}")
        for name, value in sorted(adapted["rule"].items())
    ]
    table = table_html(("Parameter", "Proposed from the embedding", "Adapted on the twin"), rows)
    return f"<details><summary>The rule that would act</summary>{table}</details>"


def _manifest(part: PathFacts, key: str) -> str:
    text = part.manifests.get(key.replace("/", ".") + ".yaml")
    if text is None:
        return ""
    return (
        "<details><summary>The object that would be applied</summary>"
        f'<pre tabindex="0">{escape(text)}</pre></details>'
    )
