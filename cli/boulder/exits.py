"""Exit codes, and the one that belongs to an error.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | the command line, or a value on it, is wrong |
| 3 | what was named does not exist |
| 4 | refused: no identity, no permission, outside of the workspace |
| 5 | in conflict with how things are: state, name taken, work that would be lost |
| 6 | the daemon cannot be reached |
| 7 | it took too long |
| 8 | whether it was done is unknown |
| 124 | a command was ended because its ``--timeout`` passed |
| 125 | `exec`, `run`, `shell` and `attach`: boulder itself failed, the command's outcome is not known |
| 126, 127 | the command cannot be executed, or was not found |
| 128 + n | the command was ended by signal n; 130: Ctrl-C |
"""

from __future__ import annotations

import signal
from typing import Final

from nexus_sdk.exceptions import (
    CallTimeout,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionLost,
    NexusError,
    ProtocolViolation,
)

__all__ = [
    "COMMAND_FAILED",
    "COMMAND_TIMEOUT",
    "CONFLICT",
    "FAILED",
    "INTERRUPTED",
    "NOT_EXECUTABLE",
    "NOT_FOUND",
    "OK",
    "PIPE_CLOSED",
    "REFUSED",
    "TIMEOUT",
    "UNKNOWN",
    "UNREACHABLE",
    "USAGE",
    "exit_code",
    "status_code",
]

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
REFUSED: Final = 4
CONFLICT: Final = 5
UNREACHABLE: Final = 6
TIMEOUT: Final = 7
UNKNOWN: Final = 8
COMMAND_TIMEOUT: Final = 124
COMMAND_FAILED: Final = 125
NOT_EXECUTABLE: Final = 126
COMMAND_NOT_FOUND: Final = 127
INTERRUPTED: Final = 128 + signal.SIGINT
PIPE_CLOSED: Final = 128 + 13

_NAMES: Final = {
    USAGE: ("invalid_params", "invalid_request", "invalid_name", "scope_invalid", "pattern_invalid", "path_invalid"),
    REFUSED: (
        "unauthenticated",
        "forbidden",
        "permission_denied",
        "path_escapes",
        "port_forbidden",
    ),
    CONFLICT: (
        "workspace_exists",
        "workspace_state",
        "workspace_busy",
        "workspace_dirty",
        "operation_done",
        "path_exists",
        "not_a_file",
        "not_a_directory",
        "directory_not_empty",
        "etag_mismatch",
        "edit_failed",
        "file_changed",
        "process_exited",
        "not_a_terminal",
        "not_controller",
        "taken_over",
        "stdin_closed",
        "branch_exists",
        "nothing_to_commit",
        "merge_conflict",
        "push_rejected",
        "key_reused",
        "capability_missing",
        "checkpoint_exists",
        "checkpoint_elsewhere",
    ),
    UNREACHABLE: ("draining",),
    TIMEOUT: ("deadline_exceeded",),
    UNKNOWN: ("outcome_unknown", "process_lost"),
}
_CODES: Final = {name: code for code, names in _NAMES.items() for name in names}


def exit_code(error: BaseException) -> int:
    """Return the code that a command ends with because of this error."""
    if isinstance(error, UnicodeEncodeError):
        return USAGE
    if isinstance(error, PermissionError):
        return REFUSED
    if not isinstance(error, NexusError):
        return FAILED
    if isinstance(error, CallTimeout):
        return TIMEOUT
    if isinstance(error, ConnectionLost | ConnectionClosed | ProtocolViolation) and error.may_have_run:
        return UNKNOWN
    if isinstance(error, ConnectionFailed | ConnectionLost | ConnectionClosed):
        return UNREACHABLE
    if error.name in _CODES:
        return _CODES[error.name]
    return NOT_FOUND if error.name.endswith("_not_found") else FAILED


def status_code(code: int | None, signalled: str | None, reason: str) -> int:
    """Return the code that passes on how a process ended.

    Args:
        code: its exit code; None where a signal ended it.
        signalled: the signal's name without SIG, or None.
        reason: why, as the protocol says it.
    """
    if reason == "timeout":
        return COMMAND_TIMEOUT
    if code is not None:
        return code
    try:
        return 128 + signal.Signals[f"SIG{signalled}"]
    except KeyError:
        return COMMAND_FAILED
