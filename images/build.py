"""Builds the images and prints sizes and times: `python -m images.build [NAME ...]`.

With buildah, podman or docker, whichever is there. `--wheels FOLDER` builds without a network,
from wheels that `pip download` left there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from images.catalogue import ROOT, SERVICES, STAGES

BUILDERS = ("buildah", "podman", "docker")


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
    verb = ("bud",) if program == "buildah" else ("build",)
    given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    command = [
        program, *verb, *options, *given, "-t", tag,
        "-f", str(ROOT / "images" / name / "Containerfile"), str(ROOT),
    ]  # fmt: skip
    started = time.monotonic()
    done = subprocess.run(
        command, env=dict(environment or os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BuildError(f"{name}: {' | '.join(lines[-3:])}")
    return time.monotonic() - started


def size_bytes(tag: str, environment: Mapping[str, str] | None = None) -> int:
    """Return the image's size on disk, its base included. Raises BuildError."""
    program = "docker" if shutil.which("podman") is None else "podman"
    done = subprocess.run(
        [program, "image", "inspect", "--format", "{{.Size}}", tag],
        env=dict(environment or os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(f"{tag}: {done.stderr.strip()}")
    return int(done.stdout)


def main() -> int:
    """Returns 0 when every image was built, 2 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m images.build", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="images to build; all by default")
    parser.add_argument("--base", help="the base image, by digest for a release")
    parser.add_argument("--repository", default="aware-python", help="default: %(default)s")
    parser.add_argument("--version", default="0.1.0", help="default: %(default)s")
    parser.add_argument("--wheels", type=Path, help="build offline from this folder of wheels")
    options = parser.parse_args()
    arguments = {"VERSION": options.version}
    if options.base:
        arguments["BASE"] = options.base
    extra: list[str] = []
    if options.wheels:
        extra = ["--volume", f"{options.wheels.resolve()}:/wheels:ro"]
        arguments["PIP_OPTIONS"] = "--no-index --find-links /wheels"
    for name in options.names or (*STAGES, *SERVICES):
        tag = f"{options.repository}/{name}:{options.version}"
        try:
            took_s = build(name, tag, arguments, extra)
            print(f"{tag:40} {size_bytes(tag) / 1e6:7.0f} MB {took_s:6.0f} s", flush=True)
        except BuildError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
