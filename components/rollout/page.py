"""The stage's page: what was decided for each workload, and the object that says so."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from components.pictures import page_html, table_html


def rollout_html(decisions: Mapping[str, Mapping[str, Any]], manifests: Mapping[str, str]) -> str:
    """One page: `decisions` are rollout.json's values, `manifests` the YAML, by workload."""
    header = ("Workload", "State", "Verdict", "Policy")
    rows = [
        (key, item["state"], "accepted" if item["accepted"] else "refused", item["digest"][:12])
        for key, item in decisions.items()
    ]
    sections = [("Where each workload stands", table_html(header, rows))]
    sections += [(key, _details(item, manifests[key])) for key, item in decisions.items()]
    return page_html("Rollout", sections)


def _details(decision: Mapping[str, Any], manifest: str) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in decision["reasons"])
    return (
        f"<ul>{reasons}</ul><details><summary>The object that would be applied</summary>"
        f'<pre tabindex="0">{escape(manifest)}</pre></details>'
    )
