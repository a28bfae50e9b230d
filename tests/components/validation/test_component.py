from pathlib import Path

import pytest
from kfp import dsl, local

from components.artifacts.files import read_json
from components.validation.component import validation
from tests.components.validation.stage_inputs import write_stage_outputs

ROOT = Path(__file__).parents[3]


@dsl.pipeline
def around_validation(dataset: str, embedding: str, meta_policy: str, adapted: str) -> None:
    def imported(uri: str) -> dsl.Artifact:
        return dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact).output

    validation(
        dataset=imported(dataset),
        embedding=imported(embedding),
        meta_policy=imported(meta_policy),
        adapted=imported(adapted),
        seed=3,
        quick=True,
    )


@pytest.mark.filterwarnings("ignore")
def test_it_runs_through_kfp_and_hands_out_files_figures_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "root"))
    inputs = write_stage_outputs(tmp_path / "in")
    around_validation(**{name: str(path) for name, path in inputs.items()})

    (output,) = (tmp_path / "root").glob("*/validation/output")
    report = read_json(output / "validation.json")
    metrics = read_json(output.parent / "metrics")
    assert metrics["accepted"] + metrics["refused"] == len(report["workloads"])
    assert metrics["policy_reward"] == report["summary"]["policy"]["reward"]["mean"]
    assert (output.parent / "report").read_text() == (output / "validation.html").read_text()
