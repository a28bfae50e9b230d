"""The pipelines as Argo's objects: complete, consistent, and their containers really run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hera.workflows import models as argo

from pipelines import cli
from pipelines.argo_executor_input import WORK
from pipelines.compile import PIPELINES, compile_for_argo, compile_pipelines

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "images" / "synthetic_app" / "recordings"
# etcd's limit on an object.
OBJECT_BYTES = 1_500_000


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    paths = compile_for_argo(tmp_path_factory.mktemp("argo"), None, "30 2 * * *")
    return {path.stem: list(yaml.safe_load_all(path.read_text())) for path in paths}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_the_objects_hold_nothing_that_argos_models_lack(
    compiled: dict[str, list[dict[str, Any]]], name: str
) -> None:
    for document, model in zip(
        compiled[name], (argo.WorkflowTemplate, argo.CronWorkflow), strict=True
    ):
        again = model.model_validate(document)
        assert again.model_dump(mode="json", exclude_none=True, by_alias=True) == document
        assert len(json.dumps(document)) < OBJECT_BYTES / 10
    template, cron = compiled[name]
    assert cron["spec"]["workflowSpec"]["workflowTemplateRef"] == {
        "name": template["metadata"]["name"]
    }
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert cron["spec"]["schedules"] == ["30 2 * * *"]


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_the_stages_run_the_same_images_as_on_kubeflow(
    compiled: dict[str, list[dict[str, Any]]], name: str, tmp_path: Path
) -> None:
    paths = {path.stem: path for path in compile_pipelines(tmp_path)}
    spec = next(yaml.safe_load_all(paths[name].read_text()))
    kubeflow = [
        one["container"]["image"]
        for key, one in spec["deploymentSpec"]["executors"].items()
        # All workloads are one shard here: nothing counts shards.
        if "container" in one and key not in ("exec-plan-shards", "exec-share-out")
    ]
    _, *stages = compiled[name][0]["spec"]["templates"]
    assert sorted(one["container"]["image"] for one in stages) == sorted(kubeflow)


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_every_reference_leads_to_an_output_of_an_earlier_stage(
    compiled: dict[str, list[dict[str, Any]]], name: str
) -> None:
    spec = compiled[name][0]["spec"]
    graph, *stages = spec["templates"]
    templates = {one["name"]: one for one in stages}
    given = {one["name"] for one in spec["arguments"]["parameters"]}
    tasks = {one["name"]: one for one in graph["dag"]["tasks"]}
    assert tasks.keys() == templates.keys()
    for task in tasks.values():
        text = json.dumps(task)
        for stage, kind, output in re.findall(r"tasks\.([-\w]+)\.outputs\.(\w+)\.(\w+)", text):
            assert output in {one["name"] for one in templates[stage]["outputs"][kind]}
            assert stage in task["dependencies"]
        assert set(re.findall(r"workflow\.parameters\.(\w+)", text)) <= given
        for kind in ("parameters", "artifacts"):
            assert {one["name"] for one in task["arguments"][kind]} == {
                one["name"] for one in templates[task["name"]]["inputs"][kind]
            }
    done: set[str] = set()
    while len(done) < len(tasks):
        ready = {
            key for key in tasks.keys() - done if set(tasks[key].get("dependencies", ())) <= done
        }
        assert ready
        done |= ready


def test_only_drift_leads_to_retraining(compiled: dict[str, list[dict[str, Any]]]) -> None:
    tasks = compiled["retraining"][0]["spec"]["templates"][0]["dag"]["tasks"]
    count = "{{tasks.take-turn.outputs.parameters.Output}}"
    assert {one["name"]: one.get("when") for one in tasks} == {
        "ingestion": None,
        "gather-ingestion": None,
        "drift-check": None,
        "take-turn": None,
        **dict.fromkeys(
            (
                *("embedding", "twin-fitting", "gather-embedding", "fine-tuning", "validation"),
                *("rollout", "gather-fine-tuning", "gather-validation", "gather-rollout"),
                *("move-reference", "run-summary", "end-turn"),
            ),
            f"{count} > 0",
        ),
        "run-summary-2": f"{count} <= 0",
    }


def test_a_run_takes_its_turn_under_its_own_name(
    compiled: dict[str, list[dict[str, Any]]],
) -> None:
    tasks = compiled["retraining"][0]["spec"]["templates"][0]["dag"]["tasks"]
    (turn,) = (one for one in tasks if one["name"] == "take-turn")
    given = {one["name"]: one["value"] for one in turn["arguments"]["parameters"]}
    assert given["run"] == "{{workflow.uid}}"


def filled(text: str, values: dict[str, str], work: Path) -> str:
    """The argument as Argo would fill it in, with the folder of a pod of its own."""
    text = re.sub(
        r"\{\{=toJson\(inputs\.parameters\['(\w+)'\]\)\}\}",
        lambda found: json.dumps(values[found[1]]),
        text,
    )
    text = re.sub(r"\{\{inputs\.parameters\.(\w+)\}\}", lambda found: values[found[1]], text)
    return text.replace(WORK, str(work))


def run_container(template: dict[str, Any], values: dict[str, str], work: Path) -> None:
    container = template["container"]
    arguments = [filled(one, values, work) for one in container["args"]]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(work.parent),
    }
    done = subprocess.run(
        [*container["command"], *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_stages_container_runs_on_what_argo_gives_it_whatever_the_text(
    compiled: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    spec = compiled["autoscaling"][0]["spec"]
    templates = {one["name"]: one for one in spec["templates"]}
    # A quote in a parameter must stay text.
    folder = tmp_path / 'a "quoted" folder'
    folder.symlink_to(RECORDINGS, target_is_directory=True)
    values = {one["name"]: one["value"] for one in spec["arguments"]["parameters"]}
    values |= {"telemetry": str(folder), "shard": "1/1"}
    work = tmp_path / "ingestion"
    run_container(templates["ingestion"], values, work)
    assert (work / "out" / "output" / "workloads.yaml").is_file()
    assert json.loads((work / "out" / "metrics").read_text())["usable"] >= 1
    assert "<html" in (work / "out" / "report").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("--engine", "airflow"), "no engine"), (("--engine", "argo", "--cron", "x"), "five fields")],
)
def test_an_unknown_engine_or_time_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compile", "--local-images", "--output", str(tmp_path / "x"), *arguments])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
