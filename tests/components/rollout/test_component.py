from pathlib import Path

import pytest
from kfp import dsl, local

from components.artifacts.files import read_json
from components.rollout.component import rollout
from tests.components.rollout.stage_inputs import write_stage_outputs

ROOT = Path(__file__).parents[3]


@dsl.pipeline
def around_rollout(
    dataset: str, embedding: str, meta_policy: str, adapted: str, validation: str
) -> None:
    def imported(uri: str) -> dsl.Artifact:
        return dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact).output

    rollout(
        dataset=imported(dataset),
        embedding=imported(embedding),
        meta_policy=imported(meta_policy),
        adapted=imported(adapted),
        validation=imported(validation),
    )


def run_around(inputs: dict[str, Path]) -> None:
    around_rollout(**{name: str(path) for name, path in inputs.items()})


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "root"))
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_it_runs_through_kfp_and_hands_out_files_figures_and_a_page(runner: Path) -> None:
    run_around(write_stage_outputs(runner / "in"))

    (output,) = (runner / "root").glob("*/rollout/output")
    assert read_json(output / "rollout.json")["shop/checkout"]["state"] == "SHADOW"
    assert read_json(output.parent / "metrics") == {"accepted": 1, "refused": 1}
    assert (output.parent / "report").read_text() == (output / "rollout.html").read_text()


@pytest.mark.filterwarnings("ignore")
def test_a_user_s_mistake_ends_the_task_with_one_line(
    runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWARE_ERROR_FILE", str(runner / "error"))
    inputs = write_stage_outputs(runner / "in")
    (inputs["adapted"] / "adapted.json").unlink()

    with pytest.raises(RuntimeError, match="rollout"):
        run_around(inputs)
    line = (runner / "error").read_text()
    assert "adapted.json is missing" in line
    assert line.count("\n") == 1
    assert not list((runner / "root").glob("*/rollout/output"))
