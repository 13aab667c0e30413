"""Starting a program on this host. Blocking, for a thread: an exec may wait for a slow disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import signal
import struct
import termios
from collections.abc import Mapping

from msgspec import Struct
from nexus_sdk.protocol.errors import CommandNotFound, CwdInvalid, InvalidParams, NexusError, SpawnFailed

from nexusd.backends.base import SpawnSpec
from nexusd.backends.host.census import read
from nexusd.backends.host.environment import unusable
from nexusd.backends.host.libc import FileActions
from nexusd.files.beneath import Beneath

FILE_LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)
"""The limit of descriptors that this daemon was started with, before it raised its own."""

_OUR_FAULT = {errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.E2BIG, errno.EIO, errno.ENXIO}


class Started(Struct, frozen=True):
    """A process that runs, and our ends of its descriptors: non-blocking, closed on exec."""

    pid: int
    started: int
    pidfd: int
    stdout: int
    stderr: int | None
    stdin: int | None
    pty: bool


def start(root: Beneath, spec: SpawnSpec, environ: Mapping[str, str]) -> Started:
    """Start a program in a session of its own.

    With `spec.pty` the new session opens the terminal's other side as its first descriptor, which makes that its
    controlling terminal. Without, stdout and stderr are pipes and stdin is /dev/null or a pipe.

    Args:
        root: where `spec.cwd` lies beneath.
        spec: the command.
        environ: the whole environment.

    Raises:
        InvalidParams: an argument or a variable holds what no program can be given.
        CommandNotFound: argv[0] cannot be found or executed.
        CwdInvalid: the working directory does not exist, leaves the root or may not be entered.
        SpawnFailed: the operating system could not start it.
    """
    if (bad := unusable(spec.argv, environ)) is not None:
        raise InvalidParams(f"{bad[0]} {bad[1]}", path=bad[0], reason=bad[1])
    cwd = directory(root, spec.cwd)
    try:
        program = _find_program(spec.argv[0], environ.get("PATH", os.defpath), cwd)
        return _start(program, spec, environ, cwd)
    except OSError as error:
        raise _explain(error, spec.argv[0]) from None
    finally:
        os.close(cwd)


def _limit_files(pid: int) -> None:
    """Give a program the limit that we were started with: ours is raised, and some close every number up to it."""
    if resource.getrlimit(resource.RLIMIT_NOFILE) != FILE_LIMIT:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, FILE_LIMIT)


def directory(root: Beneath, path: str) -> int:
    """The working directory of a program, open. Raises CwdInvalid where it leaves the root or may not be entered."""
    try:
        fd = root.cwd(path)
    except NexusError as error:
        raise CwdInvalid(
            f"cannot start in {path}: {error.message}", hint=error.hint, command=path, reason=error.message
        ) from None
    if not os.access(".", os.X_OK, dir_fd=fd):
        os.close(fd)
        raise CwdInvalid(f"cannot start in {path}: it may not be entered", command=path, reason="permission denied")
    return fd


def _find_program(name: str, path: str, cwd: int) -> str:
    if "/" in name:
        return name
    reason = errno.ENOENT
    for directory in path.split(":"):
        candidate = f"{directory or '.'}/{name}"
        try:
            mode = os.stat(candidate, dir_fd=cwd).st_mode
        except OSError:
            continue
        if mode & 0o170000 == 0o100000 and os.access(candidate, os.X_OK, dir_fd=cwd):
            return candidate
        reason = errno.EACCES
    raise OSError(reason, os.strerror(reason))


def _start(program: str, spec: SpawnSpec, environ: Mapping[str, str], cwd: int) -> Started:
    ours: list[int] = []
    theirs: list[int] = []
    stderr: int | None = None
    stdin: int | None = None
    try:
        with FileActions() as actions:
            if spec.pty is not None:
                master, slave = os.openpty()
                ours.append(master)
                theirs.append(slave)
                set_size(master, *spec.pty)
                _speak_utf8(slave)
                actions.open(0, os.fsencode(os.ttyname(slave)), os.O_RDWR)
                actions.dup2(0, 1)
                actions.dup2(0, 2)
                stdout = stdin = master
            else:
                if spec.stdin:
                    reader, stdin = _pipe(theirs, ours, write=True)
                    actions.dup2(reader, 0)
                else:
                    actions.open(0, b"/dev/null", os.O_RDONLY)
                writer, stdout = _pipe(theirs, ours)
                actions.dup2(writer, 1)
                writer, stderr = _pipe(theirs, ours)
                actions.dup2(writer, 2)
            actions.chdir(cwd)
            actions.close_from(3)
            variables = [os.fsencode(f"{name}={value}") for name, value in environ.items()]
            pid = actions.spawn(os.fsencode(program), [os.fsencode(argument) for argument in spec.argv], variables)
        _limit_files(pid)
        for fd in ours:
            os.set_blocking(fd, False)
        # Nobody else reaps this child, so its number stays its own until its handle does.
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        process = read(pid)
        return Started(
            pid=pid,
            started=0 if process is None else process.started,
            pidfd=pidfd,
            stdout=stdout,
            stderr=stderr,
            stdin=stdin,
            pty=spec.pty is not None,
        )
    except BaseException:
        for fd in ours:
            os.close(fd)
        raise
    finally:
        for fd in theirs:
            os.close(fd)


def _pipe(theirs: list[int], ours: list[int], *, write: bool = False) -> tuple[int, int]:
    reader, writer = os.pipe()
    their, our = (reader, writer) if write else (writer, reader)
    if their < 3:
        # A daemon started without standard descriptors: a low number would be overwritten before it is copied.
        low, their = their, fcntl.fcntl(their, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(low)
    theirs.append(their)
    ours.append(our)
    return their, our


def set_size(terminal: int, columns: int, rows: int) -> None:
    """Set a terminal's size; its foreground group is told by SIGWINCH."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", min(rows, 65535), min(columns, 65535), 0, 0))


def _speak_utf8(terminal: int) -> None:
    # Erasing a character in the line discipline then erases all of its bytes (termios(3), IUTF8; absent in `termios`).
    attributes = termios.tcgetattr(terminal)
    attributes[0] |= 0o040000
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def _explain(error: OSError, command: str) -> NexusError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _OUR_FAULT:
        return SpawnFailed(f"cannot start {command}: {reason}", command=command, reason=reason)
    return CommandNotFound(f"cannot execute {command}: {reason}", command=command, reason=reason)
