"""Every exception of this package.

    NexusError                      base; also the errors the daemon answers with, see nexus_sdk.protocol.errors
     +-- ConnectionFailed           no connection could be made                 (also a builtin ConnectionError)
     |    +-- DaemonNotFound        there is nothing to connect to
     +-- ConnectionLost             the connection broke and did not come back  (also a builtin ConnectionError)
     +-- ConnectionClosed           you closed it
     +-- CallTimeout                the deadline you gave has passed            (also a builtin TimeoutError)
     +-- ProtocolViolation          the peer's message breaks the schema
     +-- OutputGap                  bytes of a stream are gone
     +-- ProcessError               a command failed, where `check=True` asked to be told
     |    +-- ProcessTimeout        it ran out of time                          (also a builtin TimeoutError)
     +-- WorkspaceNotFound, PathNotFound, Forbidden, ...

Broken, closed by you and refused by the daemon are three branches, because they call for three different reactions.
`may_have_run` says whether a call that raised may still have had its effect: the answer was lost, not the call.
"""

from __future__ import annotations

from collections.abc import Sequence

from nexus_sdk.protocol.errors import NexusError

__all__ = [
    "CallTimeout",
    "ConnectionClosed",
    "ConnectionFailed",
    "ConnectionLost",
    "DaemonNotFound",
    "NexusError",
    "OutputGap",
    "ProcessError",
    "ProcessTimeout",
    "ProtocolViolation",
]

_EXCERPT = 400


class ConnectionFailed(NexusError, ConnectionError):
    """No connection could be made; nothing was sent.

    Attributes:
        status: the HTTP status the server refused with, or None.
    """

    name = "connection_failed"
    retryable = True

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class DaemonNotFound(ConnectionFailed):
    """There is no daemon where one was looked for: no URL was given and there is no live socket."""

    name = "daemon_not_found"
    hint = "start one with `boulder daemon start`, or set NEXUS_URL and NEXUS_TOKEN"


class ConnectionLost(NexusError, ConnectionError):
    """The connection broke and did not come back in time, or came back too late for this call.

    With `may_have_run` the call had been sent and its answer is lost: it had its effect, or it had not.
    """

    name = "connection_lost"
    retryable = True


class ConnectionClosed(NexusError):
    """The client was closed on this side; connect again to go on."""

    name = "connection_closed"
    hint = "the client was closed; call connect() again"


class CallTimeout(NexusError, TimeoutError):
    """The caller's own deadline has passed. The connection goes on; the daemon was told to cancel the call.

    Attributes:
        timeout: the deadline, in seconds.
    """

    name = "call_timeout"
    retryable = True

    def __init__(self, message: str, *, timeout: float, may_have_run: bool = False) -> None:
        super().__init__(message, may_have_run=may_have_run)
        self.timeout = timeout


class ProtocolViolation(NexusError):
    """The peer sent what the schema does not allow: another program answers, or a broken or newer one."""

    name = "protocol_violation"
    hint = "compare the versions of client and daemon"


class OutputGap(NexusError):
    """Bytes of a stream are gone: what follows cannot be joined to what was read.

    Attributes:
        expected: offset of the first byte that is missing.
        offset: offset at which bytes are available again.
    """

    name = "output_gap"
    hint = "read on with attach(..., offset=error.offset), knowing that bytes are missing"

    def __init__(self, message: str, *, expected: int, offset: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.expected = expected
        self.offset = offset


class ProcessError(NexusError):
    """A command did not end with exit code 0.

    Attributes:
        command: its argv.
        process: its id; its whole output can be attached to while the daemon keeps it.
        exit_code: the exit code, or None where a signal ended it.
        signal: the signal's name without SIG, or None.
        stdout: the last part of what it wrote to stdout.
        stderr: the last part of what it wrote to stderr.
    """

    name = "process_error"

    def __init__(
        self,
        command: Sequence[str],
        exit_code: int | None,
        signal: str | None,
        stdout: bytes,
        stderr: bytes,
        *,
        process: str = "",
        outcome: str | None = None,
    ) -> None:
        if outcome is None:
            outcome = f"exited with code {exit_code}" if signal is None else f"was ended by signal {signal}"
        message = f"command {command[0]!r} {outcome}"
        excerpt = (stderr or stdout).decode(errors="replace").strip()[-_EXCERPT:]
        super().__init__(f"{message}: {excerpt}" if excerpt else message)
        self.command = list(command)
        self.process = process
        self.exit_code = exit_code
        self.signal = signal
        self.stdout = stdout
        self.stderr = stderr


class ProcessTimeout(ProcessError, TimeoutError):
    """A command was killed because its time ran out.

    Attributes:
        timeout: the time it had, in seconds, or None where it was set by another client.
    """

    name = "process_timeout"

    def __init__(
        self,
        command: Sequence[str],
        exit_code: int | None,
        signal: str | None,
        stdout: bytes,
        stderr: bytes,
        *,
        process: str = "",
        timeout: float | None = None,
    ) -> None:
        outcome = "ran out of time" if timeout is None else f"did not end within {timeout:g} s"
        super().__init__(command, exit_code, signal, stdout, stderr, process=process, outcome=outcome)
        self.timeout = timeout
