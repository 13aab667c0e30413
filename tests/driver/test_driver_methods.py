"""The whole method table, through every SDK, against a real daemon each: the same outcome in every language."""

from __future__ import annotations

import base64
import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import make_repository
from drivers import SDKS, Driver, Json, Program
from matrix import Matrix
from method_cases import Refs, case, client_methods
from served import Served

CONTENT = bytes(range(256)) * 1024

Prepare = Callable[[Served, Refs], Refs]


def stopped(served: Served, refs: Refs) -> Refs:
    served.daemon.call("workspace.stop", workspace=refs.workspace)
    return refs


def paused(served: Served, refs: Refs) -> Refs:
    served.daemon.call("workspace.pause", workspace=refs.workspace)
    return refs


def changed(served: Served, refs: Refs) -> Refs:
    served.daemon.call("fs.write", workspace=refs.workspace, path="changed.txt", content="changed\n")
    return refs


def finished(served: Served, refs: Refs) -> Refs:
    return dataclasses.replace(refs, process=served.ended(refs.workspace, "sh", "-c", "echo out; echo err >&2; exit 3"))


def terminal(served: Served, refs: Refs) -> Refs:
    process = served.process(refs.workspace, "sleep", "600", pty={"cols": 10, "rows": 10})
    return dataclasses.replace(refs, process=process)


def saved(served: Served, refs: Refs) -> Refs:
    made = served.daemon.call("checkpoint.create", workspace=refs.workspace)
    return dataclasses.replace(refs, checkpoint=made["checkpoint"]["id"])


BEFORE: dict[str, Prepare] = {
    "checkpoint.list": saved,
    "checkpoint.restore": saved,
    "checkpoint.remove": saved,
    "workspace.start": stopped,
    "workspace.resume": paused,
    "git.commit": changed,
    "git.diff": changed,
    "git.status": changed,
    "exec.remove": finished,
    "exec.attach": finished,
    "exec.wait": finished,
    "exec.resize": terminal,
}
"""What a method needs before it is called, beside the workspace, process, operation and token that each is given."""

PARAMS: dict[str, Callable[[Served, Refs], Json]] = {
    "session.refresh": lambda served, refs: {"token": served.daemon.token()},
}
"""Params where those of `method_cases` are refused on purpose."""

REFUSED = {
    "git.sync": "repository_unusable",
    "operation.cancel": "operation_done",
}
"""Methods whose harmless case is an error: its name."""

LAST = "system.drain"
"""Called when everything else was: it ends the daemon."""


def write(folder: Path) -> str:
    source = folder / "source.bin"
    source.write_bytes(CONTENT)
    return str(source)


def stored(served: Served, refs: Refs) -> Refs:
    worktree = served.daemon.call("workspace.get", workspace=refs.workspace)["worktree"]
    Path(worktree, "stored.bin").write_bytes(CONTENT)
    return refs


STREAMS: dict[str, Callable[[Served, Refs], Json]] = {
    "exec.attach": lambda served, refs: {"do": "attach", "process": refs.process},
    "fs.upload": lambda served, refs: {
        "do": "upload",
        "workspace": refs.workspace,
        "source": write(served.folder),
        "path": "deep.bin",
    },
    "fs.download": lambda served, refs: {
        "do": "download",
        "workspace": stored(served, refs).workspace,
        "path": "stored.bin",
        "target": str(served.folder / "target.bin"),
    },
    "fs.search": lambda served, refs: {"do": "search", "workspace": refs.workspace, "pattern": "hello"},
    "fs.watch": lambda served, refs: {
        "do": "watch",
        "workspace": refs.workspace,
        "path": "src",
        "touch": ["src/touched"],
        "count": 1,
    },
    "workspace.watch": lambda served, refs: {
        "do": "watch_workspaces",
        "workspace": refs.workspace,
        "labels": {"a": "b"},
    },
    "port.forward": lambda served, refs: {
        "do": "dial",
        "workspace": refs.workspace,
        "port": served.echo(refs.workspace),
        "send": base64.b64encode(b"shout " * 50_000).decode(),
    },
}
"""How each stream method is driven: by what an SDK offers for it."""

COMMANDS: dict[str, Json] = {
    "a command with stdin": {"argv": ["sh", "-c", "cat; echo bad >&2; exit 4"], "stdin": base64.b64encode(b"\xff in")},
    "a command that a signal ends": {"argv": ["sh", "-c", "kill -9 $$"]},
    "a command that never reads its stdin": {"argv": ["true"], "stdin": base64.b64encode(bytes(3_000_000))},
    "a large output": {"argv": ["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"]},
}
"""Commands that are started and followed in one go."""


def request(name: str, served: Served, refs: Refs) -> Json:
    """The case of a method."""
    if name in STREAMS:
        return STREAMS[name](served, refs)
    params = PARAMS[name](served, refs) if name in PARAMS else case(name, refs)
    return {"do": "call", "method": name, "params": params}


