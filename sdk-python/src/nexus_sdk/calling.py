"""What a call is, whatever carries it: its params, its deadline, its result, and the errors of getting there.

Shared by the connection and by single calls; nothing here imports an event loop.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from nexus_sdk.discovery import Address
from nexus_sdk.exceptions import ConnectionFailed, ProtocolViolation
from nexus_sdk.protocol.errors import InvalidParams, MessageTooLarge, NexusError, Unauthenticated
from nexus_sdk.protocol.methods import METHODS, Method
from nexus_sdk.wire.messages import ErrorResponse

__all__ = ["check_size", "deadline", "decode_result", "find", "prepare", "refusal", "remote_error", "unreachable"]

MARGIN = 15.0
"""Seconds that an answer may be later than the daemon's own deadline."""


def find(method: str) -> Method | None:
    """Return what the schema says of a method that is to be called; None of one that it does not know.

    Raises:
        InvalidParams: it is a stream.
    """
    spec = METHODS.get(method)
    if spec is not None and spec.kind == "stream":
        raise InvalidParams(f"{method} is a stream, not a call", path="$", reason="a stream method")
    return spec


def prepare(spec: Method | None, params: Any, *, progress: bool = False, auto_key: bool = True) -> Any:
    """Return params as their struct, with a key where the method takes one and none was given.

    Raises:
        InvalidParams: they are not what the schema says.
    """
    if spec is None or spec.params is None:
        return params
    if not isinstance(params, msgspec.Struct):
        try:
            params = msgspec.convert({} if params is None else params, spec.params)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at ")
            path = place.strip("`") or "$"
            raise InvalidParams(f"{spec.name}: {error}", path=path, reason=reason) from None
    changes: dict[str, Any] = {}
    if spec.keyed and auto_key and getattr(params, "key", None) is msgspec.UNSET:
        import secrets

        changes["key"] = secrets.token_urlsafe(18)
    if spec.progress and progress:
        changes["progress"] = True
    return msgspec.structs.replace(params, **changes) if changes else params


def deadline(spec: Method | None, params: Any) -> float:
    """Seconds after which an answer is overdue: the method's deadline, or the one in its params, and a margin."""
    if spec is None:
        return 60.0
    limit = spec.timeout_ms
    if limit is None:
        limit = getattr(params, "timeout_ms", None)
        if not limit:
            return math.inf
    return limit / 1000 + MARGIN


def check_size(method: str, encoded: bytes, limit: int) -> None:
    """Raise MessageTooLarge when a request takes more than `limit` bytes."""
    if len(encoded) > limit:
        raise MessageTooLarge(
            f"the params of {method} take {len(encoded)} bytes; the daemon accepts {limit}",
            limit="max_message",
            value=limit,
        )


@cache
def _decoder(result: Any) -> Callable[[msgspec.Raw], Any]:
    return msgspec.json.Decoder(result).decode


def decode_result(method: str, spec: Method | None, raw: msgspec.Raw) -> Any:
    """Decode a result into its struct; that of an unknown method into JSON types.

    Raises:
        ProtocolViolation: it is not what the schema says.
    """
    try:
        return _decoder(Any if spec is None or spec.result is None else spec.result)(raw)
    except msgspec.DecodeError as error:
        raise ProtocolViolation(
            f"the result of {method} is not what the schema says: {error}", may_have_run=True
        ) from None


def remote_error(message: ErrorResponse) -> NexusError:
    """Return the exception of an error that the daemon answered with."""
    error = NexusError.from_wire(message.error.code, message.error.message, message.error.data)
    if error.name in ("deadline_exceeded", "outcome_unknown"):
        error.may_have_run = True
    return error


def refusal(status: int, body: bytes, address: Address) -> NexusError:
    """Translate the HTTP status with which the daemon refused a request; its body is `{"error": {...}}`."""
    message, hint = f"{address} refused the connection with HTTP {status}", None
    try:
        told = json.loads(body or b"{}")["error"]
        message, hint = f"{address} refused the connection: {told['message']}", told.get("hint")
    except (ValueError, KeyError, TypeError):
        pass
    if status == 401:
        return Unauthenticated(message, hint=hint)
    return ConnectionFailed(message, hint=hint, status=status)


def unreachable(address: Address, error: BaseException) -> ConnectionFailed:
    """Say that nothing answers at an address, and why."""
    said = error.strerror if isinstance(error, OSError) else None
    reason = "no answer in time" if isinstance(error, TimeoutError) else said or str(error) or type(error).__name__
    hint = "start the daemon with `boulder daemon start`" if address.loopback else "check the URL and the network"
    return ConnectionFailed(f"cannot connect to {address}: {reason}", hint=hint)
