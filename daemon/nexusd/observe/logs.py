"""Structured logs on stderr: JSON lines for machines, text for people, nothing secret in either.

Code logs with the standard library: ``log.info("workspace %s started", id, extra=fields(took_ms=12))``. What it logs
is formatted, redacted and escaped at once, and written by a thread, so that a full pipe never stops the event loop:
lines beyond the queue's bound are dropped, counted, and the count is logged.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from typing import Any, TextIO

import msgspec

from nexusd.observe.context import current
from nexusd.observe.redact import MASK, Secret, escape, is_secret_name, redact

LONGEST = 16 * 1024
"""Characters of one text that are logged."""

WAITING = 10_000
"""Lines that may wait to be written."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET = ("asyncio", "uvicorn.access", "watchfiles", "websockets")
_PRIORITIES = ((logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>"), (0, "<7>"))
_encoder = msgspec.json.Encoder(enc_hook=lambda value: clean(value))


def fields(**values: Any) -> dict[str, Any]:
    """Named values of a record, to be passed as `extra`."""
    return {"fields": values}


def clean(value: object, *, lines: bool = False) -> str:
    """Any value as text that may be logged; with `lines`, line ends are kept."""
    whole = str(value)
    text = redact(whole[: 16 * LONGEST])
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(whole)} characters in all)"
    return "\n".join(escape(line) for line in text.split("\n")) if lines else escape(text)


def _clean_field(name: str, value: Any) -> Any:
    if isinstance(value, Secret) or is_secret_name(name):
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {clean(key): _clean_field(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_field(name, item) for item in value]
    return clean(value)


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    own = getattr(record, "fields", None)
    marks = {name: clean(value) for name, value in current().items()}
    return {**marks, **{name: _clean_field(name, value) for name, value in own.items()}} if own else marks


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, then the marks and fields, then the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(record.getMessage()),
        }
        for name, value in _fields_of(record).items():
            line.setdefault(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = clean(self.formatException(record.exc_info), lines=True)
        return _encoder.encode(line).decode()


class TextFormatter(logging.Formatter):
    """One line for a person; an exception follows, each line of it set off, so that it can forge none.

    Args:
        timed: whether lines begin with the time; the journal has its own.
    """

    def __init__(self, *, timed: bool = True) -> None:
        super().__init__()
        self._timed = timed

    def format(self, record: logging.LogRecord) -> str:
        """The record's line or lines."""
        time_text = f"{_utc(record.created)} " if self._timed else ""
        details = "".join(
            f" {name}={value if isinstance(value, str) and ' ' not in value else _encoder.encode(value).decode()}"
            for name, value in _fields_of(record).items()
        )
        text = f"{time_text}{record.levelname.lower():<7} {record.name}: {clean(record.getMessage())}{details}"
        if record.exc_info and record.exc_info[0] is not None:
            exception = clean(self.formatException(record.exc_info), lines=True)
            text += "".join(f"\n    | {line}" for line in exception.split("\n"))
        return text


def _utc(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


class LogOutput(logging.Handler):
    """The handler that formats at once and writes from a thread of its own. Made by `setup`.

    Args:
        stream: where to.
        priorities: begin each line with the syslog level in brackets, as the journal reads it.
    """

    def __init__(self, stream: TextIO, *, priorities: bool = False) -> None:
        super().__init__()
        self._stream = stream
        self._priorities = priorities
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._dropped = 0
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="nexus-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line. Never blocks and never raises."""
        if self._queue.qsize() >= WAITING:
            self._dropped += 1
            return
        try:
            text = self.format(record)
        except Exception:
            # the arguments are not repeated: they may be what could not be made safe
            text = f"a record of {record.name} at {record.pathname}:{record.lineno} could not be formatted"
        if self._priorities:
            mark = next(mark for level, mark in _PRIORITIES if record.levelno >= level)
            text = "\n".join(mark + line for line in text.split("\n"))
        self._queue.put(text)

    def close(self) -> None:
        """Write what waits, at most for two seconds. Logging afterwards goes nowhere."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join(2)
        super().close()

    def _main(self) -> None:
        while (text := self._queue.get()) is not None:
            lines = [text]
            if self._dropped and self._queue.qsize() < WAITING // 2:
                dropped, self._dropped = self._dropped, 0
                lines.append(f"{dropped} lines of the log were dropped: stderr is not read fast enough")
            try:
                self._stream.write("\n".join(lines) + "\n")
                if self._queue.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                continue  # nobody reads stderr any more; the daemon's work goes on


def setup(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> LogOutput:
    """Send every record of this process to `stream`, in place of an earlier setup. Close the result at the end.

    Args:
        level: the least that is logged: debug, info, warning or error.
        format: ``json``, ``text``, or ``auto``: text on a terminal, else JSON.
        stream: where to; None is stderr.
    """
    stream = sys.stderr if stream is None else stream
    journal = _is_journal(stream)
    output = LogOutput(stream, priorities=journal)
    text = format == "text" or (format == "auto" and stream.isatty())
    output.setFormatter(TextFormatter(timed=not journal) if text else JsonFormatter())
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, LogOutput):
            root.removeHandler(handler)
            handler.close()
    root.addHandler(output)
    root.setLevel(_LEVELS[level])
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, _LEVELS[level]))
    logging.captureWarnings(True)
    return output


def _is_journal(stream: TextIO) -> bool:
    """Whether the stream goes to the journal: systemd names its device and inode (systemd.exec, JOURNAL_STREAM)."""
    wanted = os.environ.get("JOURNAL_STREAM", "")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return wanted == f"{found.st_dev}:{found.st_ino}"
