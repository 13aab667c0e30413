"""Whose work is being done: the connection, call and workspace that log records are marked with.

Context variables, so that tasks inherit them and threads started by `asyncio.to_thread` do, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

connection_id: ContextVar[str | None] = ContextVar("nexus_connection", default=None)
call_id: ContextVar[str | None] = ContextVar("nexus_call", default=None)
workspace_id: ContextVar[str | None] = ContextVar("nexus_workspace", default=None)

VARIABLES: tuple[tuple[str, ContextVar[str | None]], ...] = (
    ("connection", connection_id),
    ("call", call_id),
    ("workspace", workspace_id),
)


@contextmanager
def bound(*, connection: str | None = None, call: str | None = None, workspace: str | None = None) -> Iterator[None]:
    """Mark what is logged inside. None leaves a mark as it is."""
    tokens = [
        (variable, variable.set(value))
        for (_, variable), value in zip(VARIABLES, (connection, call, workspace), strict=True)
        if value is not None
    ]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


def current() -> dict[str, str]:
    """The marks that are set."""
    return {name: value for name, variable in VARIABLES if (value := variable.get()) is not None}
