"""The synchronous client: the same over one loop in a daemon thread."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import threading
import time
from pathlib import Path

import nexus_sdk.attachment
import nexus_sdk.sync
import pytest
from fake_daemon import FakeDaemon, FakeProcess, operation_record, workspace_record
from generate import emit_sync
from nexus_sdk import (
    ConnectionClosed,
    ProcessError,
    checkpoints,
    client,
    events,
    files,
    git,
    output,
    ports,
    process,
    transfer,
    workspace,
)
from nexus_sdk import processes as processes_module
from nexus_sdk.portal import Portal
from nexus_sdk.protocol.errors import WorkspaceNotFound
from nexus_sdk.sync import connect

SYNC = Path(nexus_sdk.sync.__file__).parent
ASYNC = {
    "checkpoints": checkpoints,
    "client": client,
    "events": events,
    "files": files,
    "git": git,
    "output": output,
    "ports": ports,
    "process": process,
    "processes": processes_module,
    "transfer": transfer,
    "workspace": workspace,
}


@pytest.fixture
def remote():
    """A fake daemon on a loop and thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    box: list[FakeDaemon] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve():
        loops.append(asyncio.get_running_loop())
        async with FakeDaemon() as fake:
            box.append(fake)

            @fake.on("workspace.get")
            async def get(call):
                if call.params["workspace"] == "absent":
                    raise WorkspaceNotFound("there is no workspace 'absent'", workspace="absent")
                return workspace_record()

            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield box[0]
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(10)
    assert not thread.is_alive()


def test_calls_and_errors(remote):
    with connect(remote.url, environ={}) as nexus:
        assert nexus.ping().time.year == 2026
        found = nexus.workspaces.get("demo")
        assert (found.name, found.state) == ("demo", "running")
        assert isinstance(found, nexus_sdk.sync.Workspace)
        with pytest.raises(WorkspaceNotFound):
            nexus.workspaces.get("absent")
    with pytest.raises(ConnectionClosed):
        nexus.ping()


def test_lists_hold_wrapped_objects(remote):
    async def listing(call):
        return {"workspaces": [workspace_record(), workspace_record("other")]}

    async def start(call):
        await call.session.notify("$/progress", {"id": call.id, "done": 1, "total": 1, "message": "m"})
        return {"workspace": workspace_record(), "operation": operation_record()}

    remote.handlers.update({"workspace.list": listing, "workspace.start": start})
    seen = []
    with connect(remote.url, environ={}) as nexus:
        found = nexus.workspaces.list()
        assert [item.name for item in found] == ["demo", "other"]
        assert found[0].start(on_progress=seen.append).state == "done"
        assert found[0].refresh() is found[0]
    assert [item.message for item in seen] == ["m"]


def test_a_process_with_plain_for(remote):
    FakeProcess([(1, b"a\nb\n"), (2, b"c"), (1, b"d\n")], drop_after=None).install(remote)
    with connect(remote.url, environ={}) as nexus:
        ws = nexus.workspaces.get("demo")
        with ws.exec(["make"], check=True) as running:
            assert list(running.stdout.lines()) == ["a", "b", "d"]
        assert running.result.ok
        with ws.exec(["make"]) as running:
            assert b"".join(chunk.data for chunk in running.output) == b"a\nb\ncd\n"
        with ws.attach("pr_1") as running:
            assert running.stdout.text() == "a\nb\nd\n"
        FakeProcess([], code=4).install(remote)
        with pytest.raises(ProcessError), ws.exec(["make"], check=True):
            pass


def test_a_break_is_invisible(remote):
    fake = FakeProcess([(1, os.urandom(200_000))], drop_after=30_000, frame=10_000).install(remote)
    with connect(remote.url, environ={}) as nexus, nexus.workspaces.get("demo").exec(["make"]) as running:
        assert b"".join(running.stdout) == fake.output[0][1]
        assert running.reconnects == len(fake.attaches) - 1 == 6


