"""kfp.local as we use it: outputs gathered by stage, talk in the log, mistakes as one line."""

import builtins
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kfp import dsl

from components.errors import UserError
from pipelines.local import run_pipeline
from pipelines.runs import StageFailedError, new_run

NOW = datetime(2026, 11, 3, tzinfo=UTC)


@dsl.component(base_image="aware-python/test", packages_to_install=[], install_kfp_package=False)
def first_stage(output: dsl.Output[dsl.Artifact], word: str) -> int:
    import os

    os.makedirs(output.path)
    with open(os.path.join(output.path, "word.txt"), "w") as file:
        file.write(word)
    print("the first stage speaks")
    return len(word)


@dsl.component(base_image="aware-python/test", packages_to_install=[], install_kfp_package=False)
def second_stage(before: dsl.Input[dsl.Artifact], output: dsl.Output[dsl.Artifact]) -> None:
    import shutil

    shutil.copytree(before.path, output.path)


@dsl.component(base_image="aware-python/test", packages_to_install=[], install_kfp_package=False)
def failing_stage(how: str) -> None:
    from components.errors import UserError
    from components.launcher import launch

    def fail() -> None:
        raise UserError("telemetry/a.parquet is empty") if how == "user" else ValueError("ours")

    launch(fail)


@dsl.pipeline(name="two-stages")
def two_stages(word: str) -> None:
    first = first_stage(word=word)
    with dsl.If(first.outputs["Output"] > 3, name="long"):
        second_stage(before=first.outputs["output"])


@dsl.component(base_image="aware-python/test", packages_to_install=[], install_kfp_package=False)
def sleeping_stage(seconds: float) -> None:
    import time

    time.sleep(seconds)


@dsl.pipeline(name="side-by-side")
def side_by_side() -> None:
    # The one that begins last ends last: what it puts back is the first one's.
    with dsl.ParallelFor([0.3, 1.5], name="sleeping", parallelism=2) as seconds:
        sleeping_stage(seconds=seconds)


@dsl.pipeline(name="failing")
def failing(how: str) -> None:
    failing_stage(how=how)


def test_outputs_lie_by_stage_and_the_talk_is_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with new_run(tmp_path, NOW) as run:
        run_pipeline(two_stages, {"word": "long enough"}, run, "words")
        assert (run.stage("words", "first_stage") / "word.txt").read_text() == "long enough"
        assert (run.stage("words", "second_stage") / "word.txt").read_text() == "long enough"
        assert "the first stage speaks" in run.log.read_text()
        assert {path.name for path in run.path.iterdir()} == {"run.lock", "run.log", "words"}
    assert capfd.readouterr() == ("", "")


def test_a_branch_that_is_not_taken_leaves_no_output(tmp_path: Path) -> None:
    with new_run(tmp_path, NOW) as run:
        run_pipeline(two_stages, {"word": "no"}, run, "words")
        assert [path.name for path in (run.path / "words").iterdir()] == ["first_stage"]


def test_a_stages_one_line_reaches_the_user(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"^telemetry/a\.parquet is empty$"),
        new_run(tmp_path, NOW) as run,
    ):
        run_pipeline(failing, {"how": "user"}, run, "failing")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_names_the_log_which_holds_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(StageFailedError) as failure, new_run(tmp_path, NOW) as run:
        run_pipeline(failing, {"how": "ours"}, run, "failing")
    assert str(run.log) in str(failure.value)
    assert "ValueError: ours" in run.log.read_text()


def test_the_environment_is_as_it_was(tmp_path: Path) -> None:
    before = dict(os.environ)
    with new_run(tmp_path, NOW) as run:
        run_pipeline(two_stages, {"word": "no"}, run, "words")
    assert dict(os.environ) == before


def test_stages_side_by_side_leave_logging_and_print_as_they_were(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (builtins.print, root.level, root.handlers[:])
    with new_run(tmp_path, NOW) as run:
        run_pipeline(side_by_side, {}, run, "sleeping")
    assert (builtins.print, root.level, root.handlers[:]) == before
