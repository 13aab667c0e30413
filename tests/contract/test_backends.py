"""What every backend promises (`nexusd.backends.base`), run against each of them with real processes."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from daemon_process import make_repository
from docker_backend import make_backend
from engine import BASE, engine  # noqa: F401 - a fixture
from nexus_sdk.protocol.errors import CommandNotFound, CwdInvalid, OptionUnsupported, PortForbidden, PortRefused
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.base import Backend, MachineSpec, SpawnSpec
from nexusd.backends.docker.helper import NexusInit
from nexusd.backends.host.backend import HostBackend
from nexusd.backends.host.keepers import Keeping
from nexusd.backends.keeper.binary import binary
from nexusd.backends.mock.backend import MockBackend
from process_output import CAPACITY, PATIENCE, Output, feed

SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    peer, _ = server.accept()
    while data := peer.recv(65536):
        peer.sendall(data)
    peer.close()
"""


class Made:
    """Makes one backend after another on the same state, as one daemon after the other does.

    Attributes:
        server: a program that says on which port it listens, and sends back what it is sent.
    """

    server = (sys.executable, "-c", SERVER)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "output").mkdir()

    def log_of(self, process: str) -> Path:
        return self.folder / "output" / f"{process}.log"


class HostMade(Made):
    def __call__(self) -> Backend:
        return HostBackend(self.folder / "state")


class KeptMade(Made):
    def __call__(self) -> Backend:
        run = self.folder / "keepers"
        return HostBackend(self.folder / "state", Keeping(binary(), run, self.log_of))


class MockMade(Made):
    def __call__(self) -> Backend:
        return MockBackend(self.folder / "state")


class DockerMade(Made):
    server = ("sh", "-c", "echo 7123; exec nc -ll -p 7123 -e cat")

    def __init__(self, folder: Path, host: str) -> None:
        super().__init__(folder)
        self.host = host

    def __call__(self) -> Backend:
        return make_backend(self.folder, self.host, helper=NexusInit(self.log_of, self.folder / "programs"))


@pytest.fixture(params=["docker", "host", "kept", "mock"])
def make(request, tmp_path):
    """Makes backends of one kind: plain processes, the same kept by nexus-init, with faults, and containers."""
    if request.param in ("docker", "kept"):
        request.getfixturevalue("nexus_init")
    if request.param == "docker":
        return DockerMade(tmp_path, request.getfixturevalue("engine").host)
    return {"host": HostMade, "kept": KeptMade, "mock": MockMade}[request.param](tmp_path)


@pytest.fixture
async def machines(make):
    """A backend, and nothing on it."""
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
async def spec(machines, tmp_path):
    """A workspace that runs."""
    worktree = make_repository(tmp_path / "worktree")
    made = spec_for(worktree)
    await machines.create(made)
    await machines.start(made)
    yield made
    await machines.destroy(made.workspace)


@pytest.fixture
def spawn(machines, spec, make):
    """Starts processes in it: `async with spawn("pr_name", "argv", …) as (handle, output)`."""

    @asynccontextmanager
    async def spawned(process: str, *argv: str, **options):
        handle = await machines.machine(spec).spawn(
            SpawnSpec(process=process, argv=argv, log=make.log_of(process), capacity=CAPACITY, **options)
        )
        output = Output(handle)
        try:
            yield handle, output
        finally:
            output.close()

    return spawned


async def ended(handle):
    return await asyncio.wait_for(handle.wait(), PATIENCE)


async def state_of(backend, workspace: str) -> str:
    return next((status.state for status in await backend.list() if status.workspace == workspace), "absent")


async def until(condition, what: str):
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {PATIENCE} s")


def alive(process: str) -> set[int]:
    """The process and all that descends from it, as this node sees them: each has its id in its environment."""
    found, mark = set(), f"NEXUS_PROCESS={process}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
        except OSError:
            continue  # it has ended, and one that has ended has no environment
    return found


