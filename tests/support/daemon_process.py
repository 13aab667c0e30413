"""A real `nexusd` in a process of its own, for tests that need one."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexusd.backends.host import tree

READY_SECONDS = 20.0
STOP_SECONDS = 20.0


class UnixHTTPConnection(http.client.HTTPConnection):
    """HTTP over the daemon's Unix socket."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class HttpAnswer:
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, str]:
        """The error in the body."""
        found: dict[str, str] = json.loads(self.body)["error"]
        return found


class DaemonProcess:
    """Starts, kills and restarts one daemon on one home.

    Args:
        home: NEXUS_HOME.
        environ: variables added to the environment, such as NEXUS_FAILPOINT.
        settings: configuration flags, ``key=value``.
        python: the interpreter whose `nexusd` it is; this one by default.
    """

    def __init__(
        self,
        home: Path,
        environ: dict[str, str] | None = None,
        settings: list[str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.home = home
        self.environ = environ or {}
        self.settings = settings or []
        self.python = python
        self.process: subprocess.Popen[bytes] | None = None
        self.tokens: list[str] = []
        """Every token that `token` made."""
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The TCP port, chosen by the system when the daemon started."""
        if self._port is None:
            listen = self.call("system.info")["listen"]
            self._port = next(int(url.rpartition(":")[2]) for url in listen if url.startswith("http"))
        return self._port

    @property
    def url(self) -> str:
        """Where it answers HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where it answers WebSockets."""
        return f"ws://127.0.0.1:{self.port}/rpc"

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return self.home / "run" / "nexusd.sock"

    @property
    def log(self) -> str:
        """What the daemon has logged."""
        path = self.home / "daemon.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, **environ: str) -> DaemonProcess:
        """Start it and wait until it is ready."""
        self.spawn(**environ)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"nexusd ended with {self.process.returncode}\n{self.log[-4000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/health/ready")[0] == 200:
                    return self
            if time.monotonic() > deadline:
                raise AssertionError(f"nexusd was not ready in {READY_SECONDS} s\n{self.log[-4000:]}")
            time.sleep(0.02)

    def spawn(self, **environ: str) -> None:
        """Start it and do not wait."""
        self._port = None
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        env = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
        env.update({"NEXUS_HOME": str(self.home), "NEXUS_NODE_CONFIG": str(self.home / "no-node.yaml")})
        env.update(self.environ)
        env.update(environ)
        flags = [part for setting in ["daemon.port=0", *self.settings] for part in ("--set", setting)]
        with (self.home / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "nexusd", *flags], env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def get(self, path: str) -> tuple[int, bytes]:
        """GET over the Unix socket."""
        connection = UnixHTTPConnection(self.socket)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def rpc(self, method: str, timeout: float = 60.0, bearer: str | None = None, **params: object) -> dict[str, Any]:
        """One call by POST /rpc over the Unix socket: the whole answer. Raises ConnectionError if there is none.

        The caller is this user, or whom the token `bearer` names.
        """
        connection = UnixHTTPConnection(self.socket, timeout)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            headers = {"Content-Type": "application/json"}
            if bearer is not None:
                headers["Authorization"] = f"Bearer {bearer}"
            connection.request("POST", "/rpc", body, headers)
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(f"{method}: {error}") from error
        finally:
            connection.close()

    def call(self, method: str, timeout: float = 60.0, **params: object) -> dict[str, Any]:
        """Like `rpc`, but returns the result and fails on an error."""
        answer = self.rpc(method, timeout, **params)
        assert "error" not in answer, f"{method}: {answer['error']}\n{self.log[-2000:]}"
        return answer["result"]

    def token(
        self,
        subject: str = "tester",
        scopes: Sequence[str] = ("*",),
        workspaces: Sequence[str] = ("*",),
        ttl_ms: int = 3_600_000,
    ) -> str:
        """A token, made over the Unix socket."""
        made = self.call("token.create", subject=subject, scopes=[*scopes], workspaces=[*workspaces], ttl_ms=ttl_ms)
        self.tokens.append(made["token"])
        return str(made["token"])

    def http(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        host: str | None = None,
    ) -> HttpAnswer:
        """One request over TCP, its path and headers sent as they are given; Host and Content-Length are added."""
        sent = [("Host", f"127.0.0.1:{self.port}" if host is None else host), *headers]
        if token is not None:
            sent.append(("Authorization", f"Bearer {token}"))
        if not any(name.lower() == "content-length" for name, _ in sent) and (body or method in ("POST", "PUT")):
            sent.append(("Content-Length", str(len(body))))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent), "Connection: close"]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10.0) as raw:
            raw.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            answer = http.client.HTTPResponse(raw, method=method)
            answer.begin()
            return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def wait(self, timeout: float = STOP_SECONDS) -> int:
        """Wait until it ends by itself; the exit code, negative for a signal."""
        assert self.process is not None
        return self.process.wait(timeout)

    def stop(self, *, keep: bool = False) -> int:
        """SIGTERM and wait; the exit code. Processes that are kept go on only with `keep`."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_SECONDS)
                self.end_kept()
                raise AssertionError(f"nexusd did not stop in {STOP_SECONDS} s\n{self.log[-4000:]}") from None
        if not keep:
            self.end_kept()
        return self.process.returncode

    def end_kept(self) -> None:
        """End the processes of its workspaces on this host that outlived it, and who keeps them."""
        folder = self.home / "state" / "host"
        for path in (folder / "keepers").glob("*.json"):
            note = json.loads(path.read_bytes())
            tree.send_to(note["pid"], note["started"], signal.SIGKILL)
        if (mark := folder / "instance").exists():
            instance = mark.read_text().strip()
            tree.kill(lambda now: tree.find_instance(now, instance))

    async def astart(self, **environ: str) -> DaemonProcess:
        """`start` without blocking the event loop."""
        return await asyncio.to_thread(self.start, **environ)

    async def astop(self) -> int:
        """`stop` without blocking the event loop."""
        return await asyncio.to_thread(self.stop)


def git(*argv: str, cwd: Path) -> str:
    """Run git for a test; its standard output."""
    env = {
        **os.environ,
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.invalid",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.invalid",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    return subprocess.run(["git", *argv], cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout.strip()


def make_repository(path: Path, files: dict[str, str] | None = None) -> Path:
    """A git repository with one commit."""
    path.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=path)
    git("config", "user.name", "Test", cwd=path)
    git("config", "user.email", "test@example.invalid", cwd=path)
    for name, content in (files or {"README.md": "# Example\n", "src/app.py": "print('hello')\n"}).items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    git("add", "-A", cwd=path)
    git("commit", "-q", "-m", "first", cwd=path)
    return path
