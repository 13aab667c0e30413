"""A daemon that finds keepers of another version on this host."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from host_bench import alive, eventually
from nexusd.backends.keeper.upgrading import about
from other_inits import MakeInit, make_init
from test_host_keepers import Host

__all__ = ["make_init"]


@pytest.fixture
async def host(tmp_path: Path, nexus_init: Path) -> AsyncIterator[Host]:
    made = Host(tmp_path, nexus_init)
    yield made
    await made.backend.destroy(made.spec.workspace)
    await made.backend.close()


async def test_the_next_daemon_puts_its_program_in_place(host: Host, make_init: MakeInit, nexus_init: Path) -> None:
    await host.open(make_init())
    handle = await host.spawn("sh", "-c", "read go; exit 7", stdin=True)
    before = host.backend._keepers.live(host.spec.workspace)
    assert before is not None and before.build == "other"
    await host.again()
    after = host.backend._keepers.live(host.spec.workspace)
    assert after is not None and (after.build, after.boot) == ((await about(nexus_init)).build, before.boot)
    [kept] = await host.backend.machine(host.spec).adopt()
    assert (kept.process, kept.pid) == (handle.process, handle.pid)
    assert kept.kept is not None and kept.kept.write(b"go\n") == 3
    assert (await kept.wait()).code == 7


async def test_one_that_cannot_be_spoken_to_gives_way_to_one_that_can(
    host: Host, make_init: MakeInit, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = make_init(version="0.2.0", protocol=2)
    with monkeypatch.context() as patch:
        # the daemon that it belonged to
        patch.setattr("nexusd.backends.keeper.handshake.PROTOCOL", 2)
        await host.open(strange)
        handle = await host.spawn("sleep", "1000")
    with caplog.at_level(logging.ERROR):
        await host.again()
    assert "0.2.0" in caplog.text and "is newer than this daemon" in caplog.text
    await eventually(lambda: not alive(handle.pid))
    assert await host.output("echo", "again") == b"again\n"
