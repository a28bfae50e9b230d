"""Every command that a page shows is run on a fresh clone, against servers of the tests' own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components.workload.spec import load_workloads
from tests.documentation.blocks import LOOKS_LIKE_A_COMMAND, ROOT, blocks, pages
from tests.documentation.shop_prometheus import shop_until
from tests.kubeflow_server import kubeflow_server
from tests.prometheus_server import running_prometheus

PROGRAMS = Path(sys.executable).parent
# What can't run here, and where it does run.
ELSEWHERE = {
    "make test": "the suite that this test belongs to",
    "make lint": ".ci/run, before the tests",
    "make bench": "tests/benchmarks; some take minutes",
    "make record": "tests/recorder/ makes a short recording; the whole takes an hour",
    "make images": "tests/images/",
    "make push": "tests/images/test_push.py, to a registry of its own",
    "make lock": "resolves against the package index; tests/test_house.py compares the result",
    "make secrets": "tests/cluster/test_deploy.py, on a real API server",
    "make deploy": "tests/cluster/test_deploy.py",
    "make undeploy": "tests/cluster/test_deploy.py",
    "kubectl ": "tests/manifests/ and tests/cluster/, on a real API server",
    "python -m components.recommender.main": "tests/components/recommender/, tests/cluster/",
    "python -m pipelines.trigger": "tests/pipelines/test_trigger.py",
    "python -m tests.recorder": "tests/recorder/",
    "python -m tests.benchmarks.": "tests/benchmarks; some take minutes",
    "git clone ": "the clone that all of this runs in",
}
SERVERS = ("aware ui",)
# The history goes on a little, so that it is not stale while the pages are worked through.
AHEAD_S = 3600
PAGES = [page for page in pages() if any(block.language == "sh" for block in blocks(page))]


@dataclass
class Clone:
    """A fresh clone with a finished `make run` in it, and addresses for those of the examples."""

    folder: Path
    addresses: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(command)],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def serve(self, command: str) -> str:
        """Start a server, stop it after its first line, and return that."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {self._here(command)}"],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            return process.stdout.readline()
        finally:
            process.terminate()
            process.wait(timeout=20)
            process.stdout.close()

    def show(self, line: str) -> None:
        """Take over a variable that the page exports."""
        name, _, value = line.removeprefix("export ").partition("=")
        self.variables[name] = self._here(value)

    def _here(self, command: str) -> str:
        # A full run is made once, by `make run`; the same on other telemetry is made small.
        if command.startswith(("aware run ", "aware retrain ")):
            command += " --quick"
        for example, real in self.addresses.items():
            command = command.replace(example, real)
        return command

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.variables,
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "NO_COLOR": "1",
        }


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder = tmp_path_factory.mktemp("documentation")
    here = folder / "aware"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(here)], check=True)
    environment = here / ".venv"
    environment.mkdir()
    (environment / "bin").symlink_to(PROGRAMS)
    # The packages are there already, so that `make` has nothing to install.
    for name in ("installed-run", "installed-dev"):
        (environment / name).touch()
    with (
        running_prometheus(
            folder / "prometheus", shop_until(int(time.time()) + AHEAD_S)
        ) as prometheus,
        kubeflow_server() as kubeflow,
    ):
        addresses = {
            "https://prometheus.example": prometheus,
            "https://kubeflow.example/pipeline": kubeflow.url,
            "minio://aware/policies": str(folder / "store"),
        }
        yield Clone(here, addresses)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_work(clone: Clone, page: str) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            _keep(block.text, clone.folder)
        if block.language != "sh":
            continue
        for command in block.commands():
            if command.startswith(tuple(ELSEWHERE)):
                continue
            if command.startswith("export "):
                clone.show(command)
                continue
            if command.startswith(SERVERS):
                assert clone.serve(command).startswith("http://127.0.0.1:"), command
                continue
            done = clone.run(command)
            told = f"{page}, line {block.line}: {command}\n{done.stdout}{done.stderr}"
            assert done.returncode == 0, told


def _keep(text: str, folder: Path) -> None:
    """Write a file that the page shows under its name in the first line; commands read it."""
    named = re.match(r"# ([a-z_]+\.yaml)\n", text)
    if not named:
        return
    path = folder / named.group(1)
    path.write_text(text, encoding="utf-8")
    if path.name == "workloads.yaml":
        assert load_workloads(path)


@pytest.mark.parametrize("page", pages())
def test_no_command_hides_in_a_block_that_is_not_run(page: str) -> None:
    for block in blocks(page):
        if block.language in ("", "text", "console", "bash", "shell"):
            found = LOOKS_LIKE_A_COMMAND.search(block.text)
            assert not found, f"{page}, line {block.line}: {found}"