def outcome(driver: Driver, served: Served, name: str) -> tuple[str, Any]:
    """Drive one method in a workspace of its own: ``ok`` or the name of its error, and what can be compared."""
    refs = served.refs(name)
    if name in BEFORE:
        refs = BEFORE[name](served, refs)
    answer = driver.ask(request(name, served, refs))
    if answer["ok"]:
        return "ok", served.plain(answer["result"], refs)
    error = answer["error"]
    return error["name"], (error["code"], error["may_have_run"])


def drive(
    name: str, program: Program, served: Served, wanted: Callable[[str], bool] = lambda method: True
) -> dict[str, tuple[str, Any]]:
    """Everything that is wanted, and all commands, with one SDK."""
    driver = Driver(name, program)
    try:
        driver.result({"do": "connect", "url": served.daemon.url, "token": served.daemon.token()})
        found = {}
        for method in client_methods():
            if method.name != LAST and wanted(method.name):
                found[method.name] = outcome(driver, served, method.name)
        for title, command in COMMANDS.items():
            refs = served.refs()
            command = {key: value.decode() if isinstance(value, bytes) else value for key, value in command.items()}
            answer = driver.ask({"do": "exec", "workspace": refs.workspace, **command})
            found[title] = ("ok" if answer["ok"] else answer["error"]["name"]), served.plain(answer, refs)
        if wanted(LAST):
            found[LAST] = outcome(driver, served, LAST)
            assert served.daemon.wait() == 0
        driver.stop()
        return found
    finally:
        driver.kill()


@pytest.fixture(scope="module")
def outcomes(
    programs: dict[str, Program], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, tuple[str, Any]]]]:
    """What came of every method with every SDK."""
    folder = tmp_path_factory.mktemp("driven")
    repository = make_repository(folder / "repository")
    # their names are as long for all, because a worktree knows its path and its size is compared
    served = {name: Served(folder / str(number), repository) for number, name in enumerate(SDKS)}
    for one in served.values():
        one.daemon.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(len(SDKS)) as pool:
            running = {name: pool.submit(drive, name, programs[name], served[name]) for name in SDKS}
            yield {name: run.result() for name, run in running.items()}
    finally:
        for one in served.values():
            one.daemon.stop()


def test_every_method_ends_the_same_in_every_sdk(outcomes: dict[str, dict[str, tuple[str, Any]]]) -> None:
    matrix = Matrix("methods", "method")
    for name in outcomes[SDKS[0]]:
        matrix.row(f"`{name}`" if "." in name else name, {sdk: outcomes[sdk][name][0] for sdk in SDKS})
    print(matrix.table())
    unlike = [
        f"{name}{place}: {sdk} {theirs!r}, {SDKS[0]} {ours!r}"
        for name, first in outcomes[SDKS[0]].items()
        for sdk in SDKS[1:]
        for place, ours, theirs in differences(first, outcomes[sdk][name])
    ]
    assert unlike == [], "\n" + "\n".join(unlike)
    matrix.check()


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two values differ: the place, and both."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key, "absent"), theirs.get(key, "absent"), f"{place}.{key}")
    elif isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    elif ours != theirs or not _of_one_kind(ours, theirs):
        yield place, ours, theirs


def _of_one_kind(ours: Any, theirs: Any) -> bool:
    # JSON has one kind of number: whether 1 was written 1.0 is lost on its way through JavaScript.
    numbers = (int, float)
    both = type(ours) in numbers and type(theirs) in numbers
    return both or type(ours) is type(theirs)


def test_every_method_does_what_it_is_for(outcomes: dict[str, dict[str, tuple[str, Any]]]) -> None:
    refused = {name: came for name, (came, _) in outcomes[SDKS[0]].items() if came != "ok"}
    assert refused == REFUSED


def test_every_stream_is_driven_by_what_an_sdk_offers_for_it() -> None:
    assert set(STREAMS) == {method.name for method in client_methods() if method.kind == "stream"}


def test_streams_carry_what_was_sent(outcomes: dict[str, dict[str, tuple[str, Any]]]) -> None:
    for sdk in SDKS:
        found = {name: what for name, (_, what) in outcomes[sdk].items()}
        attached = found["exec.attach"]
        assert (attached["exit_code"], attached["stdout"], attached["stderr"]) == (3, "b3V0Cg==", "ZXJyCg==")
        assert found["fs.upload"] == found["fs.download"]
        assert found["fs.download"]["size"] == len(CONTENT)
        assert [match["path"] for match in found["fs.search"]["matches"]] != []
        assert found["fs.watch"]["events"] == [{"change": "created", "kind": "change", "path": "src/touched"}]
        assert found["workspace.watch"]["event"]["workspace"]["labels"] == {"a": "b"}
        assert base64.b64decode(found["port.forward"]["received"]) == b"SHOUT " * 50_000
        assert base64.b64decode(found["a command with stdin"]["result"]["stdout"]) == b"\xff in"
        assert found["a command that a signal ends"]["result"]["signal"] == "KILL"
