"""What every backend promises (`nexusd.backends.base`), run against each of them with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from daemon_process import make_repository
from docker_backend import make_backend
from engine import BASE, engine  # noqa: F401 - a fixture
from nexus_sdk.protocol.errors import CommandNotFound, CwdInvalid, OptionUnsupported, PortForbidden, PortRefused
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.base import MachineSpec, SpawnSpec
from nexusd.backends.host.backend import HostBackend
from nexusd.backends.mock.backend import MockBackend

BACKENDS = {"host": HostBackend, "mock": MockBackend}
PATIENCE = 20


@pytest.fixture(params=sorted(BACKENDS))
async def backend(request, tmp_path):
    made = BACKENDS[request.param](tmp_path / "state")
    await made.open()
    yield made
    await made.close()


@pytest.fixture(params=[*sorted(BACKENDS), "docker"])
def make(request, tmp_path):
    """Makes one backend after another on the same state, for what needs no process inside."""
    if request.param != "docker":
        return lambda: BACKENDS[request.param](tmp_path / "state")
    host = request.getfixturevalue("engine").host
    return lambda: make_backend(tmp_path, host)


@pytest.fixture
async def machines(make):
    """As `backend`, and docker, too."""
    made = make()
    await made.open()
    yield made
    await made.close()


def spec_for(worktree: Path, workspace: str = "ws_contract", generation: int = 1, **ports: int) -> MachineSpec:
    return MachineSpec(
        workspace=workspace,
        name="contract",
        worktree=str(worktree),
        env={"GREETING": "hello"},
        ports=ports,
        generation=generation,
        options=MachineOptions(image=BASE),
    )


@pytest.fixture
async def spec(backend, tmp_path):
    worktree = make_repository(tmp_path / "worktree")
    made = spec_for(worktree)
    await backend.create(made)
    await backend.start(made)
    yield made
    await backend.destroy(made.workspace)


async def read_all(fd: int) -> bytes:
    """Everything until the end of a non-blocking descriptor."""
    loop = asyncio.get_running_loop()
    chunks = []
    while True:
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_reader(fd, ready.set)
            try:
                await asyncio.wait_for(ready.wait(), PATIENCE)
            finally:
                loop.remove_reader(fd)
            continue
        except OSError:
            break  # a terminal whose last process ended
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks)


async def output(backend, spec, *argv: str, **options) -> tuple[bytes, object]:
    handle = await backend.machine(spec).spawn(SpawnSpec(process="pr_contract", argv=argv, **options))
    try:
        data = await read_all(handle.stdout)
        return data, await asyncio.wait_for(handle.wait(), PATIENCE)
    finally:
        handle.close()


async def state_of(backend, workspace: str) -> str:
    return next((status.state for status in await backend.list() if status.workspace == workspace), "absent")


async def until(condition, what: str):
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {PATIENCE} s")


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def sleeper(backend, spec, script: str = "echo up; exec sleep 600"):
    """A process that lives until it is ended, once it has said so."""
    handle = await backend.machine(spec).spawn(SpawnSpec(process="pr_sleeper", argv=["sh", "-c", script]))
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle.stdout, ready.set)
    await asyncio.wait_for(ready.wait(), PATIENCE)
    loop.remove_reader(handle.stdout)
    return handle


async def test_lifecycle_shows_in_list(machines, tmp_path):
    made = spec_for(make_repository(tmp_path / "worktree"))
    assert await state_of(machines, made.workspace) == "absent"
    await machines.create(made)
    assert await state_of(machines, made.workspace) == "stopped"
    await machines.start(made)
    assert await state_of(machines, made.workspace) == "running"
    await machines.stop(made.workspace, 1)
    assert await state_of(machines, made.workspace) == "stopped"
    await machines.destroy(made.workspace)
    assert await state_of(machines, made.workspace) == "absent"


async def test_every_verb_can_be_repeated(machines, tmp_path):
    made = spec_for(make_repository(tmp_path / "worktree"))
    for _ in range(2):
        await machines.create(made)
    for _ in range(2):
        await machines.start(made)
    for _ in range(2):
        await machines.stop(made.workspace, 1)
    for _ in range(2):
        await machines.destroy(made.workspace)
    await machines.stop(made.workspace, 1)
    assert await state_of(machines, made.workspace) == "absent"


async def test_an_option_that_it_does_not_have_is_refused(machines):
    if machines.capabilities.isolation != "none":
        return
    assert await machines.check(MachineOptions(), ["web"]) == MachineOptions()
    for options in (MachineOptions(image="debian"), MachineOptions(read_only=True), MachineOptions(cpu=1)):
        with pytest.raises(OptionUnsupported):
            await machines.check(options, ["web"])


async def test_the_next_run_of_the_daemon_sees_the_same(machines, make, tmp_path):
    made = spec_for(make_repository(tmp_path / "worktree"))
    await machines.create(made)
    await machines.close()
    other = make()
    await other.open()
    try:
        assert await state_of(other, made.workspace) == "stopped"
        await other.destroy(made.workspace)
        assert await state_of(other, made.workspace) == "absent"
    finally:
        await other.close()


async def test_a_machine_can_be_frozen_stopped_and_begun_anew(machines, tmp_path):
    made = spec_for(make_repository(tmp_path / "worktree"))
    await machines.create(made)
    try:
        await machines.start(made)
        for _ in range(2):
            await machines.pause(made.workspace)
        assert await state_of(machines, made.workspace) == "paused"
        await machines.stop(made.workspace, 1)
        assert await state_of(machines, made.workspace) == "stopped"
        await machines.start(made)
        for _ in range(2):
            await machines.resume(made.workspace)
        assert await state_of(machines, made.workspace) == "running"
    finally:
        await machines.destroy(made.workspace)


async def test_the_files_of_a_machine_that_does_not_run_are_reached(machines, tmp_path):
    made = spec_for(make_repository(tmp_path / "worktree"))
    await machines.create(made)
    try:
        root = machines.machine(made).root()
        assert root.path == machines.root(made.worktree)
        assert "README.md" in os.listdir(root.fd)
    finally:
        await machines.destroy(made.workspace)


async def test_a_process_has_the_environment_and_the_directory(backend, spec):
    data, exit = await output(
        backend, spec, "sh", "-c", 'echo "$GREETING $EXTRA $NEXUS_WORKSPACE"; pwd', env={"EXTRA": "you"}, cwd="src"
    )
    assert data.decode().splitlines() == [f"hello you {spec.workspace}", f"{spec.worktree}/src"]
    assert (exit.code, exit.signal) == (0, None)


async def test_exit_codes_and_signals_are_told_apart(backend, spec):
    _, exit = await output(backend, spec, "sh", "-c", "exit 7")
    assert (exit.code, exit.signal) == (7, None)
    _, exit = await output(backend, spec, "sh", "-c", "kill -9 $$")
    assert (exit.code, exit.signal) == (None, signal.SIGKILL)


async def test_what_cannot_be_started_is_named(backend, spec):
    with pytest.raises(CommandNotFound):
        await output(backend, spec, "no-such-command-anywhere")
    with pytest.raises(CwdInvalid):
        await output(backend, spec, "true", cwd="nowhere")
    with pytest.raises(CwdInvalid):
        await output(backend, spec, "true", cwd="../..")


async def test_stdin_arrives_and_ends(backend, spec):
    handle = await backend.machine(spec).spawn(SpawnSpec(process="pr_cat", argv=["cat"], stdin=True))
    assert handle.stdin is not None
    os.write(handle.stdin, b"to and fro")
    handle.close_stdin()
    assert await read_all(handle.stdout) == b"to and fro"
    assert (await asyncio.wait_for(handle.wait(), PATIENCE)).code == 0
    handle.close()


async def test_stdin_is_closed_unless_asked_for(backend, spec):
    data, exit = await output(backend, spec, "cat")
    assert data == b""
    assert exit.code == 0


async def test_a_terminal_has_its_size_and_can_be_resized(backend, spec):
    handle = await backend.machine(spec).spawn(
        SpawnSpec(
            process="pr_tty",
            argv=["sh", "-c", "stty size; read x; stty size; tty >/dev/null && echo tty"],
            pty=(91, 33),
        )
    )
    handle.resize(101, 44)
    os.write(handle.stdout, b"\n")
    data = (await read_all(handle.stdout)).decode()
    assert (await asyncio.wait_for(handle.wait(), PATIENCE)).code == 0
    handle.close()
    assert "44 101" in data
    assert "tty" in data.splitlines()[-1]


async def test_a_signal_to_the_group_reaches_everything(backend, spec):
    handle = await sleeper(backend, spec, "sleep 600 & setsid sleep 601 & echo up; wait")
    children = [int(pid) for pid in Path(f"/proc/{handle.pid}/task/{handle.pid}/children").read_text().split()]
    assert len(children) == 2
    await handle.signal(signal.SIGKILL)
    await asyncio.wait_for(handle.wait(), PATIENCE)
    await until(lambda: not any(alive(pid) for pid in children), "the end of the descendants")
    handle.close()


async def test_stop_ends_everything_that_ignores_us_too(backend, spec):
    handle = await sleeper(
        backend, spec, "trap '' TERM HUP INT; (trap '' TERM; setsid sleep 600) & echo up; while :; do sleep 1; done"
    )
    await backend.stop(spec.workspace, 0.2)
    assert not alive(handle.pid)
    await asyncio.wait_for(handle.wait(), PATIENCE)
    handle.close()
    assert (await backend.stats(spec.workspace)).processes == 0


async def test_a_shell_that_ignores_term_is_hung_up(backend, spec):
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    handle = await backend.machine(spec).spawn(SpawnSpec(process="pr_tty", argv=["sh", "-c", script], pty=(80, 24)))
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle.stdout, ready.set)
    await asyncio.wait_for(ready.wait(), PATIENCE)
    loop.remove_reader(handle.stdout)
    await handle.kill_tree(PATIENCE)
    assert (await asyncio.wait_for(handle.wait(), PATIENCE)).signal == signal.SIGHUP
    handle.close()


async def test_programs_have_the_file_limit_that_the_daemon_was_started_with(backend, spec):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft + 16 if soft + 16 <= hard else soft - 16, hard))
    try:
        spawn = SpawnSpec(process="pr_limit", argv=["sh", "-c", "read x; ulimit -n"], stdin=True)
        handle = await backend.machine(spec).spawn(spawn)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # The limit is set once the program is there, so from when `spawn` has returned it holds for sure.
    handle.close_stdin()
    try:
        assert int(await read_all(handle.stdout)) == soft
        await asyncio.wait_for(handle.wait(), PATIENCE)
    finally:
        handle.close()


async def test_pause_freezes_and_resume_thaws(backend, spec):
    if not backend.capabilities.pause:
        return
    handle = await sleeper(backend, spec, "echo up; while :; do sleep 0.01; done")
    await backend.pause(spec.workspace)
    assert await state_of(backend, spec.workspace) == "paused"
    await until(lambda: " T " in Path(f"/proc/{handle.pid}/stat").read_text(), "the freeze")
    await backend.resume(spec.workspace)
    assert await state_of(backend, spec.workspace) == "running"
    await until(lambda: " T " not in Path(f"/proc/{handle.pid}/stat").read_text(), "the thaw")
    await handle.kill_tree(0.1)
    handle.close()


async def test_files_are_reached_through_the_root(backend, spec):
    root = backend.machine(spec).root()
    fd = os.open("README.md", os.O_RDONLY, dir_fd=root.fd)
    try:
        assert os.read(fd, 100) == b"# Example\n"
    finally:
        os.close(fd)
    data, _ = await output(backend, spec, "pwd")
    assert data.decode().strip() == root.path


async def test_the_root_is_reached_while_stopped(backend, spec):
    await backend.stop(spec.workspace, 0.2)
    assert "README.md" in os.listdir(backend.machine(spec).root().fd)


SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    peer, _ = server.accept()
    data = peer.makefile("rb").read()
    peer.sendall(data[::-1])
    peer.close()
"""


