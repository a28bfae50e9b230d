"""The pipelines as Kubeflow's IR YAML."""

import json
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.errors import UserError
from components.workload.shard import shards_of
from pipelines import cli
from pipelines.compile import PIPELINES, compile_pipelines
from pipelines.image_references import read_images
from pipelines.stage_settings import SETTINGS

# The API server's own limit on a pipeline's package (common.MaxFileLength), and etcd's on an
# object, which holds the workflow that a run becomes.
UPLOAD_BYTES = 32 << 20
OBJECT_BYTES = 1_500_000
# Linux's on one argument of a program: Kubeflow's drivers get lists so.
ARGUMENT_BYTES = 128 << 10
LOOPED = {"ingestion", "twin-fitting", "fine-tuning", "validation", "rollout"}
PICTURES = {"system.Metrics", "system.HTML"}

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
        for stage in {
            *("ingestion", "gather-ingestion", "plan-shards", "drift-check", "take-turn"),
            *("rollout", "gather-rollout", "end-turn"),
        } & tasks.keys():
            assert not tasks[stage]["cachingOptions"].get("enableCache", False), stage
        assert tasks["embedding"]["cachingOptions"]["enableCache"] is True


def test_what_drifted_alone_is_retrained(compiled: dict[str, list[dict]]) -> None:
    spec = compiled["retraining"][0]
    outer = spec["root"]["dag"]["tasks"]
    assert {"gather-ingestion", "drift-check"} < outer.keys()
    assert not {"fine-tuning", "rollout"} & outer.keys()
    (name,) = (one for one in spec["components"] if one.startswith("comp-condition-branches"))
    branches = spec["components"][name]["dag"]["tasks"].values()
    drifted, steady = branches
    condition = drifted["triggerPolicy"]["condition"]
    assert "take-turn-Output" in condition
    assert condition.endswith("> 0")
    assert steady["triggerPolicy"]["condition"] == f"!({condition})"
    inside = spec["components"][steady["componentRef"]["name"]]["dag"]["tasks"]
    assert list(inside) == ["run-summary-2"]


