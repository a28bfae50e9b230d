"""The pipelines for Argo Workflows: a WorkflowTemplate, and a CronWorkflow that runs it.

Images, stages, resources, time-outs and retries are those of the compiled Kubeflow pipeline; a
stage's container runs the same program, which learns its inputs from the same JSON document that
Kubeflow's launcher would give it. Argo itself carries artifacts between the stages, by its
artifact repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hera.workflows import models as argo
from kfp import dsl

from pipelines.argo_executor_input import WORK, executor_document
from pipelines.pipeline_graph import (
    Condition,
    Constant,
    FromRun,
    FromStage,
    FromStore,
    Source,
    Stage,
    stages_of,
)
from pipelines.stage_settings import LABEL, PRODUCT, SETTINGS

API_VERSION = "argoproj.io/v1alpha1"
ENTRY = "all-stages"


def workflow_documents(
    spec: Mapping[str, Any], platform: Mapping[str, Any], schedule: str
) -> list[dict[str, Any]]:
    """Return WorkflowTemplate and CronWorkflow of a compiled pipeline.

    `schedule` has the five fields of cron. The CronWorkflow is suspended: it wants its parameters
    first. Raises ValueError for a pipeline with a construct that isn't known here.
    """
    name = f"aware-{spec['pipelineInfo']['name']}"
    stages = stages_of(spec)
    graph = argo.DAGTemplate(tasks=[_task(one) for one in stages])
    template = argo.WorkflowTemplate(
        api_version=API_VERSION,
        kind="WorkflowTemplate",
        metadata=argo.ObjectMeta(name=name, labels={LABEL: PRODUCT}),
        spec=argo.WorkflowSpec(
            entrypoint=ENTRY,
            arguments=argo.Arguments(parameters=_run_parameters(spec)),
            templates=[
                argo.Template(name=ENTRY, dag=graph),
                *(_template(spec, platform, one) for one in stages),
            ],
        ),
    )
    cron = argo.CronWorkflow(
        api_version=API_VERSION,
        kind="CronWorkflow",
        metadata=argo.ObjectMeta(name=name, labels={LABEL: PRODUCT}),
        spec=argo.CronWorkflowSpec(
            schedules=[schedule],
            timezone="Etc/UTC",
            # As Kubeflow's max_concurrency 1 and no_catchup.
            concurrency_policy="Forbid",
            starting_deadline_seconds=0,
            suspend=True,
            workflow_spec=argo.WorkflowSpec(
                workflow_template_ref=argo.WorkflowTemplateRef(name=name)
            ),
        ),
    )
    return [_document(template), _document(cron)]


def _document(model: Any) -> dict[str, Any]:
    document: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, by_alias=True)
    return document


def _run_parameters(spec: Mapping[str, Any]) -> list[argo.Parameter]:
    parameters = []
    for name, one in spec["root"]["inputDefinitions"]["parameters"].items():
        value = _text(one["defaultValue"], one) if "defaultValue" in one else None
        parameters.append(
            argo.Parameter(name=name, value=value, description=one.get("description"))
        )
    return parameters


def _text(value: Any, definition: Mapping[str, Any]) -> str:
    """Return a value as Argo keeps it: a string as it is, anything else as JSON."""
    if definition["parameterType"] == "STRING":
        return str(value)
    if definition["parameterType"] == "NUMBER_INTEGER":
        return str(int(value))
    return json.dumps(value)


def _task(stage: Stage) -> argo.DAGTask:
    sources = [*stage.parameters.values(), *stage.artifacts.values()]
    needed = {one.stage for one in sources if isinstance(one, FromStage)}
    needed |= {one.source.stage for one in stage.conditions}
    return argo.DAGTask(
        name=stage.name,
        template=stage.name,
        dependencies=sorted(needed) or None,
        when=" && ".join(_when(one) for one in stage.conditions) or None,
        arguments=argo.Arguments(
            parameters=[
                argo.Parameter(name=name, value=_reference(source))
                for name, source in stage.parameters.items()
            ],
            artifacts=[_given(name, source) for name, source in stage.artifacts.items()],
        ),
    )


def _when(condition: Condition) -> str:
    sign = ">" if condition.above_zero else "<="
    return f"{_reference(condition.source)} {sign} 0"


def _reference(source: Source) -> str:
    match source:
        case FromRun(parameter):
            return f"{{{{workflow.parameters.{parameter}}}}}"
        case FromStage(stage, output):
            return f"{{{{tasks.{stage}.outputs.parameters.{output}}}}}"
        case Constant(value) if value == dsl.PIPELINE_JOB_ID_PLACEHOLDER:
            return "{{workflow.uid}}"
        case Constant(value):
            return value if isinstance(value, str) else json.dumps(value)
        case FromStore():
            raise ValueError("an artifact where a parameter is expected")


def _given(name: str, source: Source) -> argo.Artifact:
    if isinstance(source, FromStore):
        # A key in Argo's own artifact repository: such as an earlier workflow's output.
        key = f"{{{{workflow.parameters.{source.parameter}}}}}"
        return argo.Artifact(name=name, s3=argo.S3Artifact(key=key))
    if not isinstance(source, FromStage):
        raise ValueError(f"artifact {name} comes from no stage")
    return argo.Artifact(
        name=name, from_=f"{{{{tasks.{source.stage}.outputs.artifacts.{source.output}}}}}"
    )


def _template(spec: Mapping[str, Any], platform: Mapping[str, Any], stage: Stage) -> argo.Template:
    component = spec["components"][stage.component]
    label = component["executorLabel"]
    container = spec["deploymentSpec"]["executors"][label]["container"]
    pod = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][label]
    settings = SETTINGS[pod["podMetadata"]["labels"]["app.kubernetes.io/component"]]
    outputs = component.get("outputDefinitions", {})
    document = executor_document(component, stage)
    listing = pod.get("configMapAsVolume", ())
    return argo.Template(
        name=stage.name,
        metadata=argo.Metadata(labels=pod["podMetadata"]["labels"]),
        active_deadline_seconds=int(pod["activeDeadlineSeconds"]),
        retry_strategy=argo.RetryStrategy(
            limit=str(settings.retries),
            # Exit code 2 is a mistake in the input: trying again would meet it again.
            expression="lastRetry.exitCode != '2'",
            backoff=argo.Backoff(duration="30s", factor="2", max_duration="600s"),
        ),
        container=argo.Container(
            image=container["image"],
            command=container["command"],
            args=[document if one == "{{$}}" else one for one in container["args"]],
            resources=argo.ResourceRequirements(
                requests={"cpu": settings.cpu_request, "memory": settings.memory_request},
                limits={"memory": settings.memory_limit},
            ),
            env=_secret_variables(pod),
            volume_mounts=[
                argo.VolumeMount(name="work", mount_path="/tmp"),  # noqa: S108
                *(
                    argo.VolumeMount(name="listed", mount_path=one["mountPath"], read_only=True)
                    for one in listing
                ),
            ],
            security_context=argo.SecurityContext(
                allow_privilege_escalation=False,
                read_only_root_filesystem=True,
                run_as_non_root=True,
                capabilities=argo.Capabilities(drop=["ALL"]),
            ),
        ),
        volumes=[
            argo.Volume(name="work", empty_dir=argo.EmptyDirVolumeSource()),
            *(
                argo.Volume(
                    name="listed",
                    config_map=argo.ConfigMapVolumeSource(name=one["configMapName"], optional=True),
                )
                for one in listing
            ),
        ],
        inputs=argo.Inputs(
            parameters=[argo.Parameter(name=name) for name in stage.parameters],
            artifacts=[
                argo.Artifact(name=name, path=f"{WORK}/in/{name}") for name in stage.artifacts
            ],
        ),
        outputs=argo.Outputs(
            parameters=[
                argo.Parameter(name=name, value_from=argo.ValueFrom(path=f"{WORK}/values/{name}"))
                for name in outputs.get("parameters", {})
            ],
            artifacts=[
                argo.Artifact(name=name, path=f"{WORK}/out/{name}")
                for name in outputs.get("artifacts", {})
            ],
        ),
    )


def _secret_variables(pod: Mapping[str, Any]) -> list[argo.EnvVar] | None:
    variables = [
        argo.EnvVar(
            name=key["envVar"],
            value_from=argo.EnvVarSource(
                secret_key_ref=argo.SecretKeySelector(
                    name=secret["secretName"], key=key["secretKey"], optional=True
                )
            ),
        )
        for secret in pod.get("secretAsEnv", ())
        for key in secret["keyToEnv"]
    ]
    return variables or None
