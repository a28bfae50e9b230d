"""Every image's Containerfile and lock, held against what its program imports."""

from __future__ import annotations

import re
from pathlib import Path

import grimp
import pytest

from images.catalogue import (
    ROOT,
    SERVICES,
    STAGES,
    faces,
    import_graph,
    requirements,
    rooms,
    wiring,
)
from images.lock import blocks
from images.write import containerfile

IMAGES = (*STAGES, *SERVICES)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return import_graph()


def text(name: str) -> str:
    return (ROOT / "images" / name / "Containerfile").read_text(encoding="utf-8")


def copied(name: str) -> set[str]:
    sources = re.findall(r"components/([a-z_]+)(?:\.py)?(?= )", text(name))
    return set(sources) - {"__init__"}


def locked(path: Path) -> dict[str, str]:
    return blocks(path.read_text(encoding="utf-8"))


def test_every_stage_has_an_image() -> None:
    faces = (ROOT / "components").glob("*/component.py")
    assert {face.parent.name for face in faces} == set(STAGES)


@pytest.mark.parametrize("name", IMAGES)
def test_only_what_the_program_imports_is_copied(graph: grimp.ImportGraph, name: str) -> None:
    assert copied(name) == set(rooms(graph, name))


def test_the_trigger_carries_the_pipeline_it_starts_and_no_stage(graph: grimp.ImportGraph) -> None:
    assert "retraining" in wiring(graph, "trigger")
    assert rooms(graph, "trigger") == ["artifacts", "errors"]
    stages = set(re.findall(r"components/([a-z_]+)/component.py", text("trigger")))
    assert stages == set(faces(graph, "trigger"))
    assert set(re.findall(r"pipelines/(\w+)\.py", text("trigger"))) == {
        "__init__",
        *wiring(graph, "trigger"),
    }


@pytest.mark.parametrize("name", IMAGES)
def test_the_containerfile_is_the_one_the_template_gives(
    graph: grimp.ImportGraph, name: str
) -> None:
    assert text(name) == containerfile(name, graph), "run python -m images.write"


@pytest.mark.parametrize("name", IMAGES)
def test_the_lock_pins_all_that_is_imported_with_hashes(
    graph: grimp.ImportGraph, name: str
) -> None:
    pins = locked(ROOT / "images" / name / "requirements.lock")
    assert set(requirements(graph, name)) - {"torch"} <= set(pins)
    assert all("--hash=sha256:" in pin for pin in pins.values())


@pytest.mark.parametrize("name", IMAGES)
def test_no_version_differs_from_the_run_lock(name: str) -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    run = dict(re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE))
    pins = locked(ROOT / "images" / name / "requirements.lock")
    pins |= locked(ROOT / "images" / "kfp.lock")
    versions = {each: pin.split()[0].split("==")[1] for each, pin in pins.items()}
    assert versions == {each: run.get(each) for each in versions}


@pytest.mark.parametrize("name", IMAGES)
def test_torch_is_only_where_the_agent_s_room_is(graph: grimp.ImportGraph, name: str) -> None:
    assert ("torch.lock" in text(name)) == ("torch" in requirements(graph, name))
    assert "torch" not in locked(ROOT / "images" / name / "requirements.lock")


def test_validation_rollout_drift_check_and_the_actuator_need_no_torch(
    graph: grimp.ImportGraph,
) -> None:
    for name in ("ingestion", "validation", "rollout", "drift_check", *SERVICES):
        assert "torch" not in requirements(graph, name)


@pytest.mark.parametrize("name", IMAGES)
def test_it_runs_as_a_numbered_user_that_is_not_root(name: str) -> None:
    (user,) = re.findall(r"^USER (\d+):\d+$", text(name), re.MULTILINE)
    assert int(user) >= 10_000


@pytest.mark.parametrize("name", SERVICES)
def test_what_serves_http_has_a_health_check_that_its_deployment_has_as_a_probe(name: str) -> None:
    folder = "trigger" if name == "trigger" else "base"
    manifest = (ROOT / "manifests" / folder / f"{name}.yaml").read_text(encoding="utf-8")
    checked = re.findall(r"^HEALTHCHECK .*(?:\n +.*)", text(name), re.MULTILINE)
    assert ["8080/healthz" in one for one in checked] == [True] * ("/healthz" in manifest)
