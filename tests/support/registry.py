"""A container registry with one image: as much of the distribution API as a pull needs, with a password if wanted."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CONFIG = "application/vnd.docker.container.image.v1+json"


def digest(data: bytes) -> str:
    """As the registry names a blob."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(files: dict[str, bytes]) -> bytes:
    """A tar of files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


class Registry:
    """Serves ``<address>/small:1`` on loopback.

    Attributes:
        address: host and port.
        pulls: how often its manifest was asked for.
    """

    def __init__(self, content: bytes, login: str | None = None) -> None:
        packed = gzip.compress(content, mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": ["FROM_IMAGE=yes"]},
                "rootfs": {"type": "layers", "diff_ids": [digest(content)]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": _CONFIG, "size": len(config), "digest": digest(config)},
                "layers": [{"mediaType": _LAYER, "size": len(packed), "digest": digest(packed)}],
            }
        ).encode()
        self.pulls = 0
        blobs = {digest(config): config, digest(packed): packed}
        wanted = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if wanted is not None and self.headers.get("Authorization") != wanted:
                    self._answer(401, b"{}", "application/json", ("WWW-Authenticate", 'Basic realm="test"'))
                elif self.path == "/v2/":
                    self._answer(200, b"{}", "application/json")
                elif "/manifests/" in self.path and "/small/" in self.path:
                    registry.pulls += 1
                    self._answer(200, manifest, MANIFEST, ("Docker-Content-Digest", digest(manifest)))
                elif (blob := blobs.get(self.path.rpartition("/")[2])) is not None:
                    self._answer(200, blob, "application/octet-stream")
                else:
                    self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', "application/json")

            do_HEAD = do_GET

            def _answer(self, status: int, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
                self.send_response(status)
                for name, value in (*headers, ("Content-Type", kind), ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
