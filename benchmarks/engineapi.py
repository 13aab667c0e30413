"""What an engine does by its own API, over a bare socket: no library's time is measured with it."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

__all__ = ["EngineApi"]

VERSION = "v1.41"
_TIMEOUT_S = 60.0


class _Local(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineApi:
    """One connection to an engine, kept open; each exec that is started has another one, as the API wants it.

    Args:
        host: ``unix://`` and the path of its socket.
    """

    def __init__(self, host: str) -> None:
        self._path = host.removeprefix("unix://")
        self._connection = _Local(self._path)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request; its answer. Raises RuntimeError where it is refused."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, f"/{VERSION}{path}", json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text) if text else None

    def run(self, container: str, *argv: str) -> bytes:
        """A command to its end: create the exec, start it, wait for the end of its output, ask how it ended.

        Returns:
            Its output, in the API's own frames.

        Raises:
            RuntimeError: it did not end with 0.
        """
        id = self._create(container, argv, tty=False)
        with self._start(id, tty=False) as stream:
            output = b"".join(iter(lambda: stream.recv(65536), b""))
        ended = self.ask("GET", f"/exec/{id}/json")
        if ended["ExitCode"] != 0:
            raise RuntimeError(f"{argv}: {ended}")
        return output

    def terminal(self, container: str, *argv: str) -> socket.socket:
        """A command on a terminal: both directions of it."""
        return self._start(self._create(container, argv, tty=True), tty=True)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _create(self, container: str, argv: tuple[str, ...], *, tty: bool) -> str:
        body = {"AttachStdin": tty, "AttachStdout": True, "AttachStderr": True, "Tty": tty, "Cmd": [*argv]}
        return str(self.ask("POST", f"/containers/{container}/exec", body)["Id"])

    def _start(self, id: str, *, tty: bool) -> socket.socket:
        body = json.dumps({"Detach": False, "Tty": tty}).encode()
        head = (
            f"POST /{VERSION}/exec/{id}/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
            f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.settimeout(_TIMEOUT_S)
            stream.connect(self._path)
            stream.sendall(head.encode() + body)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):  # byte by byte, so that no output is taken with it
                byte = stream.recv(1)
                if not byte:
                    raise RuntimeError(f"exec start: {answer.decode(errors='replace')}")
                answer += byte
            if b" 101 " not in answer.partition(b"\r\n")[0]:
                raise RuntimeError(f"exec start: {answer.decode(errors='replace')}")
        except BaseException:
            stream.close()
            raise
        return stream
