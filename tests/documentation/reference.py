"""Writes the reference pages from the code: `python -m tests.documentation.reference`.

Commands come from the command line's own parser, pipeline parameters from the compiled pipelines,
the object's fields from the CRD, the workloads file from its JSON schema, metrics from the
registry that the recommender serves. A test keeps the committed pages as they would be now.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
import yaml
from prometheus_client import CollectorRegistry, Metric
from typer.core import TyperCommand, TyperGroup, TyperOption

from components.recommender.exposition import Figures
from pipelines.cli import app

ROOT = Path(__file__).resolve().parents[2]
CRD = ROOT / "manifests" / "crd" / "multidimpodautoscalers.yaml"
SCHEMA = ROOT / "components" / "workload" / "workloads.schema.json"
NOTICE = "Written by `python -m tests.documentation.reference` from the code; don't edit."


def pages() -> dict[Path, str]:
    """Return each page's path below the root, and its text."""
    return {
        Path("pipelines/REFERENCE.md"): commands_page(),
        Path("manifests/crd/REFERENCE.md"): object_page(),
        Path("components/recommender/REFERENCE.md"): metrics_page(),
        Path("components/workload/REFERENCE.md"): workloads_page(),
    }


def commands_page() -> str:
    """Every command with its options, then every pipeline with its parameters."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    parts = ["# Commands and pipeline parameters", NOTICE]
    panel = ""
    for name, command in group.commands.items():
        if command.rich_help_panel != panel:
            panel = str(command.rich_help_panel)
            parts.append(f"## {panel}")
        children = command.commands if isinstance(command, TyperGroup) else {"": command}
        for child, one in children.items():
            assert isinstance(one, TyperCommand)
            parts += _command(f"aware {name} {child}".strip(), one)
    parts.append("## Pipeline parameters")
    parts.append(
        "For `aware submit PIPELINE --set NAME=VALUE`, a schedule's file and Kubeflow's UI."
    )
    for name in ("autoscaling", "retraining"):
        parts += [f"### {name}", _table(("parameter", "default", "meaning"), _parameters(name))]
    return _text(parts)


def _command(title: str, command: TyperCommand) -> list[str]:
    told, _, example = (command.help or "").partition("Example:")
    arguments = [one for one in command.params if not isinstance(one, TyperOption)]
    usage = " ".join([title, *(str(one.name).upper() for one in arguments), "[OPTIONS]"])
    rows = [
        (
            f"`{'`, `'.join(one.opts)}`" if isinstance(one, TyperOption) else str(one.name).upper(),
            _default(one.default, one.required),
            str(getattr(one, "help", "")),
        )
        for one in command.params
        if one.name != "help"
    ]
    text = _joined(told)
    return [
        f"### {title}",
        text,
        f"Usage: `{usage}`. For example: `{example.strip()}`",
        _table(("option", "default", "meaning"), rows),
    ]


def _default(value: object, required: bool) -> str:
    if required:
        return "required"
    if value is None or value == "" or callable(value):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _parameters(pipeline: str) -> Iterator[tuple[str, str, str]]:
    compiled = ROOT / "pipelines" / "compiled" / f"{pipeline}.yaml"
    document = next(yaml.safe_load_all(compiled.read_text(encoding="utf-8")))
    parameters = document["root"]["inputDefinitions"]["parameters"]
    for name, entry in parameters.items():
        value = entry.get("defaultValue")
        if entry["parameterType"] == "NUMBER_INTEGER" and value is not None:
            value = int(value)
        default = "required" if not entry.get("isOptional") else _default(value, False)
        yield f"`{name}`", default, _joined(entry.get("description", ""))


def object_page() -> str:
    """Every field of the MultidimPodAutoscaler with type, default and meaning."""
    document = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    (version,) = document["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    names = document["spec"]["names"]
    group, short = document["spec"]["group"], names["shortNames"][0]
    title = f"# {names['kind']} ({group}/{version['name']}, `{short}`)"
    parts = [title, NOTICE, schema["description"]]
    for part in ("spec", "status"):
        rows = list(_fields(schema["properties"][part], part))
        parts += [f"## {part}", _table(("field", "type", "default", "meaning"), rows)]
    return _text(parts)


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str, str]]:
    required = set(schema.get("required", ()))
    for name, entry in schema.get("properties", {}).items():
        inner = entry.get("items", entry)
        here = f"{path}.{name}{'[]' if 'items' in entry else ''}"
        leaf = not inner.get("properties")
        if leaf or entry.get("description") or name in required:
            default = "required" if name in required else _json_default(entry)
            yield f"`{here}`", _kind(entry), default, _joined(entry.get("description", ""))
        yield from _fields(inner, here)


def _kind(entry: Mapping[str, Any]) -> str:
    inner = entry.get("items", entry)
    if "enum" in inner:
        return ", ".join(f"`{value}`" for value in inner["enum"])
    kind = "integer or string" if inner.get("x-kubernetes-int-or-string") else inner.get("type", "")
    limits = [
        f"{word} {inner[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"))
        if key in inner
    ]
    return " ".join([f"list of {kind}" if "items" in entry else kind, *limits])


def _json_default(entry: Mapping[str, Any]) -> str:
    value = entry.get("default")
    if value is None:
        return ""
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {one}" for key, one in value.items())
        return f"`{{{inside}}}`"
    return f"`{value}`"


def workloads_page() -> str:
    """Every key of workloads.yaml with type, default and meaning."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    told = "For an editor: [workloads.schema.json](workloads.schema.json) (JSON Schema 2020-12)."
    return _text(
        [
            "# workloads.yaml",
            NOTICE,
            told,
            _table(("key", "type", "default", "meaning"), _keys(schema, schema["$defs"], "")),
        ]
    )


