"""The workloads file of what was discovered, with a comment at every value that isn't certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from components.migration.discovered_bounds import replicas_of, sizes_of
from components.migration.discovery import Proposed, Seen, container_of, metrics_of, slo_of

HEAD = """\
# Proposed by `aware discover`. A value with a comment is a guess or unknown (null): decide it.
# Then: aware preflight --prometheus URL --workloads FILE
workloads:
"""


def workloads_text(everything: Sequence[Seen]) -> str:
    """Return the file; the same workloads give the same text."""
    return HEAD + "".join(_entry(seen) for seen in everything)


def uncertain(seen: Seen) -> tuple[str, ...]:
    """Return what a person has to decide of the workload, a sentence each."""
    said = []
    for name, value in _values(seen).items():
        if value.why.startswith(("a guess", "unknown", "annotation")):
            shown = "" if value.value is None else f" {value.value}"
            said.append(f"{name}{shown}: {value.why}")
    return tuple(said)


def _values(seen: Seen) -> dict[str, Proposed]:
    container = container_of(seen)
    name = str(container.value)
    metrics, why = metrics_of(seen)
    values = {"container": container}
    values |= {f"slo.{key}": value for key, value in slo_of(seen).items()}
    ends = {
        "replicas": replicas_of(seen),
        "cpu": sizes_of(seen, name, "cpu"),
        "memory": sizes_of(seen, name, "memory"),
    }
    for key, (low, high) in ends.items():
        values |= {f"bounds.{key}.min": low, f"bounds.{key}.max": high}
    values["metrics.source"] = Proposed(metrics.get("source"), why)
    return values


def _entry(seen: Seen) -> str:
    values = _values(seen)
    metrics, why = metrics_of(seen)
    slo = {key.split(".")[1]: value for key, value in values.items() if key.startswith("slo.")}
    lines = [
        f"  - namespace: {_scalar(seen.namespace)}",
        f"    name: {_scalar(seen.name)}",
        f"    kind: {seen.kind}",
        _line("    container: ", _scalar(values["container"].value), values["container"].why),
        _mapping("    slo: ", slo),
        "    bounds:",
    ]
    for key in ("replicas", "cpu", "memory"):
        ends = {end: values[f"bounds.{key}.{end}"] for end in ("min", "max")}
        lines.append(_mapping(f"      {key}: ", ends))
    chosen: Mapping[str, object] = metrics or {"source": None}
    written = ", ".join(f"{key}: {_scalar(value)}" for key, value in chosen.items())
    lines.append(_line("    metrics: ", f"{{{written}}}", why))
    return "\n".join(lines) + "\n"


def _mapping(key: str, values: Mapping[str, Proposed]) -> str:
    written = ", ".join(f"{name}: {_scalar(value.value)}" for name, value in values.items())
    why = "; ".join(dict.fromkeys(value.why for value in values.values() if value.why))
    return _line(key, f"{{{written}}}", why)


def _line(key: str, value: str, why: str) -> str:
    return f"{key}{value}  # {' '.join(why.split())}" if why else f"{key}{value}"


def _scalar(value: object) -> str:
    """Return the value as YAML writes it in a flow; names such as `on` or `1e3` are quoted."""
    text = yaml.safe_dump([value], default_flow_style=True, width=10**6)
    return text.strip().removeprefix("[").removesuffix("]")
