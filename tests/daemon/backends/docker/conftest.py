"""A backend on a real engine, and nothing of it left behind."""

from __future__ import annotations

import itertools

import pytest
from container_files import hostile, machines  # noqa: F401 - fixtures
from daemon_process import make_repository
from docker_backend import make_backend, spec_for
from engine import engine, own_engine  # noqa: F401 - fixtures
from other_inits import make_init  # noqa: F401 - a fixture

_NUMBERS = itertools.count(1)


@pytest.fixture
async def backend(engine, tmp_path):  # noqa: F811
    made = make_backend(tmp_path, engine.host)
    await made.open()
    yield made
    await made.close()
    engine.clear(made._instance)


@pytest.fixture
def worktree(tmp_path):
    return make_repository(tmp_path / "worktree")


@pytest.fixture
def spec(worktree, request):
    return spec_for(worktree, f"ws_test{next(_NUMBERS)}")