async def test_dial_reaches_what_listens_inside(backend, spec):
    import sys

    handle = await backend.machine(spec).spawn(SpawnSpec(process="pr_server", argv=[sys.executable, "-c", SERVER]))
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle.stdout, ready.set)
    await asyncio.wait_for(ready.wait(), PATIENCE)
    loop.remove_reader(handle.stdout)
    port = int(os.read(handle.stdout, 100))
    machine = backend.machine(spec)
    assert port in [listening.port for listening in await machine.listening()]
    stream = await machine.dial(port)
    await stream.send(b"abc")
    await stream.send_eof()
    assert await asyncio.wait_for(stream.receive(), PATIENCE) == b"cba"
    assert await asyncio.wait_for(stream.receive(), PATIENCE) == b""
    await stream.aclose()
    await handle.kill_tree(0.1)
    handle.close()


async def test_ports_of_others_cannot_be_reached(backend, spec):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises((PortForbidden, PortRefused)):
            await backend.machine(spec).dial(port)
    finally:
        server.close()
        await server.wait_closed()


async def test_stats_count_what_runs(backend, spec):
    # a shell that waits, for a process that is just executing a program has no memory yet
    handle = await sleeper(backend, spec, "echo up; sleep 600; true")
    stats = await backend.stats(spec.workspace)
    assert stats.processes >= 1
    assert stats.memory > 0
    await handle.kill_tree(0.1)
    handle.close()
