"""What a stage's program is told when no Kubeflow launcher tells it: kfp's executor input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.pipeline_graph import Stage

# The stages' root file system is read-only; /tmp is the writable place.
WORK = "/tmp/stage"  # noqa: S108 (inside of a pod of its own)


def executor_document(component: Mapping[str, Any], stage: Stage) -> str:
    """Return the JSON that a stage's program reads, with Argo's placeholders for its values.

    Text is made a JSON string by Argo itself, so that no quote in it can change the document.
    """
    text = json.dumps(_executor_input(component, stage))
    return text.replace('"<{{', "{{").replace('}}>"', "}}")


def _executor_input(component: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
    given = component.get("inputDefinitions", {})
    definitions = given.get("parameters", {})
    values: dict[str, Any] = {
        name: one["defaultValue"] for name, one in definitions.items() if "defaultValue" in one
    }
    for name in stage.parameters:
        if definitions[name]["parameterType"] == "STRING":
            values[name] = f"<{{{{=toJson(inputs.parameters['{name}'])}}}}>"
        else:
            values[name] = f"<{{{{inputs.parameters.{name}}}}}>"
    outputs = component.get("outputDefinitions", {})
    kinds = given.get("artifacts", {})
    return {
        "inputs": {
            "parameterValues": values,
            "artifacts": {
                name: _artifact(name, kinds[name], f"{WORK}/in/{name}") for name in stage.artifacts
            },
        },
        "outputs": {
            "outputFile": f"{WORK}/executor_output.json",
            "parameters": {
                name: {"outputFile": f"{WORK}/values/{name}"}
                for name in outputs.get("parameters", {})
            },
            "artifacts": {
                name: _artifact(name, one, f"{WORK}/out/{name}")
                for name, one in outputs.get("artifacts", {}).items()
            },
        },
    }


def _artifact(name: str, definition: Mapping[str, Any], place: str) -> dict[str, Any]:
    one = {"name": name, "type": definition["artifactType"], "uri": place, "metadata": {}}
    return {"artifacts": [one]}
