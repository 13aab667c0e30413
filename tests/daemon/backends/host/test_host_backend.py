from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from host_bench import HostBench, alive, eventually, machine_spec, read_line, state
from nexus_sdk.protocol.errors import BackendFailed
from nexusd.backends.base import MachineStatus
from nexusd.backends.host import census
from nexusd.backends.host.backend import HostBackend

# A daemon that starts processes, says which, and waits for its end.
OTHER_DAEMON = """
import asyncio, sys
from pathlib import Path
from nexusd.backends.base import MachineSpec, SpawnSpec
from nexusd.backends.host.backend import HostBackend

async def main():
    backend = HostBackend(Path(sys.argv[1]))
    await backend.open()
    spec = MachineSpec(workspace="ws_crash", name="c", worktree=sys.argv[2], env={}, ports={}, generation=1)
    await backend.create(spec)
    await backend.start(spec)
    machine = backend.machine(spec)
    plain = await machine.spawn(SpawnSpec(process="pr_1", argv=["sleep", "1000"]))
    away = await machine.spawn(SpawnSpec(process="pr_2", argv=["setsid", "-f", "sleep", "1001"]))
    await away.wait()
    print(plain.pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


async def test_life_of_a_workspace(host: HostBench) -> None:
    backend, spec = host.backend, host.spec
    assert await backend.health() == (True, "")
    assert await backend.list() == [MachineStatus("ws_host", "running")]
    await backend.pause("ws_host")
    await backend.pause("ws_host")
    assert await backend.list() == [MachineStatus("ws_host", "paused")]
    await backend.resume("ws_host")
    await backend.resume("ws_host")
    assert await backend.list() == [MachineStatus("ws_host", "running")]
    await backend.stop("ws_host", 1)
    await backend.stop("ws_host", 1)
    assert await backend.list() == [MachineStatus("ws_host", "stopped")]
    await backend.create(spec)
    await backend.start(spec)
    await backend.start(spec)
    await backend.create(spec)
    assert await backend.list() == [MachineStatus("ws_host", "running")]
    await backend.destroy("ws_host")
    await backend.destroy("ws_host")
    await backend.stop("ws_never", 1)
    assert await backend.list() == []


async def test_pause_freezes_all_with_the_ones_that_are_forked(host: HostBench) -> None:
    handle = await host.spawn("sh", "-c", "echo ready; while :; do (sleep 0.01) & sleep 0.002; done")
    await read_line(handle.stdout)
    await host.backend.pause("ws_host")
    members = handle.find(census.census()).members
    assert members and {process.state for process in members} <= {"T", "D"}
    before = (await host.backend.stats("ws_host")).processes
    await asyncio.sleep(0.1)
    assert {process.state for process in handle.find(census.census()).members} <= {"T", "D"}
    assert (await host.backend.stats("ws_host")).processes == before
    await host.backend.resume("ws_host")
    await eventually(lambda: state(handle.pid) == "S")
    await host.backend.stop("ws_host", 0)
    handle.close()


async def test_start_of_a_paused_workspace_lets_it_go_on(host: HostBench) -> None:
    handle = await host.spawn("sleep", "1000")
    await host.backend.pause("ws_host")
    await host.backend.start(host.spec)
    await eventually(lambda: state(handle.pid) == "S")
    await handle.kill_tree(0)
    handle.close()


async def test_stats(host: HostBench) -> None:
    script = "x = bytearray(50_000_000)\nfor _ in range(5_000_000): pass\nprint(1, flush=True)\ninput()"
    handle = await host.spawn(sys.executable, "-c", script, stdin=True)
    await read_line(handle.stdout)
    stats = await host.backend.stats("ws_host")
    assert stats.processes == 1 and stats.memory > 50_000_000 and stats.cpu_ms >= 10
    await handle.kill_tree(0)
    assert (await host.backend.stats("ws_host")).processes == 0
    handle.close()


async def test_two_daemons_cannot_share_a_state_directory(host: HostBench) -> None:
    other = HostBackend(host.directory / "state")
    with pytest.raises(BackendFailed, match="another daemon"):
        await other.open()
    ok, reason = await other.health()
    assert not ok and "another daemon" in reason
    await other.close()
    assert (await host.backend.health())[0]


async def test_closed_backend_has_ended_everything_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "worktree").mkdir()
    spec = machine_spec(tmp_path / "worktree")
    backend = HostBackend(tmp_path / "state")
    with pytest.raises(BackendFailed):
        backend.machine(spec)
    await backend.open()
    bench = HostBench(backend, spec, tmp_path)
    await backend.create(spec)
    await backend.start(spec)
    handle = await bench.spawn("sleep", "1000")
    await backend.close()
    assert not alive(handle.pid)
    await handle.wait()
    handle.close()
    with pytest.raises(BackendFailed):
        backend.machine(spec)
    again = HostBackend(tmp_path / "state")
    await again.open()
    assert await again.list() == [MachineStatus("ws_host", "stopped")]
    await again.close()


async def test_what_a_killed_daemon_left_is_ended_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "worktree").mkdir()
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_DAEMON, tmp_path / "state", tmp_path / "worktree", stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None
    left = int(await asyncio.wait_for(daemon.stdout.readline(), 30))
    bystander = HostBackend(tmp_path / "other-state")
    daemon.kill()
    await daemon.wait()
    assert alive(left)
    await bystander.open()
    assert alive(left), "the processes of another state directory are not ours"
    await bystander.close()
    backend = HostBackend(tmp_path / "state")
    await backend.open()
    assert not alive(left)
    assert (await backend.stats("ws_crash")).processes == 0
    assert await backend.list() == [MachineStatus("ws_crash", "stopped")]
    await backend.close()


async def test_worktree_that_is_gone(host: HostBench) -> None:
    os.rmdir(host.directory / "worktree")
    with pytest.raises(BackendFailed, match="worktree"):
        await host.backend.start(host.spec)
    with pytest.raises(BackendFailed, match="worktree"):
        await host.spawn("true")


async def test_root_works_while_stopped(host: HostBench) -> None:
    await host.backend.stop("ws_host", 0)
    root = host.backend.machine(host.spec).root()
    assert os.path.samestat(os.fstat(root.fd), os.stat(host.directory / "worktree"))
    assert root.path == str(host.directory / "worktree") and not root.in_root


async def test_half_written_notes_are_no_notes(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "host"
    directory.mkdir(parents=True)
    (directory / "ws_a.json").write_bytes(b'{"workspace": "ws_')
    (directory / "ws_b.json.new").write_bytes(b"{")
    backend = HostBackend(tmp_path / "state")
    await backend.open()
    assert await backend.list() == []
    assert not (directory / "ws_b.json.new").exists()
    await backend.close()


async def test_stop_reaches_those_of_whom_only_the_marker_is_left(host: HostBench) -> None:
    handle = await host.spawn("sh", "-c", "setsid -f sh -c 'echo $$; exec sleep 1000'")
    escaped = int(await read_line(handle.stdout))
    await handle.wait()
    handle.close()
    assert alive(escaped)
    assert (await host.backend.list())[0].state == "running"
    await host.backend.stop("ws_host", 0)
    assert not alive(escaped)
