"""A real admission webhook that denies what it is told to deny."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from components.kubernetes_api.client import Json
from tests.cluster.api_server import Cluster

REASON = "sizes are frozen before the holidays"
_CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class _Denying(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {
            "apiVersion": review["apiVersion"],
            "kind": review["kind"],
            "response": {
                "uid": review["request"]["uid"],
                "allowed": False,
                "status": {"message": REASON, "code": 403},
            },
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def denying(cluster: Cluster, namespace: str, folder: Path, rule: Json) -> Iterator[None]:
    """Denies what the rule names in the namespace, until the end of the block."""
    certificate, key = folder / "webhook.crt", folder / "webhook.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=webhook",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Denying)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    name = f"deny-in-{namespace}"
    label = {"kubernetes.io/metadata.name": namespace}
    # Servers before 1.21 don't label namespaces by themselves.
    cluster.client.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": label}})
    configuration = {
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "frozen.example.org",
                "clientConfig": {
                    "url": f"https://127.0.0.1:{server.server_address[1]}/",
                    "caBundle": base64.b64encode(certificate.read_bytes()).decode(),
                },
                "namespaceSelector": {"matchLabels": label},
                "rules": [rule],
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "failurePolicy": "Fail",
            }
        ],
    }
    cluster.client.create(_CONFIGURATIONS, configuration)
    try:
        yield
    finally:
        cluster.client.delete(f"{_CONFIGURATIONS}/{name}")
        server.shutdown()
        thread.join()
        server.server_close()
