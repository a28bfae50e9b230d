"""The house's rules hold, and the rules themselves would notice a breach."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for folder in ("components", "pipelines", "images", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
ROOMS = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("components", "pipelines")]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("components", "pipelines"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def test_the_layers_hold(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("components/attic/__init__.py", '"""A room that the map does not have."""\n'),
        ("components/policy/breach.py", "import components.validation\n"),
        ("components/cluster/breach.py", "import kfp\n"),
        ("components/validation/breach.py", "import torch\n"),
        ("components/rollout/breach.py", "import minio\n"),
        ("components/drift_check/breach.py", "import components.agent.encoder\n"),
        ("components/artifacts/breach.py", "import pipelines.runs\n"),
    ],
)
def test_a_breach_of_the_layers_is_noticed(copy: Path, file: str, line: str) -> None:
    (copy / file).parent.mkdir(exist_ok=True)
    (copy / file).write_text(line)
    result = lint_imports(copy)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout


def test_every_stage_has_the_same_three_faces() -> None:
    stages = sorted(path.parent.name for path in ROOT.glob("components/*/component.py"))
    assert stages == [
        "drift_check",
        "embedding",
        "fine_tuning",
        "ingestion",
        "meta_training",
        "rollout",
        "validation",
    ]
    for stage in stages:
        names = {path.name for path in (ROOT / "components" / stage).glob("*.py")}
        assert {"component.py", "config.py", "stage.py"} <= names, stage


def test_nothing_is_left_to_be_done_later() -> None:
    # Put together here, so that this file doesn't find itself.
    words = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error"))
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(rf"\b({words})\b", line)
    ]
    assert found == []


def test_no_pickle_is_ever_loaded() -> None:
    pattern = re.compile(
        r"^\s*(import|from) (pickle|joblib|shelve)\b|\btorch\.load\(|allow_pickle=True",
        re.MULTILINE,
    )
    found = [str(path) for path in ROOMS if re.search(pattern, path.read_text(encoding="utf-8"))]
    assert found == []
