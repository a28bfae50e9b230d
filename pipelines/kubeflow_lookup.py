"""What the server has: whole lists over all pages, and what a name stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from components.errors import UserError

PAGE_SIZE = 100
# A server that repeats a page token for ever must not hold the user for ever.
MOST_PAGES = 1000


def every(ask: Callable[..., Any], field: str, **arguments: Any) -> Iterator[Any]:
    """Yield the entries of `field` over all pages of a list of the API."""
    token = ""
    for _ in range(MOST_PAGES):
        answer = ask(page_token=token, page_size=PAGE_SIZE, **arguments)
        yield from getattr(answer, field) or ()
        token = answer.next_page_token or ""
        if not token:
            return
    raise UserError(f"the server's list of {field} has no end: see the server's log")


def find_pipeline(client: Any, name: str, namespace: str) -> Any | None:
    """Return the pipeline of that name, or None."""
    place = {"namespace": namespace} if namespace else {}
    listed = every(client.list_pipelines, "pipelines", **place)
    return next((one for one in listed if one.display_name == name), None)


def find_version(client: Any, pipeline_id: str, name: str) -> Any | None:
    """Return the pipeline's version of that name, its newest for an empty name, or None."""
    versions = every(client.list_pipeline_versions, "pipeline_versions", pipeline_id=pipeline_id)
    if name:
        return next((one for one in versions if one.display_name == name), None)
    return max(versions, key=lambda one: one.created_at, default=None)


def require_version(client: Any, pipeline: str, version: str, namespace: str) -> Any:
    """Return the version (the newest for an empty name); raises UserError where there is none."""
    found = find_pipeline(client, pipeline, namespace)
    if found is None:
        raise UserError(f"Kubeflow has no pipeline {pipeline}: run `aware upload` first")
    chosen = find_version(client, found.pipeline_id, version)
    if chosen is None:
        raise UserError(f"pipeline {pipeline} has no version {version}: run `aware upload` first")
    return chosen
