"""Fixtures of the client's tests: a daemon that misbehaves on demand, and a client of it."""

from __future__ import annotations

import nexus_sdk
import pytest
from fake_daemon import FakeDaemon, workspace_record


@pytest.fixture
async def fake():
    """A fake daemon on a loopback port."""
    async with FakeDaemon() as daemon:
        yield daemon


@pytest.fixture
async def nexus(fake):
    """A client connected to it."""
    async with nexus_sdk.connect(fake.url, "t0ken", reconnect_timeout=5, environ={}) as client:
        yield client


@pytest.fixture
async def workspace(fake, nexus):
    """A workspace of it."""

    async def get(call):
        return workspace_record()

    fake.handlers["workspace.get"] = get
    return await nexus.workspaces.get("demo")
