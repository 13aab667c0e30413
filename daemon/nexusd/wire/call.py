"""What a handler is told about the call it serves."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal, Protocol

from nexus_sdk.protocol.methods import Method
from nexus_sdk.wire.messages import MessageId

from nexusd.wire.progress import Progress

__all__ = ["Call", "Carrier", "Interruption"]

Interruption = Literal["cancelled", "deadline", "lost", "protocol"]
"""Why a call was interrupted: the caller sent `$/cancel`, the method's deadline passed, the connection ended, or the
caller broke the rules of the call's stream."""


class Carrier(Hashable, Protocol):
    """What a handler sees of the connection that a call came by; `nexusd.wire.connection.Connection` is one."""

    identity: Any
    """Who is on the other end. Assign to it to renew it in place."""


class Call:
    """One call being served.

    Attributes:
        id: the request's id; None for a notification.
        method: its row of the method table.
        params: the decoded params, a struct of `method.params`.
        identity: who calls, as the server established it; opaque here.
        connection: the connection it came by; None for a single call by POST.
        workspace: slot that the gate fills with the workspace it resolved; opaque here.
        interruption: why the handler was cancelled, None while it was not. A handler that has to tell a caller's abort
            from a lost connection looks here when it catches `asyncio.CancelledError`.
    """

    __slots__ = ("_progress", "connection", "id", "identity", "interruption", "method", "params", "workspace")

    def __init__(
        self,
        id: MessageId | None,
        method: Method,
        params: Any,
        identity: Any,
        connection: Carrier | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.id = id
        self.method = method
        self.params = params
        self.identity = identity
        self.connection = connection
        self.workspace: Any = None
        self.interruption: Interruption | None = None
        self._progress = progress

    @property
    def key(self) -> str | None:
        """The caller-chosen key that makes a retry safe; None when there is none."""
        if not self.method.keyed:
            return None
        key = getattr(self.params, "key", None)
        return key if isinstance(key, str) else None

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the call is, if the caller asked for it; returns at once and never fails.

        Args:
            done: units done; a lower value than before is ignored.
            total: units in all; None when unknown.
            message: what is being done, for a person.
        """
        if self._progress is not None:
            self._progress.report(done, total, message)

    def end(self) -> None:
        """Note that the call is over: no progress is sent after its answer."""
        if self._progress is not None:
            self._progress.stop()
