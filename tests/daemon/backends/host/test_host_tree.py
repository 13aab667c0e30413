from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from host_bench import HostBench, alive, eventually, machine_spec, read_line, state
from nexusd.backends.base import RawExit, SpawnSpec
from nexusd.backends.host import census, tree

# Forks twice and leaves its session, so that neither parent, group nor session leads back.
DAEMON = """
import os, sys, time
if os.fork():
    time.sleep(1000)
os.setsid()
if os.fork():
    os._exit(0)
if sys.argv[1] == "clean":
    os.execve("/bin/sh", ["sh", "-c", "echo $$; exec sleep 1000"], {"PATH": "/bin:/usr/bin"})
print(os.getpid(), flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("grace", [0, 0.3])
async def test_double_forked_daemon_is_ended(host: HostBench, grace: float) -> None:
    handle = await host.spawn(sys.executable, "-c", DAEMON, "marked")
    escaped = int(await read_line(handle.stdout))
    assert escaped in {process.pid for process in handle.find(census.census()).members}
    await handle.kill_tree(grace)
    assert not alive(escaped) and not alive(handle.pid)
    handle.close()


async def test_daemon_that_cleared_its_environment_is_still_known(host: HostBench) -> None:
    handle = await host.spawn("sh", "-c", "setsid sh -c 'echo $$; read go < go; exec env -i sleep 1000' & wait")
    os.mkfifo(host.directory / "worktree" / "go")
    await handle.kill_tree(0)
    handle.close()
    handle = await host.spawn("sh", "-c", "setsid sh -c 'echo $$; read go < go; exec env -i sleep 1000' & sleep 1000")
    escaped = int(await read_line(handle.stdout))
    assert escaped in {process.pid for process in handle.find(census.census()).members}
    (host.directory / "worktree" / "go").write_text("\n")
    await eventually(lambda: b"sleep" in Path(f"/proc/{escaped}/cmdline").read_bytes())
    await handle.signal(signal.SIGKILL, group=False)
    assert await handle.wait() == RawExit(None, 9)
    assert escaped in {process.pid for process in handle.find(census.census()).members}
    await handle.kill_tree(0)
    assert not alive(escaped)
    handle.close()


async def test_who_ignores_being_asked_is_killed_and_who_heeds_it_is_not(host: HostBench) -> None:
    note = host.directory / "note"
    set_ = host.directory / "set"
    polite = f"trap 'echo bye > {note}; exit' TERM; : > {set_}; while :; do sleep 0.02; done"
    stubborn = "trap '' TERM; echo ready; while :; do sleep 1; done"
    handle = await host.spawn("sh", "-c", f"sh -c '{polite.replace(chr(39), chr(34))}' & {stubborn}")
    assert await read_line(handle.stdout)
    await eventually(set_.exists)
    await handle.kill_tree(2)
    assert await handle.wait() == RawExit(None, 9)
    assert note.read_text() == "bye\n"
    handle.close()


async def test_stopped_process_heeds_being_asked(host: HostBench) -> None:
    handle = await host.spawn("sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
    await read_line(handle.stdout)
    await handle.signal(signal.SIGSTOP)
    await eventually(lambda: state(handle.pid) in "TD")  # D: after vfork, until its stopped child goes on
    await handle.kill_tree(10)
    assert await handle.wait() == RawExit(3, None)
    handle.close()


async def test_fork_bomb_is_ended(host: HostBench) -> None:
    bomb = "import os, time\nfor _ in range(9):\n os.fork()\n time.sleep(0.005)\ntime.sleep(1000)"
    handle = await host.spawn(sys.executable, "-c", bomb)
    await eventually(lambda: len(handle.find(census.census()).members) > 20)
    await handle.kill_tree(0)
    assert (await host.backend.stats("ws_host")).processes == 0
    handle.close()


async def test_descendants_end_before_their_parents(host: HostBench) -> None:
    handle = await host.spawn("sh", "-c", "sh -c 'sh -c \"sleep 1000 & echo ready; wait\" & wait' & wait")
    await read_line(handle.stdout)
    members = handle.find(census.census()).members
    position = {process.pid: at for at, process in enumerate(members)}
    assert len(members) == 4
    assert all(position[process.pid] < position[process.parent] for process in members if process.parent in position)
    await handle.kill_tree(0)
    handle.close()


async def test_nobody_else_is_touched(host: HostBench) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    other = machine_spec(host.directory / "worktree", "ws_host2")
    await host.backend.start(other)
    neighbour = await host.backend.machine(other).spawn(SpawnSpec(process="pr_other", argv=["sleep", "1000"]))
    handle = await host.spawn("sleep", "1000")
    await host.backend.stop("ws_host", 0)
    assert not alive(handle.pid)
    assert alive(neighbour.pid) and alive(stranger.pid) and alive(os.getpid())
    stranger.kill()
    await stranger.wait()
    await neighbour.kill_tree(0)
    neighbour.close()
    handle.close()


def test_a_number_given_to_somebody_else_is_not_signalled() -> None:
    child = subprocess.Popen(["sleep", "1000"])
    try:
        process = census.read(child.pid)
        assert process is not None
        assert not tree.send(process._replace(started=process.started - 1), signal.SIGKILL)
        assert child.poll() is None
        found = tree.find_process(census.census(), "pr_none", child.pid, process.started - 1)
        assert found.members == []
    finally:
        child.kill()
        child.wait()


def test_no_environment_is_no_marker() -> None:
    child = subprocess.Popen(["/bin/sleep", "1000"], env={})
    try:
        assert census.markers(child.pid) == {}
    finally:
        child.kill()
        child.wait()


def test_a_name_with_brackets_and_spaces_is_read(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "1000"])
    try:
        process = census.read(child.pid)
        assert process is not None and process.parent == os.getpid()
    finally:
        child.kill()
        child.wait()


def test_markers_are_read_whole_right_after_the_exec() -> None:
    environ = {"A": "NEXUS_PROCESS=no", "XNEXUS_PROCESS": "no", "NEXUS_PROCESS": "pr_yes", "NEXUS_WORKSPACE": "ws_yes"}
    for _ in range(50):
        child = subprocess.Popen(["/bin/sleep", "1000"], env=environ)
        try:
            assert census.markers(child.pid) == {"NEXUS_PROCESS": "pr_yes", "NEXUS_WORKSPACE": "ws_yes"}
        finally:
            child.kill()
            child.wait()
        assert census.markers(child.pid) == {}
