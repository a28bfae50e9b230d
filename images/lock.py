"""Pins what each image installs, with hashes: `python -m images.lock`.

Versions are those of requirements.lock. kfp is installed without what it depends on, and torch
without hashes, because its CPU build and the full one share a version: each has its own file, and
so has what builds the packages that have no wheel.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from images.catalogue import ROOT, SERVICES, STAGES, import_graph, requirements

_HEADER = "# Pinned from requirements.lock by `python -m images.lock` (Python 3.11).\n"


def blocks(text: str) -> dict[str, str]:
    """Return distribution to its lines (pin and hashes) of a compiled requirements file."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=[a-z0-9])", "\n" + text):
        match = re.match(r"([a-z0-9][a-z0-9._-]*)==", block)
        if match:
            found[match[1]] = block.strip() + "\n"
    return found


def _compiled(names: list[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "requirements.in", Path(folder) / "requirements.lock"
        source.write_text("\n".join(names) + "\n", encoding="utf-8")
        subprocess.run(
            [
                sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes",
                "--strip-extras", "--no-emit-index-url", "--no-emit-find-links",
                "--no-emit-trusted-host", "--no-annotate", "--no-header", "--allow-unsafe",
                "--constraint", str(ROOT / "requirements.lock"),
                "--output-file", str(target), str(source),
            ],
            check=True,
        )  # fmt: skip
        return blocks(target.read_text(encoding="utf-8"))


def main() -> None:
    """Writes `images/kfp.lock`, `torch.lock`, `build.lock` and `NAME/requirements.lock`."""
    graph = import_graph()
    needed = {name: requirements(graph, name) for name in (*STAGES, *SERVICES)}
    every = _compiled(
        sorted({"kfp", "setuptools", *(each for names in needed.values() for each in names)})
    )
    torch = re.sub(r"(==[0-9.]+).*", r"\1", every.pop("torch").splitlines()[0])
    _write(ROOT / "images/torch.lock", [torch + "\n"])
    _write(ROOT / "images/kfp.lock", [every["kfp"]])
    _write(ROOT / "images/build.lock", [every["setuptools"]])
    for name, names in needed.items():
        path = ROOT / "images" / name / "requirements.lock"
        path.parent.mkdir(exist_ok=True)
        _write(path, [every[each] for each in sorted(with_dependencies(names)) if each != "torch"])


def with_dependencies(names: list[str]) -> set[str]:
    """Return these distributions and all that they depend on, as installed here."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting.extend(needed_by(name))
    return found


def needed_by(name: str) -> list[str]:
    """Return the distributions that this one asks for, as installed here."""
    asked = map(Requirement, metadata.requires(name) or ())
    return [
        canonicalize_name(one.name)
        for one in asked
        if one.marker is None or one.marker.evaluate({"extra": ""})
    ]


def _write(path: Path, pins: list[str]) -> None:
    path.write_text(_HEADER + "".join(pins), encoding="utf-8")


if __name__ == "__main__":
    main()
