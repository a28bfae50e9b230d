"""`aware import`: existing HPA, VPA and KEDA objects as MultidimPodAutoscalers."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from components.artifacts.files import write_text
from components.errors import UserError
from pipelines.cluster_access import user_kubeconfig
from pipelines.command_panels import PREPARE


class Origin(StrEnum):
    """Whose objects are read."""

    HPA = "hpa"
    VPA = "vpa"
    KEDA = "keda"


# Versions that serve what is read; KEDA and VPA bring their own groups.
PATHS = {
    Origin.HPA: ("/apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Origin.VPA: ("/apis/autoscaling.k8s.io/v1", "verticalpodautoscalers", "VerticalPodAutoscaler"),
    Origin.KEDA: ("/apis/keda.sh/v1alpha1", "scaledobjects", "ScaledObject"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("import", rich_help_panel=PREPARE)
    def import_(
        source: Annotated[
            list[Origin], typer.Option("--from", help="hpa, vpa or keda; may be given again.")
        ],
        file: Annotated[
            Path | None,
            typer.Option(help="YAML with the objects (- is standard input). Else the cluster."),
        ] = None,
        namespace: Annotated[str, typer.Option(help="Only there; all if not given.")] = "",
        output: Annotated[
            Path | None, typer.Option(help="File for the YAML. Else standard output.")
        ] = None,
    ) -> None:
        """Propose MPA objects with the bounds of existing autoscalers; nothing is applied.

        Example: aware import --from hpa --from vpa --namespace shop --output shop.yaml
        """
        from components.migration.proposal import found_by_target, notes, proposal

        kinds = {PATHS[origin][2] for origin in source}
        documents = _of_file(file, kinds) if file else _of_cluster(source, namespace)
        found = found_by_target(documents, namespace or "default")
        if namespace:
            found = tuple(one for one in found if one.namespace == namespace)
        if not found:
            where = str(file) if file else f"namespace {namespace}" if namespace else "the cluster"
            raise UserError(f"{where} holds no {' or '.join(sorted(kinds))}; nothing to import")
        text = yaml.safe_dump_all([proposal(one) for one in found], sort_keys=False, width=1000)
        for one in found:
            for note in notes(one):
                print(f"{one.key}: {note}", file=sys.stderr)
        if output is None:
            typer.echo(text, nl=False)
        else:
            write_text(output, text)
            typer.echo(output)


def _of_file(path: Path, kinds: set[str]) -> list[dict[str, Any]]:
    """Return the file's objects of these kinds, those inside a List too."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        documents = list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read {path}: {error}; check the path") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no YAML: {error}; mend it") from error
    listed: list[Any] = []
    for document in documents:
        items = document.get("items") if isinstance(document, dict) else None
        listed += items if isinstance(items, list) else [document]
    return [one for one in listed if isinstance(one, dict) and one.get("kind") in kinds]


def _of_cluster(origins: list[Origin], namespace: str) -> list[dict[str, Any]]:
    from components.kubernetes_api.client import connect
    from components.kubernetes_api.errors import AbsentError

    client = connect(user_kubeconfig(os.environ, Path.home()))
    documents = []
    for origin in origins:
        group, plural, kind = PATHS[origin]
        path = f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"
        try:
            items = client.list(path)
        except AbsentError as error:
            raise UserError(
                f"the cluster serves no {plural} at {group}; install it or leave out --from"
                f" {origin.value}"
            ) from error
        # Items of a list carry no kind.
        documents += [{**item, "kind": kind} for item in items]
    return documents
