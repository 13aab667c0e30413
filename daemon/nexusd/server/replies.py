"""Answers that are no method's result: refusals as JSON, and the headers that every answer carries."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import NexusError

from nexusd.server.head import Refused

__all__ = ["HARDENING", "JSON", "as_refused", "common", "refusal"]

JSON: Final = "application/json"

HARDENING: Final = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)
"""On every answer: nothing that comes from here is a page, runs, is framed or guessed at."""

_STATUS: Final = {
    "cancelled": HTTPStatus.BAD_REQUEST,
    "deadline_exceeded": HTTPStatus.GATEWAY_TIMEOUT,
    "draining": HTTPStatus.SERVICE_UNAVAILABLE,
    "etag_mismatch": HTTPStatus.PRECONDITION_FAILED,
    "file_changed": HTTPStatus.CONFLICT,
    "forbidden": HTTPStatus.FORBIDDEN,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "message_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "not_a_directory": HTTPStatus.CONFLICT,
    "not_a_file": HTTPStatus.CONFLICT,
    "operation_not_found": HTTPStatus.NOT_FOUND,
    "path_exists": HTTPStatus.CONFLICT,
    "path_not_found": HTTPStatus.NOT_FOUND,
    "permission_denied": HTTPStatus.FORBIDDEN,
    "process_not_found": HTTPStatus.NOT_FOUND,
    "storage_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "upload_mismatch": HTTPStatus.CONFLICT,
    "workspace_not_found": HTTPStatus.NOT_FOUND,
    "workspace_state": HTTPStatus.CONFLICT,
}


def as_refused(error: NexusError) -> Refused:
    """A protocol error as an HTTP answer; what has no status of its own is a bad request."""
    return Refused(_STATUS.get(error.name, HTTPStatus.BAD_REQUEST), error.name, error.message, error.hint)


def common(secure: bool = False) -> list[tuple[str, str]]:
    """The headers of every answer."""
    headers = [("date", formatdate(usegmt=True)), *HARDENING]
    if secure:
        headers.append(("strict-transport-security", "max-age=31536000"))
    return headers


def refusal(refused: Refused) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of a refusal."""
    error = {"name": refused.name, "message": str(refused), "hint": refused.hint}
    body = msgspec.json.encode({"error": error})
    headers = [*common(), ("content-type", JSON), ("content-length", str(len(body))), *refused.headers]
    return headers, body
