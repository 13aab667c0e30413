"""One harmless, valid set of params for every method that a client can call.

Tests that go over the whole method table take their params from here, so a new method without a case fails them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus_sdk.protocol.methods import METHODS, Method


@dataclass(frozen=True)
class Refs:
    """What params may refer to.

    Attributes:
        workspace: id or name of a workspace; it has the file ``README.md`` and no file ``new.txt``.
        process: id of a process.
        operation: id of an operation.
        token: id of a token.
        repository: path of a repository.
        subject: who asks.
        checkpoint: id of a checkpoint of the workspace.
    """

    workspace: str
    process: str
    operation: str
    token: str
    repository: str
    subject: str
    checkpoint: str = "cp_nobody"


Case = Callable[[Refs], dict[str, Any]]


def _in_workspace(**params: Any) -> Case:
    return lambda refs: {"workspace": refs.workspace, **params}


def _of_process(**params: Any) -> Case:
    return lambda refs: {"process": refs.process, **params}


def _of_operation(**params: Any) -> Case:
    return lambda refs: {"operation": refs.operation, **params}


def _plain(**params: Any) -> Case:
    return lambda refs: dict(params)


CASES: dict[str, Case] = {
    "session.info": _plain(),
    "session.ping": _plain(),
    "session.refresh": _plain(token="x.y.z"),
    "rpc.discover": _plain(),
    "workspace.create": lambda refs: {"name": "made-by-case", "repository": {"url": refs.repository}},
    "workspace.get": _in_workspace(),
    "workspace.list": _plain(),
    "workspace.start": _in_workspace(),
    "workspace.stop": _in_workspace(),
    "workspace.restart": _in_workspace(),
    "workspace.pause": _in_workspace(),
    "workspace.resume": _in_workspace(),
    "workspace.switch": _in_workspace(),
    "workspace.update": _in_workspace(display_name="changed"),
    "workspace.destroy": _in_workspace(force=True),
    "workspace.stats": _in_workspace(),
    "workspace.watch": _in_workspace(),
    "checkpoint.create": _in_workspace(name="made by case"),
    "checkpoint.list": _in_workspace(),
    "checkpoint.restore": lambda refs: {"workspace": refs.workspace, "checkpoint": refs.checkpoint},
    "checkpoint.remove": lambda refs: {"checkpoint": refs.checkpoint},
    "checkpoint.fork": lambda refs: {"workspace": refs.workspace, "name": "forked-by-case"},
    "operation.get": _of_operation(),
    "operation.list": _in_workspace(),
    "operation.wait": _of_operation(timeout_ms=0),
    "operation.cancel": _of_operation(),
    "fs.stat": _in_workspace(path="README.md"),
    "fs.list": _in_workspace(),
    "fs.read": _in_workspace(path="README.md"),
    "fs.write": _in_workspace(path="new.txt", content="written"),
    "fs.edit": _in_workspace(path="README.md", edits=[{"old": "Example", "new": "Changed"}]),
    "fs.mkdir": _in_workspace(path="new"),
    "fs.remove": _in_workspace(path="README.md"),
    "fs.rename": _in_workspace(source="README.md", target="MOVED.md"),
    "fs.copy": _in_workspace(source="README.md", target="COPY.md"),
    "fs.chmod": _in_workspace(path="README.md", mode="600"),
    "fs.symlink": _in_workspace(path="link", target="README.md"),
    "fs.glob": _in_workspace(pattern="**"),
    "fs.search": _in_workspace(pattern="Example"),
    "fs.watch": _in_workspace(),
    "fs.download": _in_workspace(path="README.md"),
    "fs.upload": _in_workspace(path="new.txt", upload="case-upload", size=0),
    "exec.run": _in_workspace(argv=["true"]),
    "exec.start": _in_workspace(argv=["true"]),
    "exec.attach": _of_process(),
    "exec.get": _of_process(),
    "exec.list": _in_workspace(),
    "exec.signal": _of_process(signal="CONT"),  # after one that ends it, it runs still or does not
    "exec.resize": _of_process(size={"cols": 80, "rows": 24}),
    "exec.wait": _of_process(timeout_ms=0),
    "exec.remove": _of_process(),
    "port.list": _in_workspace(),
    "port.forward": _in_workspace(port=1),
    "git.status": _in_workspace(),
    "git.diff": _in_workspace(),
    "git.log": _in_workspace(),
    "git.commit": _in_workspace(message="case"),
    "git.branch": _in_workspace(),
    "git.sync": _in_workspace(),
    "token.create": lambda refs: {"subject": refs.subject, "scopes": ["files:read"]},
    "token.list": _plain(),
    "token.revoke": lambda refs: {"id": refs.token},
    "backend.list": _plain(),
    "config.get": _plain(),
    "config.validate": _plain(text="log:\n  level: info\n"),
    "system.info": _plain(),
    "system.health": _plain(),
    "system.drain": _plain(),
}


ECHO = """
import socket
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
while True:
    peer, _ = server.accept()
    while data := peer.recv(65536):
        peer.sendall(data.upper())
    peer.close()
"""


@dataclass(frozen=True)
class Place:
    """What is particular to the workspaces of one backend.

    Attributes:
        backend: its name.
        echo: a server for inside, which answers every connection with what it said, in capitals.
        own: methods that get a workspace of their own; None: every method does. The others share one, put back to its
            beginning between them.
        differs: fields of results that are not as on the host, and what they are here, each in all that it is.
    """

    backend: str
    echo: tuple[str, ...]
    own: frozenset[str] | None = None
    differs: Mapping[str, Sequence[object]] = field(default_factory=dict)


HOST = Place("host", (sys.executable, "-c", ECHO))
DOCKER = Place(
    "docker",
    ("nc", "-ll", "-p", "7123", "-e", "tr", "a-z", "A-Z"),
    own=frozenset(
        (
            *(f"workspace.{verb}" for verb in ("destroy", "pause", "restart", "resume", "start", "stop", "switch")),
            *("checkpoint.restore", "checkpoint.fork"),
        )
    ),
    differs={
        "backend": ["docker"],
        "root": ["/workspace"],
        "machine": [
            {"container_ports": {}, "egress": True, "image": "nexus-test-base:1", "read_only": False, "user": "owner"}
        ],
        "default": [True, False],  # of the backends docker and host
    },
)


def client_methods() -> list[Method]:
    """Every method that a client calls and is answered."""
    return [method for method in METHODS.values() if method.direction == "client" and method.kind != "notify"]


def case(method: str, refs: Refs) -> dict[str, Any]:
    """The params of a method; fails where there is no case for it."""
    assert method in CASES, f"{method} has no case in tests/support/method_cases.py"
    return CASES[method](refs)