def _keys(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str, str, str]]:
    for name, entry in schema.get("properties", {}).items():
        items = entry.get("items", entry)
        inner = definitions.get(str(items.get("$ref", "")).rpartition("/")[2], items)
        here = f"{path}{name}{'[]' if 'items' in entry else ''}"
        required = name in schema.get("required", ())
        default = _default(entry.get("default"), required)
        meaning = _joined(entry.get("description") or inner.get("description", ""))
        kind = "list" if "items" in entry else _scalar(inner)
        yield f"`{here}`", kind, default, meaning
        yield from _keys(inner, definitions, f"{here}.")


def _scalar(entry: Mapping[str, Any]) -> str:
    if "examples" in entry:
        return "such as " + ", ".join(f"`{one}`" for one in entry["examples"])
    if "enum" in entry:
        return ", ".join(f"`{one}`" for one in entry["enum"])
    kinds = [one.get("type", "") for one in entry.get("anyOf", [entry])]
    kind = " or ".join(sorted({"mapping" if one == "object" else one for one in kinds} - {"null"}))
    words = (
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "to"),
        ("exclusiveMaximum", "below"),
    )
    found = {key: value for one in entry.get("anyOf", [entry]) for key, value in one.items()}
    limits = [f"{word} {found[key]:g}" for key, word in words if key in found]
    return " ".join([kind, *limits])


def metrics_page() -> str:
    """Every metric that the recommender serves at /metrics."""
    rows = []
    registry = Figures().registry
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = ", ".join(_labels(metric, registry))
        rows.append((f"`{name}`", metric.type, labels, metric.documentation))
    return _text(
        [
            "# The recommender's metrics",
            NOTICE,
            _table(("metric", "type", "labels", "meaning"), sorted(rows)),
        ]
    )


def _labels(metric: Metric, registry: CollectorRegistry) -> Sequence[str]:
    # A metric with labels has no samples yet, and the client no public way to ask for their names:
    # a collector's own family knows them, else the metric behind the name does.
    known = registry._names_to_collectors.get(metric.name, metric)
    return sorted(getattr(known, "_labelnames", ()))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> str:
    lines = [" | ".join(headings), "|".join("---" for _ in headings)]
    lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" if not line.startswith("---") else f"|{line}|" for line in lines)


def _joined(text: str) -> str:
    return re.sub(r"\s+", " ", inspect.cleandoc(text)).strip()


def _text(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def main(write: Callable[[Path, str], object] = lambda path, text: path.write_text(text)) -> None:
    """Write every page."""
    for path, text in pages().items():
        write(ROOT / path, text)
        print(path)


if __name__ == "__main__":
    main()
