"""Every served call is counted, and every change is audited: who wanted what done to what, and what came of it.

The intent is written before anything is done; what cannot be audited is not done. The exceptions are calls that free
space or end things, so that a full disk can be dealt with through the same door.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Protocol

from nexus_sdk.protocol.errors import InternalError, NexusError, StorageFull
from nexus_sdk.protocol.methods import METHODS, Method

from nexusd.observe.audit import AuditLog
from nexusd.observe.metrics import Metrics
from nexusd.wire.call import Call
from nexusd.wire.dispatch import Dispatcher, Handler

log = logging.getLogger(__name__)

MAKES_ROOM = frozenset(
    {
        "fs.remove",
        "checkpoint.remove",
        "workspace.destroy",
        "workspace.stop",
        "exec.signal",
        "exec.remove",
        "system.drain",
    }
)
"""Calls that are served even where their intent cannot be written."""

AUDITED_SCOPES = frozenset({"tokens", "ports:forward"})
"""Scopes of changes, besides those that end in ``:write``."""

OK = 0
CANCELLED = -1


class Calls(Protocol):
    """Where an api module registers its handlers."""

    def register(self, name: str, handler: Handler) -> None:
        """Serve a method."""
        ...


class Observer:
    """Wraps handlers as they are registered, and hears of calls that the gate refused.

    Args:
        dispatcher: where the wrapped handlers go.
        metrics: counts every call.
        audit: keeps every change.
    """

    def __init__(self, dispatcher: Dispatcher, metrics: Metrics, audit: AuditLog) -> None:
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._audit = audit

    def register(self, name: str, handler: Handler) -> None:
        """Serve a method, observed."""
        method = METHODS[name]
        if not inspect.iscoroutinefunction(handler):
            self._dispatcher.register(name, self._counted(name, handler))
        elif _is_audited(method):
            self._dispatcher.register(name, self._audited(method, handler))
        else:
            self._dispatcher.register(name, self._timed(name, handler))

    def refused(self, call: Call, error: NexusError) -> None:
        """The gate refused a call."""
        self._metrics.call(call.method.name, error.code, 0.0)
        if _is_audited(call.method):
            try:
                self._audit.outcome(self._intent(call), error.name)
            except (StorageFull, OSError) as problem:
                log.error("a refused %s could not be audited: %s", call.method.name, problem)

    def _counted(self, name: str, handler: Handler) -> Handler:
        count = self._metrics.call

        def observed(call: Call, params: Any) -> Any:
            result = handler(call, params)
            count(name, OK, 0.0)
            return result

        return observed

    def _timed(self, name: str, handler: Callable[..., Awaitable[Any]]) -> Handler:
        count = self._metrics.call

        async def observed(call: Call, params: Any, *stream: Any) -> Any:
            began = perf_counter()
            code = CANCELLED
            try:
                result = await handler(call, params, *stream)
                code = OK
                return result
            except NexusError as error:
                code = error.code
                raise
            except Exception:
                code = InternalError.code
                raise
            finally:
                count(name, code, perf_counter() - began)

        return observed

    def _audited(self, method: Method, handler: Callable[..., Awaitable[Any]]) -> Handler:
        timed = self._timed(method.name, handler)

        async def observed(call: Call, params: Any, *stream: Any) -> Any:
            try:
                intent = self._intent(call)
            except (StorageFull, OSError) as problem:
                if method.name not in MAKES_ROOM:
                    raise
                log.error("%s is served although it cannot be audited: %s", method.name, problem)
                return await timed(call, params, *stream)
            outcome = "cancelled"
            try:
                result = await timed(call, params, *stream)
                outcome = "ok"
                return result
            except NexusError as error:
                outcome = error.name
                raise
            except Exception:
                outcome = InternalError.name
                raise
            finally:
                self._audit.outcome(intent, outcome)

        return observed

    def _intent(self, call: Call) -> str:
        workspace = call.workspace.id if call.workspace is not None else None
        thing = getattr(call.params, call.method.target, None) if call.method.target else None
        return self._audit.intent(
            actor=call.identity.subject,
            method=call.method.name,
            target=workspace or (str(thing)[:128] if thing is not None else None),
            details={call.method.target: thing} if call.method.target in ("process", "operation") else None,
        )


def _is_audited(method: Method) -> bool:
    scope = method.scope or ""
    return scope.endswith(":write") or scope in AUDITED_SCOPES
