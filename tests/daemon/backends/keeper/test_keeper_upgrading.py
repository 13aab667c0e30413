"""A nexus-init that is not the one of this installation: replaced where it can be, else refused or left alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from kept_machine import KeptMachine
from nexus_sdk.protocol.errors import BackendFailed
from nexusd.backends.base import Growth, MachineSpec, ProcessHandle, SpawnSpec
from nexusd.backends.keeper.keeper import Keeper, KeeperRefused
from nexusd.backends.keeper.upgrading import about, current
from nexusd.processes.log import OutputLog
from other_inits import MakeInit

PATIENCE = 30
COUNT = "for i in $(seq 1 40); do echo $i; sleep 0.02; done; exit 4"

Run = Callable[[Path], Awaitable[KeptMachine]]


@pytest.fixture
async def run(tmp_path: Path, nexus_init: Path) -> AsyncIterator[Run]:
    """Starts a machine whose keeper is the given program."""
    (tmp_path / "worktree").mkdir()
    spec = MachineSpec(
        workspace="ws_test", name="test", worktree=str(tmp_path / "worktree"), env={}, ports={}, generation=1
    )
    machines: list[KeptMachine] = []

    async def start(program: Path) -> KeptMachine:
        machine = KeptMachine(spec, tmp_path / "run", lambda id: tmp_path / f"{id}.log", program)
        machines.append(machine)
        return machine

    yield start
    for machine in machines:
        if machine.process.poll() is None:
            machine.process.kill()
        await asyncio.to_thread(machine.process.wait, 10)
        if machine.keeper is not None:
            await machine.keeper.close()


async def spawn(machine: KeptMachine, script: str, process: str = "pr_one") -> ProcessHandle:
    log = machine.log_of(process)
    return await machine.spawn(SpawnSpec(process=process, argv=["sh", "-c", script], log=log, capacity=1 << 20))


async def output(handle: ProcessHandle) -> str:
    """All that it writes until its end."""
    assert handle.kept is not None
    log = OutputLog.kept(handle.kept.log, 1 << 20)
    ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def grown(now: Growth) -> None:
        log.grown(now.start, now.end, now.first_run, now.from_run, now.runs)

    handle.kept.watch(grown, ended.set_result, lambda why, reason: None)
    assert await asyncio.wait_for(ended, PATIENCE)
    text = b""
    while (chunk := log.read(len(text), 65536)) is not None:
        text += chunk.data
    return text.decode()


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9", "made by hand"])
async def test_another_build_is_replaced_under_a_process(
    run: Run, make_init: MakeInit, nexus_init: Path, version: str
) -> None:
    machine = await run(make_init(version=version.replace(" ", "_")))
    keeper = await machine.connect()
    assert keeper.build == "other"
    handle = await spawn(machine, COUNT)
    boot, pid = keeper.boot, keeper.pid
    await current(keeper, nexus_init)
    ours = await about(nexus_init)
    assert (keeper.build, keeper.version, keeper.boot, keeper.pid) == (ours.build, ours.version, boot, pid)
    assert await output(handle) == "".join(f"{i}\n" for i in range(1, 41))
    assert (await handle.wait()).code == 4


async def forbidden(program: Path, build: str) -> None:
    raise AssertionError("it was upgraded")


async def test_the_same_build_is_left_alone(run: Run, nexus_init: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = await (await run(nexus_init)).connect()
    monkeypatch.setattr(keeper, "upgrade", forbidden)
    await current(keeper, nexus_init)
    assert keeper.build == (await about(nexus_init)).build


async def test_a_newer_version_is_left_alone(
    run: Run, make_init: MakeInit, nexus_init: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = await (await run(make_init(version="0.10.0"))).connect()
    monkeypatch.setattr(keeper, "upgrade", forbidden)
    await current(keeper, nexus_init)
    assert (keeper.version, keeper.build) == ("0.10.0", "other")


@pytest.mark.parametrize("why", ["handover", "broken", "absent", "liar"])
async def test_an_upgrade_that_fails_is_a_warning(
    run: Run,
    make_init: MakeInit,
    nexus_init: Path,
    tmp_path: Path,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = await run(nexus_init)
    keeper = await machine.connect()
    handle = await spawn(machine, COUNT)
    before = keeper.build
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no\n")
    liar = tmp_path / "liar"
    liar.write_text('#!/bin/sh\necho \'{"version":"0.2.0","build":"b","protocols":[1],"handovers":[1]}\'\n')
    for script in (broken, liar):
        script.chmod(0o755)
    program = {
        "handover": lambda: make_init(build="later", handover=2),
        "broken": lambda: broken,
        "absent": lambda: tmp_path / "absent",
        "liar": lambda: liar,
    }[why]()
    with caplog.at_level(logging.WARNING, "nexusd.backends.keeper"):
        await current(keeper, program)
    assert f"({before}) goes on as it is" in caplog.text
    assert keeper.build == before and not keeper.closed.done()
    assert await output(handle) == "".join(f"{i}\n" for i in range(1, 41))
    again = await spawn(machine, "echo more", "pr_two")
    assert await output(again) == "more\n"


async def test_a_keeper_that_does_not_come_back_is_no_warning(
    run: Run, make_init: MakeInit, nexus_init: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = await run(make_init())
    keeper = await machine.connect()

    async def killed(program: Path, build: str) -> None:
        machine.process.kill()
        await asyncio.to_thread(machine.process.wait, 10)
        keeper.lose()
        raise BackendFailed("it did not come back", backend="test", step="upgrade", reason="killed")

    monkeypatch.setattr(keeper, "upgrade", killed)
    with pytest.raises(BackendFailed):
        await current(keeper, nexus_init)


@pytest.mark.parametrize(
    ("version", "protocol", "word", "advice"),
    [("0.0.9", 0, "older", "NAME"), ("0.2.0", 2, "newer", "Or upgrade the daemon")],
)
async def test_another_protocol_is_refused_and_what_runs_is_not_touched(
    run: Run, make_init: MakeInit, version: str, protocol: int, word: str, advice: str
) -> None:
    machine = await run(make_init(version=version, protocol=protocol))
    with pytest.raises(KeeperRefused, match=f"{version}.* is {word} than this daemon.*protocol {protocol}") as refused:
        await Keeper.connect(machine.socket, machine.secret, log_of=machine.log_of)
    assert "boulder workspace restart" in refused.value.hint and refused.value.hint.endswith(advice)
    assert machine.process.poll() is None


async def test_a_program_is_asked_once_which_it_is(nexus_init: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await about(nexus_init)
    assert first.protocols == [1] and first.build != "unknown"
    monkeypatch.setattr("nexusd.backends.keeper.upgrading._ask", forbidden)
    assert await about(nexus_init) is first
