"""The embedding's page: the map, what the encoder foresees, what the twins are worth."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from components.pictures import page_html, picture_html, table_html

_ERRORS = ("cpu", "memory", "latency_p50", "latency")


def embedding_html(
    map_png: bytes, errors: Mapping[str, Any], twins: Mapping[str, Mapping[str, Any]]
) -> str:
    """The page from map.png, errors.json and twins.json."""
    return page_html(
        "Embedding",
        [
            ("Map of the workloads", _map_section(map_png)),
            ("Foreseeing the next interval", _forecast_section(errors["encoder"])),
            ("Digital twins", _twin_section(twins) + _excluded_section(errors["excluded"])),
        ],
    )


def _map_section(map_png: bytes) -> str:
    return (
        "<p>Each workload's past is read by a recurrent encoder and becomes a vector. Workloads "
        "that lie together behave alike; grey dots are synthetic applications.</p>"
        + picture_html(map_png, "Map of the workloads among synthetic applications")
    )


def _forecast_section(encoder: Mapping[str, Any]) -> str:
    places = {"synthetic": "applications never seen", "telemetry": "held-out telemetry"}
    header = ["Mean absolute error", "encoder", "persistence", "share"]
    totals = [
        [name, *_cells(encoder[place]["encoder"], encoder[place]["persistence"])]
        for place, name in places.items()
    ]
    fields = [
        [name.replace("_", " "), *_cells(field["encoder"], field["persistence"])]
        for name, field in encoder["telemetry"]["fields"].items()
    ]
    return (
        "<p>The encoder learns by foretelling the next minute from the past and the allocation "
        "chosen. Persistence says that nothing changes. Errors are in the units of the normalised "
        "observation; a share below 100 % is an improvement.</p>"
        + table_html(header, totals)
        + "<details><summary>By field, on held-out telemetry</summary>"
        + table_html(header, fields)
        + "</details>"
    )


def _excluded_section(excluded: Mapping[str, str]) -> str:
    if not excluded:
        return ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in excluded.values())
    return f"<p>Without a twin, and so left to their incumbent:</p><ul>{reasons}</ul>"


def _cells(ours: float, other: float) -> list[str]:
    share = f"{100.0 * ours / other:.0f} %" if other > 0.0 else "–"
    return [f"{ours:.3f}", f"{other:.3f}", share]


def _twin_section(twins: Mapping[str, Mapping[str, Any]]) -> str:
    rows, gaps = [], []
    for key, twin in twins.items():
        cells = [
            f"{100.0 * twin['errors'][name]:.0f} %" if name in twin["errors"] else "not measured"
            for name in _ERRORS
        ]
        seen = twin["identified"]
        rows.append([key, *cells, f"{sum(seen.values())} of {len(seen)}"])
        unseen = ", ".join(name for name in seen if not seen[name]).replace("_", " ") or "nothing"
        gaps.append(f"<li>{escape(key)}: {escape(unseen)}</li>")
    header = ["Workload", "CPU", "memory", "median latency", "latency", "parameters identified"]
    return (
        "<p>A twin is the simulator fitted to the training part of a workload's telemetry, several "
        "times over resampled rows; what the telemetry doesn't show varies between its members. "
        "Median relative errors on the held-out part:</p>"
        + table_html(header, rows)
        + "<details><summary>What the telemetry doesn't show</summary>"
        + f"<ul>{''.join(gaps)}</ul></details>"
    )
