from __future__ import annotations

import asyncio
import os
import resource
import signal
import time

import pytest
from host_bench import HostBench, alive, eventually, read_all, read_line, state
from nexus_sdk.protocol.errors import CommandNotFound, CwdInvalid, SpawnFailed
from nexusd.backends.base import RawExit
from nexusd.backends.host import environment
from nexusd.backends.host.reaper import PATIENCE, Reaper


async def test_environment(host: HostBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_TOKEN", "secret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    monkeypatch.setenv("LC_TIME", "de_DE.UTF-8")
    base = environment.base()
    assert "NEXUS_TOKEN" not in base and "SSH_AUTH_SOCK" not in base
    assert base["LC_TIME"] == "de_DE.UTF-8"
    assert {"PATH", "HOME", "USER", "SHELL"} <= base.keys()
    text = await host.output("env", env={"MOOD": "wild", "NEXUS_WORKSPACE": "forged"})
    environ = dict(line.split("=", 1) for line in text.splitlines())
    assert environ["MOOD"] == "wild"
    assert environ["NEXUS_WORKSPACE"] == "ws_host" and environ["NEXUS_WORKSPACE_NAME"] == "here"
    assert environ["NEXUS_PROCESS"] == "pr_0001" and environ["NEXUS_GENERATION"] == "4"
    assert not any("TOKEN" in name or name == "TERM" for name in environ)


def test_a_service_without_a_user_environment_gets_a_whole_one() -> None:
    base = environment.base({})
    assert base["PATH"] and base["HOME"] and base["USER"] and base["SHELL"]
    assert base["LANG"] == "C.UTF-8"


def test_names_of_port_variables() -> None:
    assert environment.port_variable("web") == "NEXUS_PORT_WEB"
    assert environment.port_variable("api-2.internal") == "NEXUS_PORT_API_2_INTERNAL"


async def test_cwd_is_beneath_the_worktree(host: HostBench) -> None:
    worktree = host.directory / "worktree"
    (worktree / "sub").mkdir()
    (worktree / "link").symlink_to("sub")
    (worktree / "out").symlink_to("/tmp")
    (worktree / "file").touch()
    assert await host.output("pwd") == f"{worktree}\n"
    assert await host.output("pwd", cwd="sub") == f"{worktree}/sub\n"
    assert await host.output("pwd", cwd="link") == f"{worktree}/sub\n"
    assert await host.output("pwd", cwd=str(worktree / "sub")) == f"{worktree}/sub\n"
    for cwd in ("..", "/", "out", "sub/../..", "file", "absent"):
        with pytest.raises(CwdInvalid):
            await host.spawn("true", cwd=cwd)


async def test_a_worktree_made_anew_is_opened_anew(host: HostBench) -> None:
    worktree = host.directory / "worktree"
    assert await host.output("ls") == ""
    worktree.rename(host.directory / "old")
    worktree.mkdir()
    (worktree / "new").touch()
    assert await host.output("ls") == "new\n"


async def test_programs_are_found_by_the_path_of_the_workspace(host: HostBench) -> None:
    tools = host.directory / "worktree" / "tools"
    tools.mkdir()
    (tools / "greet").write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(CommandNotFound) as caught:
        await host.spawn("greet", env={"PATH": f"{tools}:/bin"})
    assert caught.value.details.reason == "Permission denied"
    (tools / "greet").chmod(0o755)
    assert await host.output("greet", env={"PATH": f"{tools}:/bin"}) == "hello\n"
    assert await host.output("greet", env={"PATH": "tools"}) == "hello\n"
    assert await host.output("./greet", cwd="tools") == "hello\n"
    with pytest.raises(CommandNotFound):
        await host.spawn("tools")


async def test_signals_and_descriptors_are_a_programs_own(host: HostBench) -> None:
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        text = await host.output("sh", "-c", "ls /proc/self/fd; grep -E 'SigIgn|SigBlk' /proc/self/status")
    finally:
        signal.signal(signal.SIGHUP, previous)
        os.close(inherited)
    *fds, blocked, ignored = text.splitlines()
    assert fds == ["0", "1", "2", "3"]  # 3 is the directory that ls reads
    standard = (1 << 31) - 1  # the C library keeps two real-time signals for itself
    assert int(ignored.split()[1], 16) & standard == 0 and int(blocked.split()[1], 16) == 0


async def test_exit_and_signal_are_told_apart(host: HostBench) -> None:
    for script, expected in (("exit 3", RawExit(3, None)), ("kill -9 $$", RawExit(None, 9))):
        handle = await host.spawn("sh", "-c", script)
        assert await handle.wait() == expected
        assert await handle.wait() == expected
        handle.close()


async def test_a_cancelled_wait_does_not_touch_the_process(host: HostBench) -> None:
    handle = await host.spawn("sleep", "1000")
    waiting = asyncio.ensure_future(handle.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert alive(handle.pid)
    await handle.kill_tree(0)
    assert await handle.wait() == RawExit(None, 9)
    handle.close()


async def test_a_cancelled_spawn_leaves_nothing(host: HostBench) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for turns in range(12):
        spawning = asyncio.ensure_future(host.spawn("sleep", "1000"))
        for _ in range(turns):
            await asyncio.sleep(0)
        spawning.cancel()
        try:
            handle = await spawning
        except asyncio.CancelledError:
            continue
        await handle.kill_tree(0)
        handle.close()
    await asyncio.to_thread(host.backend._spawning.shutdown)
    await eventually(lambda: not host.backend._reaper._owned)
    assert (await host.backend.stats("ws_host")).processes == 0
    assert len(os.listdir("/proc/self/fd")) <= before + 5


async def test_no_descriptors_left(host: HostBench) -> None:
    await host.output("true")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 3, hard))
    try:
        with pytest.raises(SpawnFailed):
            await host.spawn("sleep", "1000")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert (await host.backend.stats("ws_host")).processes == 0


