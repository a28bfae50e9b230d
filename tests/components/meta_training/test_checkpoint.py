import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from components.errors import UserError
from components.meta_training.config import quick_config
from components.meta_training.stage import run
from components.progress import Progress
from tests.components.agent.stage_inputs import write_embedding
from tests.telemetry_folders import write_telemetry_folder

CONFIG = replace(quick_config(3), iterations=6, applications=16, evaluation_period=2)
# A process that ends itself, as kill -9 from outside does, when it tells of the fourth iteration.
KILLED = """
import os, signal, sys
from pathlib import Path
from dataclasses import replace
from components.meta_training.config import quick_config
from components.meta_training.stage import run

class Killing:
    def update(self, done, total, message=""):
        if message.startswith("iteration 4"):
            os.kill(os.getpid(), signal.SIGKILL)

config = replace(quick_config(3), iterations=6, applications=16, evaluation_period=2)
run(config, Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Killing())
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    dataset = write_telemetry_folder(folder / "dataset", steps=160)
    return dataset, write_embedding(folder / "embedding", dataset)


@pytest.fixture(scope="module")
def killed(inputs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a training was killed; its output isn't there, its state is."""
    output = tmp_path_factory.mktemp("killed") / "meta"
    arguments = [sys.executable, "-c", KILLED, *map(str, inputs), str(output)]
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(arguments, cwd=root, env=dict(os.environ), check=False)
    assert ended.returncode == -signal.SIGKILL
    return output


@pytest.fixture
def interrupted(killed: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's own."""
    shutil.copytree(killed.parent, tmp_path / "own")
    return tmp_path / "own" / "meta"


@pytest.fixture(scope="module")
def uninterrupted(inputs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("uninterrupted") / "meta"
    run(CONFIG, *inputs, output, Progress("meta_training"))
    return output


def state_of(output: Path) -> Path:
    return output.with_name("meta.unfinished") / "state.json"


def test_a_killed_training_goes_on_and_ends_with_the_same_policy(
    interrupted: Path, uninterrupted: Path, inputs: tuple[Path, Path]
) -> None:
    assert not interrupted.exists()
    kept = json.loads(state_of(interrupted).read_text())
    assert [one["iteration"] for one in kept["evaluations"]] == [0, 2]
    run(CONFIG, *inputs, interrupted, Progress("meta_training"))
    for name in ("meta_policy.safetensors", "curve.json"):
        assert (interrupted / name).read_bytes() == (uninterrupted / name).read_bytes()
    assert not state_of(interrupted).parent.exists()


def test_it_does_go_on_from_what_was_kept(interrupted: Path, inputs: tuple[Path, Path]) -> None:
    document = json.loads(state_of(interrupted).read_text())
    document["evaluations"][0]["decisions"] = -7
    state_of(interrupted).write_text(json.dumps(document))
    run(CONFIG, *inputs, interrupted, Progress("meta_training"))
    curve = json.loads((interrupted / "curve.json").read_text())
    assert curve["iterations"][0]["decisions"] == -7


def test_another_training_begins_anew(
    interrupted: Path, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    other = replace(CONFIG, seed=4)
    run(other, *inputs, interrupted, Progress("meta_training"))
    run(other, *inputs, tmp_path / "meta", Progress("meta_training"))
    name = "meta_policy.safetensors"
    assert (interrupted / name).read_bytes() == (tmp_path / "meta" / name).read_bytes()


def test_a_damaged_state_is_refused_in_one_line(
    interrupted: Path, inputs: tuple[Path, Path]
) -> None:
    (arrays,) = state_of(interrupted).parent.glob("*.safetensors")
    arrays.write_bytes(arrays.read_bytes()[:100])
    with pytest.raises(UserError, match="not a complete safetensors file"):
        run(CONFIG, *inputs, interrupted, Progress("meta_training"))
    assert not interrupted.exists()
