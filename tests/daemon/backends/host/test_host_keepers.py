"""Processes on this host that outlive the daemon: who keeps them, and what becomes of those that nobody keeps."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from host_bench import alive, eventually, machine_spec, state
from nexus_sdk.protocol.errors import BackendFailed, CommandNotFound
from nexusd.backends.base import MachineSpec, MachineStatus, ProcessHandle, RawExit, SpawnSpec
from nexusd.backends.host import census, keepers, tree
from nexusd.backends.host.backend import HostBackend
from nexusd.backends.host.keepers import Keeping
from nexusd.backends.host.spawn import FILE_LIMIT
from nexusd.processes.log import OutputLog

PATIENCE = 30

OTHER_DAEMON = """
import asyncio, sys
from pathlib import Path
from test_host_keepers import Host

async def main():
    host = Host(Path(sys.argv[1]), Path(sys.argv[2]))
    await host.open()
    handle = await host.spawn("sleep", "1000")
    print(handle.pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


class Host:
    """A host backend with keepers and one workspace; `again` is the next daemon."""

    def __init__(self, directory: Path, program: Path | None) -> None:
        self.directory = directory
        self.program = program
        self.spec: MachineSpec = machine_spec(directory / "worktree")
        self.backend: HostBackend = None  # type: ignore[assignment]  # until `open`
        self.count = 0

    async def open(self, program: Path | None = None) -> HostBackend:
        for name in ("worktree", "output"):
            (self.directory / name).mkdir(exist_ok=True)
        keeping = None
        if (program or self.program) is not None:
            keeping = Keeping(program or self.program, self.directory / "run", self.log_of)
        self.backend = HostBackend(self.directory / "state", keeping)
        await self.backend.open()
        await self.backend.create(self.spec)
        await self.backend.start(self.spec)
        return self.backend

    async def again(self) -> HostBackend:
        await self.backend.close()
        return await self.open()

    def log_of(self, process: str) -> Path:
        return self.directory / "output" / f"{process}.log"

    async def spawn(self, *argv: str, **options: object) -> ProcessHandle:
        self.count += 1
        process = f"pr_{os.getpid()}_{self.count}"
        spec = SpawnSpec(process=process, argv=argv, log=self.log_of(process), capacity=1 << 20, **options)
        return await self.backend.machine(self.spec).spawn(spec)

    async def output(self, *argv: str, **options: object) -> bytes:
        handle = await self.spawn(*argv, **options)
        log = OutputLog.kept(self.log_of(handle.process), 1 << 20)
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        handle.kept.watch(
            lambda now: log.grown(now.start, now.end, now.first_run, now.from_run, now.runs),
            ended.set_result,
            lambda why, reason: None,
        )
        assert await asyncio.wait_for(ended, PATIENCE)
        found = b""
        while (chunk := log.read(len(found), 65536)) is not None:
            found += chunk.data
        return found

    def notes(self) -> list[Path]:
        return sorted((self.directory / "state" / "host" / "keepers").glob("*.json"))

    @property
    def keeper(self) -> int:
        """The process id of the workspace's keeper."""
        keeper = self.backend._keepers.live(self.spec.workspace)
        assert keeper is not None
        return keeper.pid


@pytest.fixture
async def host(tmp_path: Path, nexus_init: Path) -> AsyncIterator[Host]:
    made = Host(tmp_path, nexus_init)
    await made.open()
    yield made
    await made.backend.destroy(made.spec.workspace)
    await made.backend.close()
    assert not alive_of(made.spec.workspace)


def alive_of(workspace: str) -> list[census.Proc]:
    return tree.find_workspace(census.census(), workspace).members


async def test_a_workspace_without_processes_has_no_keeper(host: Host) -> None:
    assert host.backend.capabilities.survives_daemon
    assert host.notes() == []
    assert await host.backend.machine(host.spec).adopt() == []
    assert await host.output("echo", "hi") == b"hi\n"
    assert len(host.notes()) == 1


async def test_processes_go_on_with_the_next_daemon(host: Host) -> None:
    handle = await host.spawn("sleep", "1000")
    pid, keeper = handle.pid, host.keeper
    for _ in range(3):
        backend = await host.again()
        assert alive(pid) and host.keeper == keeper
        (handle,) = await backend.machine(host.spec).adopt()
        assert handle.pid == pid
        assert await backend.list() == [MachineStatus("ws_host", "running")]
    await handle.signal(signal.SIGTERM)
    assert await asyncio.wait_for(handle.wait(), PATIENCE) == RawExit(None, signal.SIGTERM)
    handle.forget()


async def test_processes_go_on_when_the_daemon_is_killed(tmp_path: Path, nexus_init: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_DAEMON, tmp_path, nexus_init, stdout=asyncio.subprocess.PIPE, env=environ
    )
    assert daemon.stdout is not None
    left = int(await asyncio.wait_for(daemon.stdout.readline(), PATIENCE))
    daemon.kill()
    await daemon.wait()
    host = Host(tmp_path, nexus_init)
    backend = await host.open()
    assert alive(left)
    (handle,) = await backend.machine(host.spec).adopt()
    assert handle.pid == left
    await backend.stop("ws_host", 0)
    assert await asyncio.wait_for(handle.wait(), PATIENCE) == RawExit(None, signal.SIGKILL)
    await backend.close()


async def test_stop_ends_all_and_the_keeper(host: Host) -> None:
    await host.spawn("sleep", "1000")
    away = await host.output("sh", "-c", "setsid -f sleep 1001 > /dev/null 2>&1; setsid -f sh -c 'echo $$'")
    assert int(away)
    keeper = host.keeper
    assert len(alive_of("ws_host")) == 2
    await host.backend.stop("ws_host", 0.1)
    assert not alive_of("ws_host") and not alive(keeper)
    assert host.notes() == [] and not (host.directory / "run" / "ws_host").exists()
    await host.backend.start(host.spec)
    assert await host.output("echo", "again") == b"again\n"
    assert host.keeper != keeper


async def test_a_keeper_that_is_killed_takes_its_processes_with_it(host: Host) -> None:
    handle = await host.spawn("sleep", "1000")
    before = host.keeper
    os.kill(before, signal.SIGKILL)
    assert await asyncio.wait_for(handle.wait(), PATIENCE) == RawExit(None, None), "nobody knows how it ended"
    assert await host.output("echo", "next") == b"next\n"
    assert host.keeper != before and not alive(handle.pid)
    await eventually(lambda: not Path(f"/proc/{before}").exists())  # reaped
    handle.close()


async def test_what_a_killed_keeper_left_while_no_daemon_was_there_is_ended(host: Host) -> None:
    handle = await host.spawn("sleep", "1000")
    keeper = host.keeper
    await host.backend.close()
    os.kill(keeper, signal.SIGKILL)
    await eventually(lambda: not alive(keeper))
    assert alive(handle.pid)
    backend = await host.open()
    assert not alive(handle.pid)
    assert await backend.machine(host.spec).adopt() == []
    assert host.notes() == []


async def test_who_does_not_keep_ends_what_was_kept(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    handle = await host.spawn("sleep", "1000")
    keeper = host.keeper
    await host.backend.close()
    plain = HostBackend(host.directory / "state")
    await plain.open()
    assert not alive(handle.pid) and not alive(keeper)
    assert await plain.list() == [MachineStatus("ws_host", "stopped")]
    assert "does not keep" in caplog.text
    await plain.close()
    await host.open()


async def test_a_keeper_is_not_frozen_with_its_workspace(host: Host) -> None:
    handle = await host.spawn("sleep", "1000")
    await host.backend.pause("ws_host")
    assert state(handle.pid) == "T" and state(host.keeper) != "T"
    backend = await host.again()
    assert await backend.list() == [MachineStatus("ws_host", "running")]
    await eventually(lambda: state(handle.pid) == "S")


async def test_first_processes_at_once_share_a_keeper(host: Host) -> None:
    handles = await asyncio.gather(*(host.spawn("sleep", "1000") for _ in range(8)))
    assert {census.read(handle.pid).parent for handle in handles} == {host.keeper}


async def test_a_cancelled_start_leaves_nothing(host: Host) -> None:
    starting = asyncio.create_task(host.spawn("sleep", "1000"))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await host.output("echo", "on") == b"on\n"
    await eventually(lambda: not alive_of("ws_host"))


async def test_what_a_process_is_given(host: Host) -> None:
    (host.directory / "worktree" / "sub").mkdir()
    script = "pwd; ulimit -n; echo $MOOD $NEXUS_PROCESS; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr '\\0' ' '"
    lines = (await host.output("sh", "-c", script, cwd="sub")).decode().splitlines()
    assert lines[0] == str(host.directory / "worktree" / "sub")
    assert lines[1] == ("unlimited" if FILE_LIMIT[0] == -1 else str(FILE_LIMIT[0]))
    assert lines[2].startswith("calm pr_")
    secret = msgspec.json.decode(host.notes()[0].read_bytes())["secret"]
    assert secret not in "".join(lines) and "NEXUS_HOME" not in "".join(lines)
    assert host.notes()[0].stat().st_mode & 0o077 == 0
    assert (host.directory / "run" / "ws_host").stat().st_mode & 0o077 == 0


async def test_refusals_are_as_without_a_keeper(host: Host) -> None:
    for command, number in (("no-such-command", errno.ENOENT), ("./plain", errno.EACCES)):
        (host.directory / "worktree" / "plain").write_text("no program")
        with pytest.raises(CommandNotFound) as caught:
            await host.spawn(command)
        assert caught.value.details.reason == os.strerror(number)
    assert list((host.directory / "output").iterdir()) == []


async def test_a_keeper_that_cannot_be_started_says_why(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepers, "PATIENCE", 3600.0)  # nobody waits for one that has ended
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho out of order >&2\nexit 1\n")
    program.chmod(0o755)
    await host.backend.close()
    await host.open(program)
    with pytest.raises(BackendFailed, match="out of order") as caught:
        await asyncio.wait_for(host.spawn("true"), PATIENCE)
    assert "outlive_daemon" in (caught.value.hint or "")
    await host.backend.close()
    await host.open()
