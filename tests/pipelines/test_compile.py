"""The pipelines as Kubeflow's IR YAML."""

from pathlib import Path

import pytest
import yaml

from components.errors import UserError
from pipelines.compile import PIPELINES, compile_pipelines

STAGES = {
    "autoscaling": {
        "ingestion",
        "embedding",
        "meta-training",
        "fine-tuning",
        "validation",
        "rollout",
    },
    "retraining": {
        "ingestion",
        "drift-check",
        "embedding",
        "fine-tuning",
        "validation",
        "rollout",
    },
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    paths = compile_pipelines(tmp_path_factory.mktemp("compiled") / "new" / "folder")
    assert [path.name for path in paths] == ["autoscaling.yaml", "retraining.yaml"]
    return {path.stem: list(yaml.safe_load_all(path.read_text())) for path in paths}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_pipeline_runs_its_stages_images_without_installing(
    compiled: dict[str, list[dict]], name: str
) -> None:
    spec = compiled[name][0]
    assert spec["pipelineInfo"]["name"] == name
    containers = {
        executor["container"]["image"]: " ".join(executor["container"]["command"])
        for executor in spec["deploymentSpec"]["executors"].values()
        if "container" in executor
    }
    assert {image.split("/")[-1].split(":")[0] for image in containers} == {
        stage.replace("-", "_") for stage in STAGES[name]
    }
    assert not any("pip install" in command for command in containers.values())


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_every_parameter_says_what_it_is(compiled: dict[str, list[dict]], name: str) -> None:
    inputs = compiled[name][0]["root"]["inputDefinitions"]["parameters"]
    assert "seed" in inputs
    assert [key for key, value in inputs.items() if not value.get("description")] == []


def test_what_lies_outside_of_the_cache_is_never_cached(
    compiled: dict[str, list[dict]],
) -> None:
    for documents in compiled.values():
        dags = [documents[0]["root"], *documents[0]["components"].values()]
        tasks = {
            key: task for dag in dags for key, task in dag.get("dag", {}).get("tasks", {}).items()
        }
        for stage in {"ingestion", "rollout", "drift-check"} & tasks.keys():
            assert not tasks[stage]["cachingOptions"].get("enableCache", False), stage
        assert tasks["embedding"]["cachingOptions"]["enableCache"] is True


def test_what_drifted_alone_is_retrained(compiled: dict[str, list[dict]]) -> None:
    spec = compiled["retraining"][0]
    outer = spec["root"]["dag"]["tasks"]
    assert {"ingestion", "drift-check"} < outer.keys()
    assert not {"fine-tuning", "rollout"} & outer.keys()
    (condition,) = (
        task["triggerPolicy"]["condition"] for task in outer.values() if "triggerPolicy" in task
    )
    assert "drift-check-Output" in condition
    assert "> 0" in condition


def test_a_folder_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        compile_pipelines(tmp_path / "file" / "compiled")