def test_a_folder_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        compile_pipelines(tmp_path / "file" / "compiled")


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_each_stage_has_its_resources_time_out_retries_and_labels(
    compiled: dict[str, list[dict]], name: str
) -> None:
    spec, platform = compiled[name]
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for key, executor in spec["deploymentSpec"]["executors"].items():
        if "container" not in executor:
            continue
        stage = key.removeprefix("exec-").removesuffix("-2").replace("-", "_")
        wanted = SETTINGS[stage]
        resources = executor["container"]["resources"]
        assert resources["resourceCpuRequest"] == wanted.cpu_request
        assert resources["resourceMemoryRequest"] == wanted.memory_request
        assert resources["resourceMemoryLimit"] == wanted.memory_limit
        assert executors[key]["activeDeadlineSeconds"] == str(wanted.timeout_s)
        assert executors[key]["podMetadata"]["labels"] == {
            "app.kubernetes.io/part-of": "aware",
            "app.kubernetes.io/component": stage,
        }
    for graph in (spec["root"], *spec["components"].values()):
        for key, task in graph.get("dag", {}).get("tasks", {}).items():
            if not key.startswith(("importer", "condition", "for-loop")):
                assert task["retryPolicy"]["maxRetryCount"] >= 1


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_only_what_asks_outside_gets_credentials(
    compiled: dict[str, list[dict]], name: str
) -> None:
    executors = compiled[name][1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    given = {
        key.removeprefix("exec-"): [secret["secretName"] for secret in one["secretAsEnv"]]
        for key, one in executors.items()
        if "secretAsEnv" in one
    }
    wanted = {
        "ingestion": ["aware-prometheus-access", "aware-journal-writer"],
        "rollout": ["aware-store-writer", "aware-signing-key"],
    }
    if name == "autoscaling":
        wanted["meta-training"] = ["aware-trainer-exchange"]
    if name == "retraining":
        for task in ("take-turn", "end-turn", "drift-check", "move-reference"):
            wanted[task] = ["aware-store-writer"]
    assert given == wanted
    listing = {key for key, one in executors.items() if "configMapAsVolume" in one}
    assert listing == {"exec-ingestion", "exec-plan-shards"}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_what_has_work_for_each_workload_runs_in_shards_and_is_gathered(
    compiled: dict[str, list[dict]], name: str
) -> None:
    spec = compiled[name][0]
    dags = [one["dag"] for one in (spec["root"], *spec["components"].values()) if "dag" in one]
    loops = {
        key: (task, spec["components"][task["componentRef"]["name"]]["dag"]["tasks"])
        for dag in dags
        for key, task in dag["tasks"].items()
        if "parameterIterator" in task
    }
    looped = {key for _, inside in loops.values() for key in inside}
    assert looped == LOOPED
    assert all(task["iteratorPolicy"]["parallelismLimit"] == 10 for task, _ in loops.values())
    gathered = {
        key: task["inputs"]["artifacts"]["parts"]["taskOutputArtifact"]["producerTask"]
        for dag in dags
        for key, task in dag["tasks"].items()
        if key.startswith("gather-")
    }
    assert len(gathered) == 5
    assert set(gathered.values()) == loops.keys()


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_the_definition_is_small_whatever_the_number_of_workloads(
    compiled: dict[str, list[dict]], name: str
) -> None:
    spec = compiled[name][0]
    assert len(yaml.safe_dump_all(compiled[name])) < min(UPLOAD_BYTES, OBJECT_BYTES) / 10
    # What was added after kfp compiled it is still of kfp's own schema.
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert parsed.pipeline_info.name == name


@pytest.mark.parametrize(("workloads", "shards"), [(1, 1), (50, 2), (1000, 40)])
@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_what_grows_with_the_workloads_stays_far_below_the_limits(
    compiled: dict[str, list[dict]], name: str, workloads: int, shards: int
) -> None:
    planned = shards_of(workloads, 25)
    assert len(planned) == shards
    # The lists that tasks hand on at run time: shards, and in retraining what drifted.
    keys = [
        f"a-namespace-of-some-length/and-a-name-of-some-length-{n:04d}" for n in range(workloads)
    ]
    assert max(len(json.dumps(planned)), len(json.dumps(keys))) < ARGUMENT_BYTES
    # A run's pods, as if everything had drifted.
    tasks = [
        task
        for dag in (compiled[name][0]["root"], *compiled[name][0]["components"].values())
        for task in dag.get("dag", {}).get("tasks", {})
    ]
    looped = [one for one in tasks if one in LOOPED]
    assert len(looped) == len(LOOPED)
    assert len(looped) * shards + len(tasks) - len(looped) < 250


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_the_definition_in_the_repository_is_the_current_one(
    compiled: dict[str, list[dict]], name: str
) -> None:
    kept = Path(__file__).parents[2] / "pipelines" / "compiled" / f"{name}.yaml"
    assert list(yaml.safe_load_all(kept.read_text())) == compiled[name], (
        "run: aware compile --local-images --output pipelines/compiled"
    )


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_every_stage_leaves_figures_and_a_page(compiled: dict[str, list[dict]], name: str) -> None:
    for key, component in compiled[name][0]["components"].items():
        # What keeps the account of a run finds nothing to look at.
        accounts = (
            "importer",
            "take-turn",
            "end-turn",
            "plan-shards",
            "share-out",
            "move-reference",
        )
        if "executorLabel" not in component or key.startswith(
            tuple(f"comp-{one}" for one in accounts)
        ):
            continue
        outputs = component["outputDefinitions"]["artifacts"]
        kinds = {one["artifactType"]["schemaTitle"] for one in outputs.values()}
        # The twins' page is drawn when all of them are there.
        wanted = {"system.Metrics"} if key == "comp-twin-fitting" else PICTURES
        assert wanted <= kinds, key


def test_a_tag_is_refused_and_a_missing_image_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images.yaml"
    images.write_text("ingestion: registry.example/aware/ingestion:latest\n")
    with pytest.raises(UserError, match="can change its meaning"):
        read_images(images)
    images.write_text(f"ingestion: registry.example/aware/ingestion@sha256:{'0' * 64}\n")
    with pytest.raises(UserError, match="no image for stage"):
        compile_pipelines(tmp_path / "compiled", read_images(images))
    assert not (tmp_path / "compiled").exists()
    with pytest.raises(SystemExit) as ended:
        cli.main(["compile", "--output", str(tmp_path / "compiled")])
    assert ended.value.code == 2
    assert "--images FILE" in capsys.readouterr().err
