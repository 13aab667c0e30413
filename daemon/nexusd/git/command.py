"""The one way to run git: argument arrays, a fixed environment, no hooks, a deadline, capped output.

Each process gets a session of its own and no terminal, so that neither git nor ssh can ask anybody anything, and so
that a deadline or a cancellation ends the helpers (ssh, remote-https, index-pack) too. It is asked with SIGTERM first,
on which git removes its lock files, and killed two seconds later.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import DeadlineExceeded, GitFailed, NexusError, StorageFull

from nexusd.git.child import Child
from nexusd.git.urls import redact

Progress = Callable[[int, int | None, str], None]
"""Called with what is done, the total where it is known, and a line for a person."""

READ_SECONDS: Final = 30.0
"""Default deadline of a command."""
OUTPUT_LIMIT: Final = 64 * 1024 * 1024
"""Default cap of a command's output, in bytes."""
_STDERR_TAIL = 8192
_REASON_LINES = 12
_TERM_SECONDS = 2.0
_KILL_SECONDS = 5.0
_PIPE_SECONDS = 2.0
_PROGRESS_SECONDS = 0.1
_ENTRY_SECONDS = 2.0

_CONFIG: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.askPass=",
    "core.alternateRefsCommand=",
    "color.ui=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "log.showSignature=false",
    "merge.verifySignatures=false",
    "advice.detachedHead=false",
    "user.useConfigOnly=true",
    "gc.autoDetach=false",
)
_NO_UPKEEP = ("gc.auto=0", "maintenance.auto=false")

_KEPT_VARIABLES: Final = frozenset(
    {
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_NO_VERIFY",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_EXEC_PATH",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
    }
)
_FIXED: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": ":",
    "GIT_SEQUENCE_EDITOR": ":",
    "GIT_MERGE_AUTOEDIT": "no",
    "LC_ALL": "C",
}

_LOCKED = re.compile(
    r"Unable to create '([^'\n]+\.lock)': File exists|could not lock config file ([^\n:]+): File exists"
)
# Git makes a worktree's entry file by file; another git that lists worktrees in that moment gives up.
_UNREADABLE = re.compile(r"failed to read .*/worktrees/.*: Success")
# A checkout says that it could not write a file, and not why; where it may not write, it says "create".
_FULL = re.compile(r"No space left on device|Disk quota exceeded|^error: unable to write file ", re.MULTILINE)
_PROGRESS = re.compile(r"(?:remote: )?([A-Z][A-Za-z ]+):\s+(\d+)% \((\d+)/(\d+)\)")


class Output(msgspec.Struct, frozen=True):
    """What a command left.

    Attributes:
        code: exit code; negative is the number of the signal that ended it.
        stdout: its output, at most the limit that was asked for.
        stderr: the end of its messages, without progress and without credentials.
        truncated: whether there was more output than the limit; the command was ended then.
    """

    code: int
    stdout: bytes
    stderr: str
    truncated: bool = False


