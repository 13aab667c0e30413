"""From an exception to the error that is sent.

A NexusError is sent as it is. Anything else is a fault of the daemon: it is logged under an incident id, and only that
id leaves the daemon.
"""

from __future__ import annotations

import logging
import secrets

from nexus_sdk.protocol.errors import Cancelled, DeadlineExceeded, InternalError, NexusError
from nexus_sdk.protocol.methods import Method
from nexus_sdk.wire.messages import MessageId, encode_error

__all__ = ["as_error", "deadline_exceeded", "encode_fault", "withdrawn"]

_log = logging.getLogger("nexusd.wire")


def as_error(error: BaseException, method: Method | None = None) -> NexusError:
    """Return the error to send for what a handler raised.

    An exception group, as task groups raise, counts as the first protocol error in it.
    """
    found = _find(error)
    if found is not None:
        return found
    incident = secrets.token_hex(6)
    name = method.name if method is not None else None
    _log.error(
        "unexpected %s in %s (incident %s)",
        type(error).__name__,
        name or "dispatch",
        incident,
        exc_info=error,
        extra={"incident": incident, "method": name},
    )
    return InternalError(f"internal error; incident {incident}", incident=incident)


def encode_fault(id: MessageId | None, error: NexusError) -> bytes:
    """Return the answer that carries `error`."""
    wire = error.to_wire()
    return encode_error(id, wire["code"], wire["message"], wire["data"])


def withdrawn(method: Method) -> Cancelled:
    """The error of a call that its caller cancelled."""
    may_have_run = not method.idempotent
    hint = "part of it may have happened; look at the state of the thing" if may_have_run else None
    return Cancelled(f"{method.name} was cancelled", hint=hint, may_have_run=may_have_run)


def deadline_exceeded(method: Method) -> DeadlineExceeded:
    """The error of a call that ran into its method's deadline."""
    timeout_ms = method.timeout_ms or 0
    return DeadlineExceeded(
        f"{method.name} took longer than {timeout_ms} ms",
        may_have_run=not method.idempotent,
        timeout_ms=timeout_ms,
    )


def _find(error: BaseException) -> NexusError | None:
    if isinstance(error, NexusError):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            found = _find(inner)
            if found is not None:
                return found
    return None
