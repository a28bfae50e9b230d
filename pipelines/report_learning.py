"""The report's middle: what was read, what each workload is taken for, how the policy learned."""

from __future__ import annotations

from html import escape
from typing import Any

from components.pictures import picture_html, table_html
from pipelines.facts import PathFacts


def telemetry_html(part: PathFacts) -> str:
    """Return the quality of each workload's telemetry as a table."""
    step_s = part.quality["step_s"]
    rows = [
        (
            key,
            "yes" if quality["usable"] else f"no: {quality['reason']}",
            f"{quality['steps'] * step_s / 3600:.2f}",
            f"{100 * max(quality['missing_share'].values()):.1f} %",
            str(quality["gaps"]),
            str(quality["throttled_steps"]),
            str(quality["oom_kills"]),
        )
        for key, quality in sorted(part.quality["workloads"].items())
    ]
    header = (
        "Workload",
        "Usable",
        "Hours",
        "Most missing in a column",
        "Gaps",
        "Throttled steps",
        "OOM kills",
    )
    source = "a folder" if part.quality["source"] == "folder" else "Prometheus"
    return (
        f"<p>Read from {source} at a step of {step_s} s. The first two thirds teach; the last "
        f"third is held out and decides.</p>{table_html(header, rows)}"
    )


def twins_html(part: PathFacts) -> str:
    """Return the map of the workloads and how well their twins foretell held-out telemetry."""
    picture = picture_html(part.map_png, "Map of the workloads by their embedding")
    rows = [
        (key, *(_error(twin["errors"], name) for name in ("cpu", "memory", "latency")))
        for key, twin in sorted(part.twins.items())
    ]
    header = ("Workload", "CPU", "Memory", "Latency")
    return (
        "<p>From its telemetry each workload gets a vector, by which the policy knows what kind it "
        "is, and a twin: the simulator fitted to it. Workloads that lie together behave alike.</p>"
        f"{picture}<p>{_forecast(part)} How far the twins are off on held-out telemetry "
        "(median, relative):</p>"
        f"{table_html(header, rows)}{_excluded(part)}"
    )


def _excluded(part: PathFacts) -> str:
    """Return which workloads have no twin, so that nothing is learned for them, and why."""
    items = "".join(f"<li>{escape(why)}</li>" for why in part.errors["excluded"].values())
    return f"<p>Without a twin, and so left as they are:</p><ul>{items}</ul>" if items else ""


def _forecast(part: PathFacts) -> str:
    """Return what the encoder's forecast is worth, in a sentence."""
    held_out = part.errors["encoder"]["telemetry"]
    if not held_out["persistence"] > 0.0:
        return "Nothing changed in the held-out telemetry, so the encoder had nothing to foretell."
    share = 100.0 * held_out["encoder"] / held_out["persistence"]
    return (
        f"In foretelling the next minute of held-out telemetry the encoder is off by {share:.0f} % "
        "of what one is off by who says that nothing changes."
    )


def _error(errors: dict[str, Any], name: str) -> str:
    value = errors.get(name)
    return "not measured" if value is None else f"{100 * value:.1f} %"


def learning_html(part: PathFacts) -> str:
    """Return the learning curve."""
    last = part.curve["iterations"][-1]["iteration"]
    alt = "Reward and SLO violations by training step, on known and on held-out applications"
    return (
        f"<p>{last} iterations over the twins and over synthetic applications; the policy was kept "
        "where it did best on the selection set (grey line). Held-out applications, which decided "
        "nothing, show what it makes of services that it never saw.</p>"
        f"{picture_html(part.curve_png, alt)}"
    )
