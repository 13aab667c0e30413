"""Whether a daemon answers on a Unix socket, and what it says of itself; without the SDK and its event loop."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any, Literal

__all__ = ["State", "ask", "call", "state"]

State = Literal["absent", "starting", "ready", "draining"]

_BODY_LIMIT = 4 * 1024 * 1024


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, url: str, body: bytes | None = None, *, timeout: float = 2.0) -> tuple[int, bytes]:
    """GET a page, or POST a body; return the status and the body.

    Args:
        path: the socket.
        url: the page.
        body: what to post, as JSON; None for a GET.
        timeout: seconds for each wait.

    Raises:
        OSError: nobody listens, or no answer came in time.
    """
    connection = _UnixConnection(path, timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request("GET" if body is None else "POST", url, body, headers)
        response = connection.getresponse()
        return response.status, response.read(_BODY_LIMIT)
    except http.client.HTTPException as error:
        raise ConnectionError(f"{path} does not speak HTTP: {error!r}") from error
    finally:
        connection.close()


def call(path: Path, method: str, params: dict[str, Any] | None = None, *, timeout: float = 5.0) -> Any:
    """Call a method once and return its result, as JSON types.

    Raises:
        OSError: nobody listens, no answer came in time, or the daemon refused.
    """
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    status, body = ask(path, "/rpc", json.dumps(request).encode(), timeout=timeout)
    try:
        answer = json.loads(body)
        if "result" in answer:
            return answer["result"]
        reason = answer["error"]["message"]
    except (ValueError, KeyError, TypeError):
        reason = f"HTTP {status}"
    raise ConnectionError(f"the daemon on {path} refused {method}: {reason}")


def listens(path: Path) -> bool:
    """Whether somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        except TimeoutError:
            return True
    return True


def state(path: Path, *, timeout: float = 2.0) -> State:
    """Whether a daemon is there, and takes work."""
    try:
        if not listens(path):
            return "absent"
        status, body = ask(path, "/health/ready", timeout=timeout)
    except OSError:
        return "starting"
    if status == 200:
        return "ready"
    return "draining" if b"drain" in body else "starting"
