"""The audit log: who changed what, from where, and what came of it. One JSON object per line.

The intent is in the file before anything is done, the outcome after; an intent without an outcome was interrupted.
Params are not written, only what a caller chooses to name, redacted: an audit log is read by more people than the
things it speaks of.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from nexus_sdk.protocol.errors import StorageFull

from nexusd.ids import new_id
from nexusd.observe.redact import MASK, Secret, escape, is_secret_name, redact

log = logging.getLogger(__name__)

LIMIT = 16 * 1024 * 1024
"""Bytes of one file before it is put aside."""

KEEP = 8
"""Files that are kept beside the current one."""

LONGEST = 1024
"""Characters of one value."""

_encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One line. What is None is not written."""

    time: str
    event: str
    id: str
    actor: str | None = None
    method: str | None = None
    target: str | None = None
    address: str | None = None
    connection: str | None = None
    result: str | None = None
    details: Any = None


class AuditLog:
    """An audit log, open for appending. Thread-safe.

    Args:
        path: the file; older ones are ``<path>.1``, the newest, up to ``<path>.<keep>``.
        limit: bytes of one file.
        keep: files kept beside it.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT, keep: int = KEEP) -> None:
        self._path = path
        self._limit = limit
        self._keep = keep
        self._lock = threading.Lock()
        self._file = self._open()
        self._size = os.fstat(self._file).st_size

    def intent(
        self,
        *,
        actor: str,
        method: str,
        target: str | None = None,
        address: str | None = None,
        connection: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Write that something is about to be done; returns the id that its outcome is written under.

        Args:
            actor: the subject.
            method: the method.
            target: the id of the workspace, or whatever it is done to.
            address: where the actor is connected from.
            connection: the connection's id.
            details: what else should be known; never whole params.

        Raises:
            StorageFull: there is no room. What cannot be audited is not to be done.
            OSError: the file cannot be written to.
        """
        id = new_id("au")
        line = _Line(
            time=_now(),
            event="intent",
            id=id,
            actor=_known(actor),
            method=_known(method),
            target=None if target is None else _known(target),
            address=None if address is None else _text(address),
            connection=None if connection is None else _text(connection),
            details=_clean("details", details) if details else None,
        )
        try:
            self._write(line)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(f"no space left for {self._path}", path=str(self._path)) from error
            raise
        return id

    def outcome(self, id: str, result: str = "ok", *, details: Mapping[str, Any] | None = None) -> None:
        """Write what came of an intent. Never raises: it has happened, and failing now would deny it.

        Args:
            id: what `intent` returned.
            result: ``ok``, or the name of the error.
            details: what else should be known.
        """
        line = _Line(
            time=_now(),
            event="outcome",
            id=id,
            result=_known(result),
            details=_clean("details", details) if details else None,
        )
        try:
            self._write(line)
        except OSError as error:
            log.error("the outcome of %s (%s) could not be written to %s: %s", id, result, self._path, error)

    def reopen(self) -> None:
        """Open the file by its name again, after something else has moved it away."""
        with self._lock:
            os.close(self._file)
            self._file = self._open()
            self._size = os.fstat(self._file).st_size

    def close(self) -> None:
        """Make what was written durable and close. Closing twice is harmless."""
        with self._lock:
            if self._file >= 0:
                with contextlib.suppress(OSError):
                    os.fsync(self._file)
                os.close(self._file)
                self._file = -1

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self._path, flags, 0o600)

    def _write(self, line: _Line) -> None:
        data = _encode(line) + b"\n"
        with self._lock:
            if self._file < 0:
                raise OSError(errno.EBADF, "the audit log is closed")
            if self._size and self._size + len(data) > self._limit:
                self._rotate()
            try:
                written = os.write(self._file, data)
                if written < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                # half a line would spoil the next one
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._size)
                raise
            self._size += written

    def _rotate(self) -> None:
        for number in range(self._keep - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        if self._keep:
            os.replace(self._path, f"{self._path}.1")
        else:
            os.unlink(self._path)
        os.close(self._file)
        self._file = self._open()
        self._size = 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, Secret) or is_secret_name(name):
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(name, item) for item in value]
    return _text(value)


def _text(value: object) -> str:
    text = redact(str(value)[: 16 * LONGEST])
    return escape(text if len(text) <= LONGEST else text[:LONGEST] + "…")


# Subjects, methods and workspaces come again and again, and cleaning one takes longer than writing a line.
_known = lru_cache(maxsize=256)(_text)
