"""Builds the images and prints sizes and times: `python -m images.build [NAME ...]`.

With buildah, podman or docker, whichever is there. Beside each image lies its bill of materials
(CycloneDX). `--wheels FOLDER` builds without a network, from wheels that `pip download` left there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from images.catalogue import ROOT, SERVICES, STAGES, entry
from images.materials import bill_of_materials

BUILDERS = ("buildah", "podman", "docker")
BASE = "docker.io/library/python:3.11-slim-bookworm"


class BuildError(Exception):
    """An image can't be built; one line says why."""


def build(
    name: str, tag: str, arguments: Mapping[str, str], options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> float:  # fmt: skip
    """Build one image; returns the seconds that took. Raises BuildError."""
    program = next((each for each in BUILDERS if shutil.which(each)), None)
    if program is None:
        raise BuildError(f"no {', '.join(BUILDERS)} here; install one of them")
    # The other format knows no health checks.
    form = () if program == "docker" else ("--format", "docker")
    verb = "bud" if program == "buildah" else "build"
    given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    command = [
        program, verb, *form, *options, *given, "-t", tag,
        "-f", str(ROOT / "images" / name / "Containerfile"), str(ROOT),
    ]  # fmt: skip
    started = time.monotonic()
    told(name, command, environment, lines=3)
    return time.monotonic() - started


def size_bytes(tag: str, environment: Mapping[str, str] | None = None) -> int:
    """Return the image's size on disk, its base included. Raises BuildError."""
    return int(inspected(tag, "{{.Size}}", environment))


def digest_of(base: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the base's name with its digest, as its registry tells it; "" where none does."""
    digests = inspected(base, "{{range .RepoDigests}}{{println .}}{{end}}", environment).split()
    return digests[0] if digests else ""


def start_s(
    name: str, tag: str, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> float:
    """Return the seconds until the image's program is loaded. Raises BuildError."""
    module = entry(name) if name in SERVICES else f"components.{name}.stage"
    started = time.monotonic()
    told(
        name,
        [
            runner(), "run", "--rm", "--network=none", "--read-only", "--cap-drop=all",
            "--tmpfs", "/tmp:rw,size=512m", *options, "--entrypoint", "python3", tag,
            "-c", f"import {module}",
        ],
        environment,
    )  # fmt: skip
    return time.monotonic() - started


def inspected(tag: str, what: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what the image's description says, by a Go template. Raises BuildError."""
    return told(tag, [runner(), "image", "inspect", "--format", what, tag], environment)


def runner() -> str:
    """Return the program that runs and pushes images."""
    return "docker" if shutil.which("podman") is None else "podman"


def told(
    name: str, command: Sequence[str], environment: Mapping[str, str] | None = None, lines: int = 1
) -> str:
    """Return what a command prints. Raises BuildError with the image's name and its last lines."""
    done = subprocess.run(
        command, env=dict(environment or os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BuildError(f"{name}: {' | '.join(told[-lines:])}")
    return done.stdout


def _revision() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def main() -> int:
    """Returns 0 when every image was built, 2 otherwise."""
    options = _parser().parse_args()
    arguments = {"VERSION": options.version, "REVISION": _revision(), "BASE": options.base}
    extra: list[str] = []
    if options.wheels:
        extra = ["--volume", f"{options.wheels.resolve()}:/wheels:ro"]
        arguments["PIP_OPTIONS"] = "--no-index --find-links /wheels"
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"{'image':40} {'size':>8} {'over base':>10} {'build':>7} {'start':>7}", flush=True)
    base = ""
    for name in options.names or (*STAGES, *SERVICES):
        tag = f"{options.repository}/{name}:{options.version}"
        try:
            took_s = build(name, tag, arguments, extra)
            size = size_bytes(tag)
            base = digest_of(options.base) or options.base
            over = size - size_bytes(options.base)
            loaded_s = start_s(name, tag)
        except BuildError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
        document = bill_of_materials(name, options.version, base, datetime.now(UTC))
        (options.output / f"{name}.cdx.json").write_text(document, encoding="utf-8")
        print(
            f"{tag:40} {size / 1e6:5.0f} MB {over / 1e6:7.0f} MB {took_s:5.0f} s {loaded_s:5.1f} s",
            flush=True,
        )
    print(f"bills of materials: {options.output}")
    if "@sha256:" not in options.base:
        print(f"base: {base}; name it so (BASE=...) to build on the same again")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images.build", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="images to build; all by default")
    parser.add_argument("--base", default=BASE, help="by digest for a release; else %(default)s")
    parser.add_argument("--repository", default="aware-python", help="default: %(default)s")
    parser.add_argument("--version", default="0.1.0", help="default: %(default)s")
    parser.add_argument("--wheels", type=Path, help="build offline from this folder of wheels")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/images"), help="default: %(default)s"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
