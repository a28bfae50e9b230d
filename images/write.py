"""Writes every image's Containerfile from one template: `python -m images.write`."""

from __future__ import annotations

import grimp

from images.catalogue import (
    ROOT,
    SERVICES,
    SOURCE_ONLY,
    STAGES,
    entry,
    faces,
    import_graph,
    requirements,
    rooms,
    wiring,
)

_TEMPLATE = """\
# Written by `python -m images.write`: change images/write.py, not this file.
# For a release give the base by digest: --build-arg BASE=docker.io/library/python@sha256:...
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${{BASE}} AS packages
# For a build without a network: a folder of wheels, mounted, and pip's own wheel where the base
# has no pip.
ARG PIP_OPTIONS=""
ARG PIP_WHEEL=""
COPY {locks} /locks/
{tools}RUN PYTHONPATH="{path}" python3 -m pip install --no-cache-dir --no-compile --no-deps \\
    --only-binary :all: {source_only}--require-hashes ${{PIP_OPTIONS}} \\
    --target /packages {requirements}
{torch}COPY images/prune.py /prune.py
RUN python3 /prune.py /packages

FROM ${{BASE}}
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="aware {name}" \\
      org.opencontainers.image.description="{description}" \\
      org.opencontainers.image.licenses="Apache-2.0" \\
      org.opencontainers.image.version="${{VERSION}}" \\
      org.opencontainers.image.revision="${{REVISION}}" \\
      org.opencontainers.image.base.name="${{BASE}}"
COPY --from=packages /packages /opt/aware/packages
{copies}
# Only /tmp and what is mounted for outputs is written to; the root can be read-only.
ENV PYTHONPATH=/opt/aware:/opt/aware/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \\
    HOME=/tmp TMPDIR=/tmp NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /tmp
USER 10001:10001
{health}ENTRYPOINT {entrypoint}
"""
# Hashes differ between torch's CPU build and the one that other indexes serve under its version.
_TORCH = """\
ARG TORCH_INDEX="--index-url https://download.pytorch.org/whl/cpu"
COPY images/torch.lock /locks/
RUN PYTHONPATH="${PIP_WHEEL}" python3 -m pip install --no-cache-dir --no-compile --no-deps \\
    --only-binary :all: ${PIP_OPTIONS:-${TORCH_INDEX}} --target /packages -r /locks/torch.lock
"""
# What has no wheel is built by pinned tools and in no environment of its own: what pip would fetch
# for that is held to no hash.
_TOOLS = """\
COPY images/build.lock /locks/
RUN PYTHONPATH="${PIP_WHEEL}" python3 -m pip install --no-cache-dir --no-compile --no-deps \\
    --only-binary :all: --require-hashes ${PIP_OPTIONS} --target /tools -r /locks/build.lock
"""
# For podman and docker; a cluster has the probes of the manifests. The actuator serves nothing.
_HEALTH = """\
HEALTHCHECK --interval=20s --timeout=5s --start-period=60s --retries=3 CMD ["python3", "-c", \\
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
"""
_SERVING = ("recommender", "trigger")
_PATH = "${PIP_WHEEL}"
_PATH_WITH_TOOLS = "/tools${PIP_WHEEL:+:${PIP_WHEEL}}"


def containerfile(name: str, graph: grimp.ImportGraph) -> str:
    """Return the Containerfile's text for the image."""
    needed, service = rooms(graph, name), name in SERVICES
    distributions = requirements(graph, name)
    sources = [each for each in SOURCE_ONLY if each in distributions]
    locks = [f"images/{name}/requirements.lock"] + ([] if service else ["images/kfp.lock"])
    copied = ["__init__", *needed]
    files = [f"components/{room}.py" for room in copied if _is_file(room)]
    folders = [room for room in copied if not _is_file(room)]
    return _TEMPLATE.format(
        name=name,
        description=f"{'Service' if service else 'Pipeline stage'} {name} of AWARE on Kubeflow",
        locks=" ".join(locks),
        requirements=" ".join(f"-r /locks/{lock.rsplit('/', 1)[1]}" for lock in locks),
        torch=_TORCH if "torch" in distributions else "",
        tools=_TOOLS if sources else "",
        path=_PATH_WITH_TOOLS if sources else _PATH,
        source_only="".join(f"--no-binary {each} " for each in sources)
        + ("--no-build-isolation " if sources else ""),
        copies="\n".join(
            [f"COPY {' '.join(files)} /opt/aware/components/"]
            + [f"COPY components/{room} /opt/aware/components/{room}" for room in folders]
            + [_face_copy(room) for room in faces(graph, name)]
            + _wiring_copies(wiring(graph, name))
        ),
        health=_HEALTH if name in _SERVING else "",
        # Kubeflow gives a stage's command; without one the image says what it would run.
        entrypoint=(
            f'["python3", "-m", "{entry(name)}"]'
            if service
            else '["python3", "-m", "kfp.dsl.executor_main"]'
        ),
    )


def _face_copy(room: str) -> str:
    files = (f"components/{room}/{name}.py" for name in ("__init__", "component"))
    return f"COPY {' '.join(files)} /opt/aware/components/{room}/"


def _wiring_copies(modules: list[str]) -> list[str]:
    if not modules:
        return []
    files = (f"pipelines/{name}.py" for name in ("__init__", *modules))
    return [f"COPY {' '.join(files)} /opt/aware/pipelines/"]


def _is_file(room: str) -> bool:
    return (ROOT / "components" / f"{room}.py").is_file()


def main() -> None:
    """Writes `images/NAME/Containerfile` for every image."""
    graph = import_graph()
    for name in (*STAGES, *SERVICES):
        path = ROOT / "images" / name / "Containerfile"
        path.parent.mkdir(exist_ok=True)
        path.write_text(containerfile(name, graph), encoding="utf-8")


if __name__ == "__main__":
    main()