def spent(process: str) -> int:
    """Clock ticks that they have computed for."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in alive(process)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats)


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


async def test_a_process_has_the_environment_and_the_directory(machines, spec, spawn):
    script = 'echo "$GREETING $EXTRA $NEXUS_WORKSPACE"; pwd; echo bad >&2'
    async with spawn("pr_env", "sh", "-c", script, env={"EXTRA": "you"}, cwd="src") as (handle, output):
        said = (await output.all()).decode().splitlines()
        exit = await ended(handle)
    assert said == [f"hello you {spec.workspace}", f"{machines.root(spec.worktree)}/src"]
    assert (exit.code, exit.signal) == (0, None)
    assert output.errors == b"bad\n"


async def test_exit_codes_and_signals_are_told_apart(spawn):
    async with spawn("pr_code", "sh", "-c", "exit 7") as (handle, _):
        exit = await ended(handle)
        assert (exit.code, exit.signal) == (7, None)
    async with spawn("pr_signal", "sh", "-c", "kill -9 $$") as (handle, _):
        exit = await ended(handle)
        assert (exit.code, exit.signal) == (None, signal.SIGKILL)


async def test_what_cannot_be_started_is_named(spawn):
    for error, argv, cwd in (
        (CommandNotFound, "no-such-command-anywhere", "."),
        (CwdInvalid, "true", "nowhere"),
        (CwdInvalid, "true", "../.."),
    ):
        with pytest.raises(error):
            async with spawn("pr_none", argv, cwd=cwd):
                pass
    assert alive("pr_none") == set()


async def test_stdin_arrives_and_ends(spawn):
    async with spawn("pr_cat", "cat", stdin=True) as (handle, output):
        await feed(handle, b"to and fro")
        await output.until(b"to and fro")
        await feed(handle, b" and over")
        handle.close_stdin()
        assert await output.all() == b"to and fro and over"
        assert (await ended(handle)).code == 0


async def test_stdin_is_closed_unless_asked_for(spawn):
    async with spawn("pr_cat", "cat") as (handle, output):
        assert await output.all() == b""
        assert (await ended(handle)).code == 0


async def test_a_large_output_comes_whole_and_each_channel_in_order(spawn):
    script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo out $i; [ $((i % 100)) -gt 0 ] || echo err $i >&2; done"
    async with spawn("pr_large", "sh", "-c", script) as (handle, output):
        said = await output.all()
        assert (await ended(handle)).code == 0
    assert said == b"".join(b"out %d\n" % number for number in range(1, 20001))
    assert output.errors == b"".join(b"err %d\n" % number for number in range(100, 20001, 100))


async def test_a_terminal_has_its_size_and_can_be_resized(spawn):
    script = "stty size; read x; stty size; tty >/dev/null && echo tty"
    async with spawn("pr_tty", "sh", "-c", script, pty=(91, 33)) as (handle, output):
        await output.until(b"33 91")
        handle.resize(101, 44)
        await feed(handle, b"\n")
        data = (await output.all()).decode()
        assert (await ended(handle)).code == 0
    assert "44 101" in data
    assert "tty" in data.splitlines()[-1]


async def test_a_signal_to_the_group_reaches_everything(spawn):
    async with spawn("pr_group", "sh", "-c", "sleep 600 & setsid sleep 601 & echo up; wait") as (handle, output):
        await output.until(b"up")
        await until(lambda: len(alive("pr_group")) == 3, "the start of the descendants")
        await handle.signal(signal.SIGKILL)
        assert (await ended(handle)).signal == signal.SIGKILL
        await until(lambda: not alive("pr_group"), "the end of the descendants")


async def test_a_signal_to_the_process_alone_reaches_no_other(spawn):
    script = (
        "trap 'echo told' USR1; (trap 'echo wrong' USR1; echo up; while :; do sleep 0.1; done) & wait; wait; exit 3"
    )
    async with spawn("pr_alone", "sh", "-c", script) as (handle, output):
        await output.until(b"up")
        await handle.signal(signal.SIGUSR1, group=False)
        await output.until(b"told")
        await handle.kill_tree(0.1)
        assert b"wrong" not in await output.all()


async def test_stop_ends_everything_that_ignores_us_too(machines, spec, spawn):
    script = "trap '' TERM HUP INT; (trap '' TERM; setsid sleep 600) & echo up; while :; do sleep 1; done"
    async with spawn("pr_stubborn", "sh", "-c", script) as (handle, output):
        await output.until(b"up")
        await machines.stop(spec.workspace, 0.2)
        assert alive("pr_stubborn") == set()
        await ended(handle)
    assert (await machines.stats(spec.workspace)).processes == 0


async def test_a_shell_that_ignores_term_is_hung_up(spawn):
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    async with spawn("pr_shell", "sh", "-c", script, pty=(80, 24)) as (handle, output):
        await output.until(b"up")
        await handle.kill_tree(PATIENCE)
        assert (await ended(handle)).signal == signal.SIGHUP


async def test_programs_have_the_file_limit_that_the_daemon_was_started_with(machines, spawn):
    if machines.capabilities.isolation != "none":
        return  # there it is the engine's to say
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft + 16 if soft + 16 <= hard else soft - 16, hard))
    started = spawn("pr_limit", "sh", "-c", "read x; ulimit -n", stdin=True)
    try:
        handle, output = await started.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # The limit is set once the program is there, so from when `spawn` has returned it holds for sure.
    try:
        handle.close_stdin()
        assert int(await output.all()) == soft
        await ended(handle)
    finally:
        await started.__aexit__(None, None, None)


async def test_pause_freezes_and_resume_thaws(machines, spec, spawn):
    async with spawn("pr_busy", "sh", "-c", "echo up; while :; do :; done") as (handle, output):
        await output.until(b"up")
        await machines.pause(spec.workspace)
        assert await state_of(machines, spec.workspace) == "paused"
        # What was sent to stop may compute to the end of its slice.
        await asyncio.sleep(0.1)
        before = spent("pr_busy")
        await asyncio.sleep(0.2)
        assert spent("pr_busy") == before
        await machines.resume(spec.workspace)
        assert await state_of(machines, spec.workspace) == "running"
        await until(lambda: spent("pr_busy") > before, "the thaw")
        await handle.kill_tree(0.1)


async def test_files_are_reached_through_the_root(machines, spec, spawn):
    root = machines.machine(spec).root()
    fd = os.open("README.md", os.O_RDONLY, dir_fd=root.fd)
    try:
        assert os.read(fd, 100) == b"# Example\n"
    finally:
        os.close(fd)
    async with spawn("pr_where", "sh", "-c", "pwd; cat README.md") as (_, output):
        assert (await output.all()).decode() == f"{root.path}\n# Example\n"


async def test_the_root_is_reached_while_stopped(machines, spec):
    await machines.stop(spec.workspace, 0.2)
    assert "README.md" in os.listdir(machines.machine(spec).root().fd)


async def test_dial_reaches_what_listens_inside(machines, spec, spawn, make):
    machine = machines.machine(spec)
    async with spawn("pr_server", *make.server) as (handle, output):
        port = int(await output.until(b"\n"))

        async def listens():
            return port in [listening.port for listening in await machine.listening()]

        for _ in range(int(PATIENCE / 0.02)):
            if await listens():
                break
            await asyncio.sleep(0.02)
        assert await listens()
        stream = await machine.dial(port)
        await stream.send(b"abc")
        assert await asyncio.wait_for(stream.receive(), PATIENCE) == b"abc"
        await stream.send_eof()
        assert await asyncio.wait_for(stream.receive(), PATIENCE) == b""
        await stream.aclose()
        await handle.kill_tree(0.1)


async def test_ports_of_others_cannot_be_reached(machines, spec):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises((PortForbidden, PortRefused)):
            await machines.machine(spec).dial(port)
    finally:
        server.close()
        await server.wait_closed()


async def test_stats_count_what_runs(machines, spec, spawn):
    # a shell that waits, for a process that is just executing a program has no memory yet
    async with spawn("pr_sleeper", "sh", "-c", "echo up; sleep 600; true") as (handle, output):
        await output.until(b"up")
        stats = await machines.stats(spec.workspace)
        assert stats.processes >= 1
        assert stats.memory > 0
        await handle.kill_tree(0.1)


async def test_what_survives_is_taken_up_by_the_next_daemon(machines, make, tmp_path):
    if not machines.capabilities.survives_daemon:
        return
    made = spec_for(make_repository(tmp_path / "worktree"))
    await machines.create(made)
    await machines.start(made)
    argv = ["sh", "-c", "echo one; read x; echo two; exit 5"]
    before = await machines.machine(made).spawn(
        SpawnSpec(process="pr_kept", argv=argv, log=make.log_of("pr_kept"), capacity=CAPACITY, stdin=True)
    )
    output = Output(before)
    await output.until(b"one\n")
    output.close()
    await machines.close()
    other = make()
    await other.open()
    try:
        (handle,) = await other.machine(made).adopt()
        assert (handle.process, handle.pid, handle.started) == (before.process, before.pid, before.started)
        output = Output(handle)
        await feed(handle, b"\n")
        assert await output.all() == b"one\ntwo\n"
        assert (await ended(handle)).code == 5
        output.close()
    finally:
        await other.destroy(made.workspace)
        await other.close()


async def test_a_machine_is_saved_and_made_anew(machines, spec, spawn, tmp_path):
    """Whoever starts a frozen machine thaws it: that is how it goes on after it was saved."""
    assert machines.capabilities.checkpoint
    async with spawn("pr_saved", "sh", "-c", "while :; do :; done") as (handle, _):
        await machines.pause(spec.workspace)
        for _ in range(2):
            assert await machines.checkpoint(spec, "cp_contract") >= 0
        await machines.start(spec)
        before = spent("pr_saved")
        await until(lambda: spent("pr_saved") > before, "going on")
        await handle.kill_tree(1)
    assert await machines.saved(spec.workspace, "cp_contract")
    await machines.stop(spec.workspace, 1)
    for _ in range(2):
        await machines.restore(spec, "cp_contract")
        assert await state_of(machines, spec.workspace) == "stopped"
    await machines.start(spec)
    async with spawn("pr_after", "sh", "-c", "echo $GREETING") as (handle, output):
        assert (await output.all(), (await ended(handle)).code) == (b"hello\n", 0)
    for _ in range(2):
        await machines.forget(spec.workspace, "cp_contract")
    assert await state_of(machines, spec.workspace) == "running"


async def test_a_fork_of_a_machine_stands_by_itself(machines, spec, tmp_path):
    assert machines.capabilities.fork
    await machines.checkpoint(spec, "cp_contract")
    fork = spec_for(make_repository(tmp_path / "fork"), "ws_fork")
    try:
        for _ in range(2):
            await machines.fork(fork, spec.workspace, "cp_contract")
        assert await state_of(machines, fork.workspace) == "stopped"
        await machines.stop(spec.workspace, 1)
        await machines.destroy(spec.workspace)
        await machines.start(fork)
        assert await state_of(machines, fork.workspace) == "running"
    finally:
        await machines.destroy(fork.workspace)
    assert await machines.list() == []