class Git(msgspec.Struct, frozen=True, kw_only=True):
    """Git in one place.

    Attributes:
        cwd: where it runs; with nothing else git looks for the repository from here.
        git_dir: the repository's, or worktree's, git directory; None to let git find it.
        work_tree: the worktree; None for none, or to let git find it.
        env: added to the environment: credentials, identities, another index. May hold secrets.
        upkeep: whether git may tidy up the object store when it finds it necessary.
    """

    cwd: Path
    git_dir: Path | None = None
    work_tree: Path | None = None
    env: Mapping[str, str] = {}
    upkeep: bool = False

    def having(self, **variables: str) -> Git:
        """The same with more environment."""
        return msgspec.structs.replace(self, env={**self.env, **variables})

    async def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        ok: Sequence[int] | None = (0,),
        timeout: float = READ_SECONDS,
        limit: int = OUTPUT_LIMIT,
        writes: bool = False,
        patience: float = 0.0,
        progress: Progress | None = None,
        pass_fds: Sequence[int] = (),
        config: Sequence[str] = (),
    ) -> Output:
        """Run a git command to its end.

        Args:
            argv: subcommand and arguments. Whatever comes from outside must stand behind ``--end-of-options``.
            stdin: its input.
            ok: exit codes that are success; None for any.
            timeout: seconds, after which the whole group is ended.
            limit: bytes of output kept; at more the command is ended and the output marked truncated.
            writes: it changes something: it may take locks, and a deadline leaves its outcome unknown.
            patience: seconds to try again while another process holds one of git's lock files.
            progress: told what ``--progress`` prints.
            pass_fds: open file descriptors that the process inherits; a lock among them lives as long as it does.
            config: more settings, ``key=value``.

        Raises:
            GitFailed: another exit code; `reason` holds the last lines, the hint names a lock file that is in the way.
            StorageFull: the disk was full.
            DeadlineExceeded: the deadline passed.
        """
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), 0.02
        while True:
            output = await self._once(argv, stdin, timeout, limit, writes, progress, pass_fds, config)
            if ok is None or output.code in ok or output.truncated:
                return output
            if _UNREADABLE.search(output.stderr) and not writes:
                enough = max(patience, _ENTRY_SECONDS)
            else:
                enough = patience if _LOCKED.search(output.stderr) or _UNREADABLE.search(output.stderr) else 0.0
            if loop.time() + pause > began + enough:
                raise failure(argv[0], output)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.4)

    async def _once(
        self,
        argv: Sequence[str],
        stdin: bytes,
        timeout: float,
        limit: int,
        writes: bool,
        progress: Progress | None,
        pass_fds: Sequence[int],
        config: Sequence[str],
    ) -> Output:
        command = ["git", "--no-pager", "--no-replace-objects"]
        for setting in (*_CONFIG, *(() if self.upkeep else _NO_UPKEEP), *config):
            command += ["-c", setting]
        command += argv
        capture = _Capture(limit, progress)
        try:
            child = Child(
                command,
                cwd=self.cwd,
                env=self._environment(writes),
                stdin=stdin,
                stdout=capture.output_received,
                stderr=capture.messages_received,
                pass_fds=pass_fds,
            )
        except OSError as error:
            raise self._cannot_start(argv[0], error) from error
        capture.full = lambda: child.signal_group(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout):
                code = await child.wait()
            if not await child.drained(_PIPE_SECONDS):
                child.signal_group(signal.SIGKILL)
        except TimeoutError:
            await _end(child)
            raise DeadlineExceeded(
                f"git {argv[0]} did not finish within {timeout:g} s",
                may_have_run=writes,
                timeout_ms=int(timeout * 1000),
            ) from None
        except BaseException:
            await _end(child)
            raise
        finally:
            child.close()
        return Output(code, bytes(capture.output), capture.messages(), capture.truncated)

    def _environment(self, writes: bool) -> dict[str, str]:
        env = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT_VARIABLES or not name.startswith(("GIT_", "NEXUS_", "LC_", "LANGUAGE"))
        }
        env.update(_FIXED)
        if not writes:
            env["GIT_OPTIONAL_LOCKS"] = "0"
        if self.git_dir is not None:
            env["GIT_DIR"] = str(self.git_dir)
        if self.work_tree is not None:
            env["GIT_WORK_TREE"] = str(self.work_tree)
        env.update(self.env)
        return env

    def _cannot_start(self, command: str, error: OSError) -> GitFailed:
        if not self.cwd.is_dir():
            reason, hint = f"the directory {self.cwd} is missing", "Restore the directory, or destroy the workspace."
        elif isinstance(error, FileNotFoundError):
            reason, hint = "git is not installed", "Install it: apt install git."
        else:
            reason, hint = error.strerror or str(error), ""
        return GitFailed(f"git {command} could not run: {reason}", hint=hint, command=command, reason=reason)


def failure(command: str, output: Output) -> NexusError:
    """The error for a command that ended badly."""
    if _FULL.search(output.stderr):
        return StorageFull(f"git {command} found the disk full", path=command)
    reason = output.stderr or (f"ended by signal {-output.code}" if output.code < 0 else f"exit code {output.code}")
    locked = _LOCKED.search(output.stderr)
    hint = None
    if locked:
        lock = locked[1] or f"{locked[2]}.lock"
        hint = f"Another git works here; try again. If none does, one was killed: then remove {lock}."
    return GitFailed(f"git {command} failed: {reason.splitlines()[-1]}", hint=hint, command=command, reason=reason)


class _Capture:
    """Collects what a process writes, up to a limit."""

    def __init__(self, limit: int, progress: Progress | None) -> None:
        self.output = bytearray()
        self.truncated = False
        self.full: Callable[[], None] | None = None
        self._errors = bytearray()
        self._limit = limit
        self._progress = progress
        self._next_report = 0.0

    def output_received(self, data: bytes) -> None:
        if self.truncated:
            return
        self.output += data
        if len(self.output) > self._limit:
            del self.output[self._limit :]
            self.truncated = True
            if self.full is not None:
                self.full()

    def messages_received(self, data: bytes) -> None:
        if self._progress is not None:
            self._report(data)
        self._errors += data
        if len(self._errors) > 4 * _STDERR_TAIL:
            del self._errors[:-_STDERR_TAIL]

    def messages(self) -> str:
        """The last lines of the error output that are not progress."""
        text = self._errors[-_STDERR_TAIL:].decode("utf-8", "replace")
        lines = [line.rsplit("\r", 1)[-1].strip() for line in text.split("\n")]
        kept = [line for line in lines if line and not _PROGRESS.match(line)]
        return redact("\n".join(kept[-_REASON_LINES:]))

    def _report(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        lines = list(_PROGRESS.finditer(data.decode("utf-8", "replace")))
        if not lines or self._progress is None or (now < self._next_report and lines[-1][2] != "100"):
            return
        self._next_report = now + _PROGRESS_SECONDS
        phase, percent, done, total = lines[-1].groups()
        self._progress(int(done), int(total), f"{phase.strip().lower()}: {percent}%")


async def _end(child: Child) -> None:
    """End the process's group: asked, then killed. A second cancellation skips the asking."""
    for number, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        child.signal_group(number)
        try:
            async with asyncio.timeout(seconds):
                await child.wait()
                if await child.drained(seconds):
                    return
        except (TimeoutError, asyncio.CancelledError):
            continue
