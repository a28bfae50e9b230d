"""Pushes built images and pins them by digest: `python -m images.push --registry HOST/FOLDER`.

Writes `images.yaml`, which `aware compile` and `aware upload` read, and sets name and digest of the
services' images in the manifests. A credential is the builder's own: `podman login` comes before.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from images.build import BuildError, inspected, runner, told
from images.catalogue import ROOT, SERVICES, STAGES

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?/")
_KUSTOMIZATIONS = ("base", "trigger")


def push(source: str, target: str, plain_http: bool = False) -> str:
    """Push one image; returns the digest that the registry knows it by. Raises BuildError."""
    if plain_http and not _LOOPBACK.match(target):
        raise BuildError(f"{target}: a registry without TLS is spoken to on this machine only")
    if runner() == "docker":
        told(target, ["docker", "tag", source, target])
        told(target, ["docker", "push", target])
        name = target.rsplit(":", 1)[0]
        known = inspected(target, "{{range .RepoDigests}}{{println .}}{{end}}").split()
        return next(one for one in known if one.startswith(f"{name}@")).split("@")[1]
    with tempfile.NamedTemporaryFile(mode="r", encoding="utf-8") as digest:
        options = ["--tls-verify=false"] if plain_http else []
        command = ["podman", "push", *options, "--digestfile", digest.name, source]
        told(target, [*command, f"docker://{target}"])
        return digest.read().strip()


def pinned(text: str, references: dict[str, str]) -> str:
    """Return a kustomization's text with each `aware/NAME` image under its reference."""
    for name, reference in references.items():
        place, digest = reference.split("@")
        text = re.sub(
            rf"^  - name: aware/{name}\n(    newName: .*\n)?    digest: .*$",
            f"  - name: aware/{name}\n    newName: {place}\n    digest: {digest}",
            text,
            flags=re.MULTILINE,
        )
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 when all was pushed and pinned, 2 otherwise; nothing is pinned then."""
    options = _parser().parse_args(arguments)
    references = {}
    for name in options.names or (*STAGES, *SERVICES):
        source = f"{options.repository}/{name}:{options.version}"
        place = f"{options.registry.rstrip('/')}/{name}"
        try:
            digest = push(source, f"{place}:{options.version}", options.plain_http)
        except BuildError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
        references[name] = f"{place}@{digest}"
        print(references[name], flush=True)
    stages = [f"{name}: {references[name]}\n" for name in STAGES if name in references]
    if stages:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "images.yaml").write_text("".join(stages), encoding="utf-8")
        print(f"for aware compile and upload: {options.output / 'images.yaml'}")
    for folder in _KUSTOMIZATIONS:
        path = options.manifests / folder / "kustomization.yaml"
        text = path.read_text(encoding="utf-8")
        if (changed := pinned(text, references)) != text:
            path.write_text(changed, encoding="utf-8")
            print(f"pinned: {path}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images.push", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="images to push; all by default")
    parser.add_argument("--registry", required=True, help="HOST/FOLDER")
    parser.add_argument("--repository", default="aware-python", help="default: %(default)s")
    parser.add_argument("--version", default="0.1.0", help="default: %(default)s")
    parser.add_argument("--manifests", type=Path, default=ROOT / "manifests")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/images"), help="default: %(default)s"
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="for a registry on this machine without TLS"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