def test_watching_with_plain_for(remote):
    async def watch(call):
        await call.open({"cursor": "c", "resumed": False})
        for index in range(3):
            await call.event({"kind": "change", "path": str(index), "change": "created"}, str(index))
        await asyncio.Event().wait()

    remote.handlers["fs.watch"] = watch
    with connect(remote.url, environ={}) as nexus:
        with nexus.workspaces.get("demo").files.watch() as changes:
            seen = []
            for change in changes:
                seen.append(change.path)
                if len(seen) == 3:
                    break
    assert seen == ["0", "1", "2"]


def test_many_threads_share_a_client(remote):
    results: list[int] = []
    with connect(remote.url, environ={}) as nexus:
        threads = [
            threading.Thread(target=lambda: results.extend(nexus.ping().time.year for _ in range(20))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert results == [2026] * 160


def test_ctrl_c_cancels_the_call_and_leaves_the_client_usable(remote):
    arrived = threading.Event()

    async def run(call):
        arrived.set()
        await asyncio.Event().wait()

    remote.handlers["exec.run"] = run
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        arrived.wait(10)
        signal.pthread_kill(main, signal.SIGINT)

    with connect(remote.url, environ={}) as nexus:
        ws = nexus.workspaces.get("demo")
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            ws.run(["sleep", "1000"])
        thread.join(10)
        assert nexus.ping().time.year == 2026
        # The cancel leaves by itself; the call does not wait for it.
        deadline = time.monotonic() + 10
        while not remote.session.cancelled and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(remote.session.cancelled) == 1


def test_a_callback_must_not_call_the_client(remote):
    async def start(call):
        await call.session.notify("$/progress", {"id": call.id, "done": 1, "message": ""})
        return {"workspace": workspace_record(), "operation": operation_record()}

    remote.handlers["workspace.start"] = start
    with connect(remote.url, environ={}) as nexus:
        ws = nexus.workspaces.get("demo")
        with pytest.raises(RuntimeError, match="wait for itself"):
            ws.start(on_progress=lambda progress: nexus.ping())


def test_after_a_fork_the_client_says_so_instead_of_hanging(remote, monkeypatch):
    with connect(remote.url, environ={}) as nexus:
        real = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: real + 1)
        with pytest.raises(RuntimeError, match="connect again in the child"):
            nexus.ping()
        monkeypatch.undo()
        assert nexus.ping().time.year == 2026


def test_one_thread_serves_every_client(remote):
    with connect(remote.url, environ={}), connect(remote.url, environ={}):
        names = [thread.name for thread in threading.enumerate() if thread.name == "nexus-sdk"]
    assert len(names) == 1
    assert Portal.shared() is Portal.shared()


# -- the generator --


def test_the_generated_files_are_up_to_date():
    wanted = emit_sync.emit()
    there = {path.name: path.read_text(encoding="utf-8") for path in SYNC.glob("*.py")}
    assert there == wanted


def test_generated_files_are_marked():
    for text in emit_sync.emit().values():
        assert text.startswith("# Generated from nexus_sdk's asynchronous classes; do not edit.\n")


@pytest.mark.parametrize("name", sorted(name for names in emit_sync.MODULES.values() for name in names))
def test_each_twin_has_every_public_method_of_its_original(name):
    home = next(module for module, names in emit_sync.MODULES.items() if name in names)
    original = getattr(ASYNC[home], name)
    twin = getattr(nexus_sdk.sync, name)
    hidden = emit_sync.SINK if issubclass(original, nexus_sdk.attachment.Attachment) else frozenset()
    methods = {
        "close" if member == "aclose" else member
        for member, value in inspect.getmembers(original)
        if not member.startswith("_") and member not in hidden and (callable(value) or isinstance(value, property))
    }
    own = {member for member in dir(twin) if not member.startswith("_")}
    assert own == methods
    for special, plain in (("__aenter__", "__enter__"), ("__aiter__", "__iter__"), ("__anext__", "__next__")):
        assert hasattr(original, special) == hasattr(twin, plain)


def test_signatures_are_the_same():
    for original, twin in ((workspace.Workspace.exec, nexus_sdk.sync.Workspace.exec), (client.connect, connect)):
        assert inspect.signature(original).parameters == inspect.signature(twin).parameters
    assert "async" not in (nexus_sdk.sync.Workspace.exec.__doc__ or "")
