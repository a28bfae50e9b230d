import json
import time
from pathlib import Path

import pytest
from kfp import dsl, local

from components.artifacts.files import read_json
from components.artifacts.local import LocalStore
from components.artifacts.lock import RETRAINING, lock_holder
from components.rollout.component import end_turn, rollout, take_turn
from components.rollout.retraining_budget import KEY
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


@dsl.pipeline
def one_turn(finished: str, store_url: str, dry_run: bool = False) -> None:
    place = {"store_url": store_url, "dry_run": dry_run}
    whose = {"run": dsl.PIPELINE_JOB_ID_PLACEHOLDER, "owner": "by-alert-7", "lock_s": 600}
    turn = take_turn(drifted=["shop/cart"], **whose, **place)
    with dsl.If(turn.outputs["Output"] > 0, name="admitted"):
        done = dsl.importer(artifact_uri=finished, artifact_class=dsl.Artifact)
        end_turn(rollout=done.output, **whose, **place)


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


@pytest.mark.filterwarnings("ignore")
def test_a_turn_is_taken_booked_ended_and_given_back_under_its_owners_name(runner: Path) -> None:
    (runner / "finished").mkdir()
    store = LocalStore(runner / "store")
    one_turn(finished=str(runner / "finished"), store_url=str(runner / "dry"), dry_run=True)
    assert not (runner / "dry").exists()
    one_turn(finished=str(runner / "finished"), store_url=str(runner / "store"))
    (booking,) = json.loads(store.read(KEY))["shop/cart"]
    assert (booking["run"], booking["ended"]) == ("by-alert-7", True)
    assert json.loads(store.read(f"locks/{RETRAINING}.json"))["owner"] == "by-alert-7"
    assert lock_holder(store, RETRAINING, time.time()) is None
