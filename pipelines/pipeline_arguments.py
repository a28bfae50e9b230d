"""Arguments of a pipeline as people write them, checked against its definition before any run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kfp.dsl.graph_component import GraphComponent

from components.errors import UserError

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "String": str,
    "Boolean": bool,
    "Integer": int,
    "Float": (int, float),
    "List": list,
    "Dict": dict,
}


def parsed_arguments(pipeline: GraphComponent, texts: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of `NAME=VALUE` texts; what isn't a string is read as JSON."""
    values: dict[str, Any] = {}
    inputs = pipeline.component_spec.inputs or {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set {text} has no '=': write --set NAME=VALUE")
        values[name] = value
        if name in inputs and inputs[name].type != "String":
            try:
                values[name] = json.loads(value)
            except ValueError as error:
                kind = inputs[name].type.lower()
                raise UserError(f"--set {text}: {name} takes a {kind}, as JSON") from error
    return checked_arguments(pipeline, values)


def checked_arguments(pipeline: GraphComponent, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values`; raises UserError for one that the pipeline lacks, needs or can't take."""
    inputs = pipeline.component_spec.inputs or {}
    for name, value in values.items():
        if name not in inputs:
            known = ", ".join(sorted(inputs))
            raise UserError(f"pipeline {pipeline.name} has no parameter {name}; it has {known}")
        wanted = inputs[name].type
        fits = isinstance(value, _PYTHON[wanted])
        if not fits or (isinstance(value, bool) and wanted != "Boolean"):
            raise UserError(f"pipeline {pipeline.name}: {name} is {value!r}; give a {wanted}")
    missing = [name for name, one in inputs.items() if not one.optional and name not in values]
    if missing:
        raise UserError(f"pipeline {pipeline.name} needs {missing[0]}: give it a value")
    return dict(values)
