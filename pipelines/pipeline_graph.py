"""A compiled pipeline's graph without its nesting: one list of stages, each with what it takes.

Kubeflow's IR nests a condition's tasks in components of their own and hands values down through
"channels". Engines that know no such thing need every input traced to where it comes from.
A loop over shards is one pass over all workloads here: its body stands for itself, told that
there is one shard, and what plans or gathers shards has one to plan or gather.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from components.workload.shard import WHOLE


@dataclass(frozen=True, slots=True)
class FromRun:
    """A parameter of the whole run."""

    parameter: str


@dataclass(frozen=True, slots=True)
class FromStage:
    """An output of another stage."""

    stage: str
    output: str


@dataclass(frozen=True, slots=True)
class FromStore:
    """An artifact of an earlier run, at the place that a parameter of this run names."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A value of the definition's own."""

    value: Any


Source = FromRun | FromStage | FromStore | Constant


@dataclass(frozen=True, slots=True)
class Condition:
    """A stage runs only where `source` is above zero, or only where it isn't."""

    source: FromStage
    above_zero: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """One container to run: its inputs by name, and the conditions under which it does."""

    name: str
    component: str
    parameters: Mapping[str, Source]
    artifacts: Mapping[str, Source]
    conditions: tuple[Condition, ...]


_ABOVE_ZERO = re.compile(r"int\(inputs\.parameter_values\['(?P<channel>[^']+)'\]\) > 0")


def stages_of(spec: Mapping[str, Any]) -> list[Stage]:
    """Return the pipeline's stages, without those that only count shards.

    Raises ValueError for a construct that neither pipeline has.
    """
    inputs = spec["root"]["inputDefinitions"]["parameters"]
    scope: dict[str, Source] = {name: FromRun(name) for name in inputs}
    stages = _stages(spec, spec["root"]["dag"], scope, ())
    needed = {source.stage for one in stages for source in _sources(one)}
    return [one for one in stages if one.name in needed or not _only_counts(spec, one)]


def _only_counts(spec: Mapping[str, Any], stage: Stage) -> bool:
    """Whether a stage gives parameters alone; one that gives nothing at all does something."""
    outputs = spec["components"][stage.component].get("outputDefinitions", {})
    return "parameters" in outputs and "artifacts" not in outputs


def _sources(stage: Stage) -> Iterator[FromStage]:
    for source in (*stage.parameters.values(), *stage.artifacts.values()):
        if isinstance(source, FromStage):
            yield source
    yield from (condition.source for condition in stage.conditions)


def _stages(
    spec: Mapping[str, Any],
    graph: Mapping[str, Any],
    scope: Mapping[str, Source],
    conditions: tuple[Condition, ...],
) -> list[Stage]:
    imported = {
        key: _resolved(task["inputs"]["parameters"]["uri"], scope, {})
        for key, task in graph["tasks"].items()
        if "importer" in _executor(spec, task)
    }
    looped = _looped(spec, graph)
    stages = []
    for key, task in graph["tasks"].items():
        if key in imported:
            continue
        given = task.get("inputs", {})
        parameters = {
            name: _resolved(value, scope, imported)
            for name, value in given.get("parameters", {}).items()
        }
        artifacts = {
            name: _resolved(value, scope, imported, looped)
            for name, value in given.get("artifacts", {}).items()
        }
        inside = conditions + _condition(task, parameters)
        component = task["componentRef"]["name"]
        if "dag" in spec["components"][component]:
            body = spec["components"][component]["dag"]
            if "parameterIterator" in task:
                parameters[task["parameterIterator"]["itemInput"]] = Constant(WHOLE)
            stages += _stages(spec, body, parameters | artifacts, inside)
        else:
            stages.append(Stage(key, component, parameters, artifacts, inside))
    return stages


def _looped(spec: Mapping[str, Any], graph: Mapping[str, Any]) -> dict[tuple[str, str], FromStage]:
    """Return which stage inside of a loop gives each of the loop's outputs."""
    found = {}
    for key, task in graph["tasks"].items():
        if "parameterIterator" not in task:
            continue
        outputs = spec["components"][task["componentRef"]["name"]]["dag"]["outputs"]["artifacts"]
        for name, output in outputs.items():
            (one,) = output["artifactSelectors"]
            found[key, name] = FromStage(one["producerSubtask"], one["outputArtifactKey"])
    return found


def _executor(spec: Mapping[str, Any], task: Mapping[str, Any]) -> Mapping[str, Any]:
    component = spec["components"][task["componentRef"]["name"]]
    label = component.get("executorLabel")
    executor: Mapping[str, Any] = spec["deploymentSpec"]["executors"][label] if label else {}
    return executor


def _resolved(
    value: Mapping[str, Any],
    scope: Mapping[str, Source],
    imported: Mapping[str, Source],
    looped: Mapping[tuple[str, str], FromStage] = MappingProxyType({}),
) -> Source:
    match value:
        case {"componentInputParameter": name} | {"componentInputArtifact": name}:
            return scope[name]
        case {"taskOutputParameter": {"producerTask": stage, "outputParameterKey": output}}:
            return FromStage(stage, output)
        case {"taskOutputArtifact": {"producerTask": stage, "outputArtifactKey": output}}:
            if (stage, output) in looped:
                return looped[stage, output]
            uri = imported.get(stage)
            return (
                FromStore(uri.parameter) if isinstance(uri, FromRun) else FromStage(stage, output)
            )
        case {"runtimeValue": {"constant": constant}}:
            return Constant(constant)
    raise ValueError(f"an input of an unknown kind: {value}")


def _condition(task: Mapping[str, Any], parameters: Mapping[str, Source]) -> tuple[Condition, ...]:
    text = task.get("triggerPolicy", {}).get("condition")
    if text is None:
        return ()
    plain = text.removeprefix("!(").removesuffix(")") if text.startswith("!(") else text
    found = _ABOVE_ZERO.fullmatch(plain)
    source = parameters[found["channel"]] if found else None
    if not isinstance(source, FromStage):
        raise ValueError(f"a condition of an unknown kind: {text}")
    return (Condition(source, above_zero=plain == text),)
