"""Calls that are refused: the same name, number and verdict on what may have happened, in every SDK."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from daemon_process import make_repository
from drivers import SDKS, Driver, Json, each
from matrix import Matrix
from method_cases import Refs
from nexus_sdk.protocol.errors import ERRORS
from served import Served

CODES: dict[str, int | None] = {
    **{row.name: code for code, row in ERRORS.items()},
    **dict.fromkeys(("call_timeout", "connection_failed", "internal")),
}
"""The number of each error; none for those that an SDK finds by itself."""


@dataclass(frozen=True)
class Refused:
    """One call that is refused.

    Attributes:
        title: what it is, for the table.
        name: of the error.
        make: the case; `mine` is the name of an SDK, for what may be used once only.
        who: whose token is used: ``admin``, ``reader`` (may only read files) or ``stranger`` (sees no workspace).
        may_have_run: what the answer must say.
    """

    title: str
    name: str
    make: Callable[[Served, Refs, str], Json]
    who: str = "admin"
    may_have_run: bool = False


def call(method: str, **params: object) -> Callable[[Served, Refs, str], Json]:
    """A call; `$name` as a value stands for one of `Refs`."""

    def made(served: Served, refs: Refs, mine: str) -> Json:
        filled = {
            name: getattr(refs, value[1:]) if isinstance(value, str) and value.startswith("$") else value
            for name, value in params.items()
        }
        return {"do": "call", "method": method, "params": filled}

    return made


def verb(do: str, **members: object) -> Callable[[Served, Refs, str], Json]:
    """A case of another kind, in the workspace."""
    return lambda served, refs, mine: {"do": do, "workspace": refs.workspace, **members}


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def key_used_before(served: Served, refs: Refs, mine: str) -> Json:
    first = {"workspace": refs.workspace, "path": f"{mine}.txt", "content": "first", "key": f"key-of-{mine}"}
    made = served.daemon.rpc("fs.write", bearer=served.daemon.tokens[0], **first)
    assert "result" in made, made
    return {"do": "call", "method": "fs.write", "params": {**first, "content": "second"}}


def taken(served: Served, refs: Refs, mine: str) -> Json:
    params = {"name": f"taken-by-{mine}", "repository": {"url": refs.repository}}
    made = served.daemon.rpc("workspace.create", bearer=served.daemon.tokens[0], **params)
    assert "result" in made, made
    return {"do": "call", "method": "workspace.create", "params": params}


def unheard(served: Served, refs: Refs, mine: str) -> Json:
    made = served.daemon.call(
        "workspace.create", name=f"ports-{mine}", repository={"url": refs.repository}, ports=["extra"]
    )
    port = next(port["port"] for port in made["workspace"]["ports"] if port["name"] == "extra")
    return {"do": "dial", "workspace": made["workspace"]["id"], "port": port, "send": ""}


def ended(served: Served, refs: Refs, mine: str) -> Json:
    process = served.ended(refs.workspace, "true")
    return {"do": "call", "method": "exec.signal", "params": {"process": process, "signal": "TERM"}}


def stopped(served: Served, refs: Refs, mine: str) -> Json:
    workspace = served.workspace()["id"]
    served.daemon.call("workspace.stop", workspace=workspace)
    return {"do": "exec", "workspace": workspace, "argv": ["true"]}


TABLE = [
    Refused("a method that does not exist", "method_not_found", call("no.such")),
    Refused("a stream as a call", "invalid_params", call("exec.attach", process="$process")),
    Refused("no params where there must be some", "invalid_params", call("workspace.get")),
    Refused("params of another type", "invalid_params", call("workspace.get", workspace=5)),
    Refused("params that do not exist", "invalid_params", call("workspace.get", workspace="$workspace", more=1)),
    Refused("params out of range", "invalid_params", call("exec.wait", process="$process", timeout_ms=-1)),
    Refused(
        "a message that is too large",
        "message_too_large",
        call("fs.write", workspace="$workspace", path="f", content="x" * 2_000_000),
    ),
    Refused("an unknown workspace", "workspace_not_found", call("workspace.get", workspace="none")),
    Refused("a command in an unknown workspace", "workspace_not_found", verb("exec", workspace="none", argv=["true"])),
    Refused("a search in an unknown workspace", "workspace_not_found", verb("search", workspace="none", pattern="x")),
    Refused("an unknown process", "process_not_found", call("exec.get", process="none")),
    Refused("following an unknown process", "process_not_found", verb("attach", process="none")),
    Refused("an unknown operation", "operation_not_found", call("operation.get", operation="none")),
    Refused("an unknown token", "token_not_found", call("token.revoke", id="none")),
    Refused("no scope for a call", "forbidden", call("exec.run", workspace="$workspace", argv=["true"]), "reader"),
    Refused("no scope for a command", "forbidden", verb("exec", argv=["true"]), "reader"),
    Refused("no scope for a port", "forbidden", verb("dial", port=1, send=""), "reader"),
    Refused("a workspace of somebody else", "workspace_not_found", call("fs.list", workspace="$workspace"), "stranger"),
    Refused("a process of somebody else", "process_not_found", call("exec.get", process="$process"), "stranger"),
    Refused("a key with other params", "key_reused", key_used_before),
    Refused("a name that is taken", "workspace_exists", taken),
    Refused("a file that is not there", "path_not_found", call("fs.read", workspace="$workspace", path="none")),
    Refused("a path out of the workspace", "path_escapes", call("fs.read", workspace="$workspace", path="../../x")),
    Refused(
        "a download of what is not there",
        "path_not_found",
        lambda served, refs, mine: {
            "do": "download",
            "workspace": refs.workspace,
            "path": "none",
            "target": str(served.folder / f"target-{mine}"),
        },
    ),
    Refused("watching what is not there", "path_not_found", verb("watch", path="none", touch=[], count=1)),
    Refused(
        "a file that changed meanwhile",
        "etag_mismatch",
        call("fs.write", workspace="$workspace", path="README.md", content="x", if_match="other"),
    ),
    Refused("a program that does not exist", "command_not_found", verb("exec", argv=["no-such-program"])),
    Refused("a command in a workspace that is stopped", "workspace_state", stopped),
    Refused("a signal to a process that has ended", "process_exited", ended),
    Refused(
        "a size for a process without terminal",
        "not_a_terminal",
        call("exec.resize", process="$process", size={"cols": 1, "rows": 1}),
    ),
    Refused("output that is not there yet", "offset_invalid", verb("attach", process="$process", offset=10**9)),
    Refused(
        "a port of somebody else",
        "port_forbidden",
        lambda served, refs, mine: {"do": "dial", "workspace": refs.workspace, "port": closed_port(), "send": ""},
    ),
    Refused("a port on which nobody listens", "port_refused", unheard),
    Refused("a port that is none", "invalid_params", verb("dial", port=70_000, send="")),
    Refused(
        "a call that takes too long",
        "call_timeout",
        lambda served, refs, mine: {
            "do": "call",
            "method": "exec.run",
            "params": {"workspace": refs.workspace, "argv": ["sleep", "600"]},
            "timeout_ms": 300,
        },
        may_have_run=True,
    ),
    Refused(
        "a command that takes too long",
        "call_timeout",
        verb("exec", argv=["sleep", "600"], timeout_ms=300),
        may_have_run=True,
    ),
    Refused("a case that no driver knows", "internal", verb("nothing of the kind"), may_have_run=True),
    Refused(
        "a token that is none",
        "unauthenticated",
        lambda served, refs, mine: {"do": "connect", "url": served.daemon.url, "token": "x.y.z"},
    ),
    Refused(
        "a port without a daemon",
        "connection_failed",
        lambda served, refs, mine: {"do": "connect", "url": f"http://127.0.0.1:{closed_port()}", "token": "t"},
    ),
    Refused("a call without a connection", "connection_failed", call("session.ping")),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("refused")
    made = Served(folder / "served", make_repository(folder / "repository"))
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


def test_what_is_refused_is_refused_alike(served: Served, drivers: dict[str, Driver]) -> None:
    refs = served.refs()
    tokens = {
        "admin": served.daemon.token(),
        "reader": served.daemon.token("reader", ["files:read", "workspaces:read"]),
        "stranger": served.daemon.token("stranger", ["*"], ["own"]),
    }
    matrix = Matrix("refused", "what is refused")
    wrong: list[str] = []
    who = ""
    for refused in TABLE:
        if refused.who != who:
            who = refused.who
            connect = {"do": "connect", "url": served.daemon.url, "token": tokens[who]}
            for answer in each(drivers, dict.fromkeys(SDKS, connect)).values():
                assert answer["ok"], answer
        cases = {name: refused.make(served, refs, name) for name in SDKS}
        for name, case in cases.items():
            if "process" in case and case["process"] == "$process":
                cases[name] = {**case, "process": refs.process}
        answers = each(drivers, cases)
        wanted = {"name": refused.name, "code": CODES.get(refused.name), "may_have_run": refused.may_have_run}
        for name, answer in answers.items():
            came = {key: value for key, value in answer.get("error", {}).items() if key != "message"}
            if came != wanted:
                wrong.append(f"{refused.title}: {name} {answer}, wanted {wanted}")
        matrix.row(refused.title, {name: answer.get("error", {}).get("name", "ok") for name, answer in answers.items()})
    print(matrix.table())
    assert wrong == [], "\n" + "\n".join(wrong)
    matrix.check()


def test_the_table_shows_every_kind_of_error_that_a_driver_can_provoke() -> None:
    assert len({refused.name for refused in TABLE}) > 20
    assert len({refused.title for refused in TABLE}) == len(TABLE)
