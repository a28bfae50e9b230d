"""The JSON schema of the workloads file, for editors and for other programs.

`python -m components.workload.schema` writes it beside this module; a test keeps it current.
"""

from __future__ import annotations

import json
from pathlib import Path

from components.workload.document import WorkloadsDocument

FILE = Path(__file__).with_name("workloads.schema.json")


def schema_text() -> str:
    """Return the schema (JSON Schema 2020-12) as it is published."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **WorkloadsDocument.model_json_schema(),
        "title": "Workloads of AWARE on Kubeflow",
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