async def test_stdin_and_its_end(host: HostBench) -> None:
    handle = await host.spawn("wc", "-c", stdin=True)
    assert handle.stdin is not None
    os.write(handle.stdin, b"12345")
    handle.close_stdin()
    handle.close_stdin()
    assert (await read_all(handle.stdout)).strip() == b"5"
    await handle.wait()
    handle.close()
    handle.close()


async def test_terminal(host: HostBench) -> None:
    handle = await host.spawn("sh", "-c", "stty size; read line; stty size; ps -o tty= -p $$", pty=(90, 20))
    assert await read_line(handle.stdout) == "20 90"
    handle.resize(91, 21)
    os.write(handle.stdin, b"\n")
    text = (await read_all(handle.stdout)).decode()
    assert "21 91" in text and "pts/" in text
    await handle.wait()
    handle.close()
    handle.resize(1, 1)


async def test_orphans_are_reaped_and_other_peoples_children_are_not(host: HostBench) -> None:
    text = await host.output("sh", "-c", "(sleep 0.01 & echo $!); (setsid sh -c 'echo $$; exit 0' &); sleep 0.1")
    orphans = [int(line) for line in text.split()]
    assert len(orphans) == 2
    foreign = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
    reaper = host.backend._reaper
    await eventually(lambda: (reaper.sweep() or True) and state(orphans[0]) == "")
    # A session of its own and no marker that could still be read: taken for an orphan only after a while.
    reaper.sweep(time.monotonic() + 2 * PATIENCE)
    reaper.sweep(time.monotonic() + 4 * PATIENCE)
    assert state(orphans[1]) == ""
    assert await foreign.wait() == 7


def test_nothing_to_reap_is_seen_at_once() -> None:
    assert Reaper.due() in (True, False)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert Reaper.due()
    assert Reaper().sweep() == 0
    os.waitpid(pid, 0)
