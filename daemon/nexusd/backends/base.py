"""The two contracts that every backend fulfils: `Backend` makes machines, `Machine` is the inside of one.

A backend is told about workspaces and knows nothing of their records: the database is the truth, and the manager
reconciles backends to it. Each verb is idempotent: asked again after a crash it finishes what is open and succeeds.
The contract suite in ``tests/contract`` states what these docstrings promise and runs against every backend.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from nexus_sdk.protocol.errors import OptionUnsupported
from nexus_sdk.protocol.types import Capabilities, MachineOptions

Report = Callable[[str], None]
"""Told, in a few words, of what takes long."""


def quiet(message: str) -> None:
    """Tell nobody."""


class MachineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend needs to know of a workspace.

    Attributes:
        workspace: the workspace's id, the label everything is found by.
        name: the workspace's name.
        worktree: absolute path of the worktree on this node.
        env: environment of every process in the workspace.
        ports: host ports that belong to the workspace, by name.
        generation: the incarnation; grows with each start.
        repository: absolute path of the repository on this node; empty where there is none. The ``.git`` file in the
            worktree leads to it, too, but belongs to whoever works there.
        options: how the machine is made, as asked for.
    """

    workspace: str
    name: str
    worktree: str
    env: Mapping[str, str]
    ports: Mapping[str, int]
    generation: int
    repository: str = ""
    options: MachineOptions = msgspec.field(default_factory=MachineOptions)


def refuse_options(backend: str, options: MachineOptions) -> None:
    """Refuse every option, for a backend that has none. Raises OptionUnsupported."""
    given = msgspec.to_builtins(options)  # without what is left at its default
    if given:
        option = next(iter(given))
        raise OptionUnsupported(
            f"the backend {backend} makes no machine of its own, so it cannot do what the option {option} asks for",
            backend=backend,
            option=option,
            reason="its workspaces are plain processes on this node",
        )


def new_file(path: Path) -> int:
    """A new, empty file, open for reading and writing. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


class SpawnSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A process to start in a machine.

    Attributes:
        process: the process's id; it becomes ``NEXUS_PROCESS`` in the environment and marks every descendant.
        argv: the command, never interpreted by a shell.
        cwd: relative to the machine's root; resolved without leaving it.
        env: added to the machine's environment.
        pty: terminal size as (columns, rows), or None for pipes.
        stdin: keep stdin open; a terminal always has one.
        log: where a machine that keeps output by itself writes it, in the format of `nexusd.processes.log`; nothing is
            there yet.
        open_log: makes that file, and opens it for reading and writing.
        capacity: bytes of output that it keeps.
        hold: seconds for which it keeps all output from the first byte on until it is told what to hold.
    """

    process: str
    argv: Sequence[str]
    cwd: str = "."
    env: Mapping[str, str] = {}
    pty: tuple[int, int] | None = None
    stdin: bool = False
    log: Path | None = None
    open_log: Callable[[Path], int] = new_file
    capacity: int = 0
    hold: float = 0.0


class RawExit(msgspec.Struct, frozen=True):
    """How a process was reaped: an exit code, or the number of the signal that ended it; never both."""

    code: int | None
    signal: int | None


class Growth(msgspec.Struct, frozen=True):
    """How a log that somebody else writes has changed.

    Attributes:
        start: position of the first byte that is kept.
        end: position after the last byte.
        first_run: number of the first run that is kept.
        from_run: number of the first of `runs`.
        runs: the newest, as the log has them: offset * 4 + channel. What was told before may be told again.
    """

    start: int
    end: int
    first_run: int
    from_run: int
    runs: Sequence[int]


class KeptOutput(Protocol):
    """Output and input of a process whose machine keeps them: it writes the log, and outlives the daemon.

    Attributes:
        log: the file that it writes.
        floor: position from which on output was held when we connected; None where nothing was.
        received: bytes of input that it was handed, or had when we connected.
        taken: those that the process has.
        input_open: whether it takes more.
        on_writable: called when `taken` has moved and more input can be handed over, or none any more.
    """

    log: Path
    floor: int | None
    received: int
    taken: int
    input_open: bool
    on_writable: Callable[[], None] | None

    def watch(
        self,
        grown: Callable[[Growth], None],
        ended: Callable[[bool], None],
        stalled: Callable[[str | None, str], None],
    ) -> None:
        """Be told how the log is, at once, and from then on each change.

        Args:
            grown: the log has grown, or dropped its beginning.
            ended: nothing more comes; whether the output was read to its end. Called once.
            stalled: reading stopped because of ``"held"`` or ``"disk"``, with the system's words, or goes on (None).
        """
        ...

    def hold(self, floor: int | None, keep: float) -> None:
        """Let nothing from `floor` on be overwritten, for `keep` seconds without the daemon too; None lets go."""
        ...

    async def settle(self) -> None:
        """Wait until all that was asked before has been done, and all that happened before was told."""
        ...

    def give_up(self) -> None:
        """Read no more output."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """Hand over the beginning of `data`; how many bytes were taken, 0 where none can be now."""
        ...


class ProcessHandle(Protocol):
    """A started process. The file descriptors are non-blocking and belong to the handle until `close`.

    Attributes:
        process: its id.
        pid: its process id as this node sees it, or the machine's where the node cannot see it.
        started: a value that together with `pid` names the process for good (start time in clock ticks), 0 if unknown.
        stdout: where its output is read; for a terminal the master side, both directions. None where it is kept.
        stderr: where its errors are read; None with a terminal, and where they are kept.
        stdin: where its input is written; None if it is kept or was not asked for; for a terminal the same as `stdout`.
        kept: output and input, where the machine keeps them; then there are no descriptors.
    """

    process: str
    pid: int
    started: int
    stdout: int | None
    stderr: int | None
    stdin: int | None
    kept: KeptOutput | None

    async def wait(self) -> RawExit:
        """Wait until the process was reaped. Cancelling the wait does not touch the process."""
        ...

    async def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal, to the whole tree (group, session and descendants that left both) or to the process alone.

        A terminating signal reaches descendants before their parent. Nothing happens where nothing is left.
        """
        ...

    async def kill_tree(self, grace: float) -> None:
        """End the process and all that descends from it: TERM, `grace` seconds, KILL. Returns when all are gone."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Set the terminal's size. Does nothing without a terminal."""
        ...

    def close_stdin(self) -> None:
        """Close the writing side of stdin; for a terminal nothing happens (end of input is a character there)."""
        ...

    def close(self) -> None:
        """Release the file descriptors. The process is not touched."""
        ...

    def forget(self) -> None:
        """The same; and where it has ended and is kept, its keeper need not remember it any more."""
        ...


class ByteStream(Protocol):
    """One TCP connection into a machine. Either half closes alone."""

    async def receive(self, limit: int = 65536) -> bytes:
        """The next bytes, at most `limit`; empty when the other side has finished. Raises OSError if it broke."""
        ...

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of `data`; returns when it was taken (backpressure). Raises OSError if it broke."""
        ...

    async def send_eof(self) -> None:
        """Finish our half."""
        ...

    async def aclose(self) -> None:
        """Close both halves."""
        ...


class RootHandle(msgspec.Struct, frozen=True):
    """Where a machine's files are reached.

    Attributes:
        fd: an open directory (O_PATH or O_RDONLY); the caller must not close it.
        path: the same directory as the machine's processes see it; absolute.
        in_root: resolve absolute links inside the root (RESOLVE_IN_ROOT, for a whole filesystem) instead of
            refusing them (RESOLVE_BENEATH, for a worktree).
    """

    fd: int
    path: str
    in_root: bool = False


class ListeningSocket(msgspec.Struct, frozen=True):
    """A TCP port that something in the machine listens on."""

    port: int
    address: str
    pid: int
    command: str


class MachineStats(msgspec.Struct, frozen=True):
    """What a machine uses now: CPU milliseconds and resident bytes of the processes alive, and their number."""

    cpu_ms: int
    memory: int
    processes: int


class Machine(Protocol):
    """The inside of one running workspace."""

    async def spawn(self, spec: SpawnSpec) -> ProcessHandle:
        """Start a process.

        Raises:
            CommandNotFound: argv[0] cannot be found or executed.
            CwdInvalid: the working directory does not exist or leaves the root.
            SpawnFailed: the operating system could not start it (limits, memory).
        """
        ...

    def root(self) -> RootHandle:
        """The root of its files. Works while the machine is stopped, too."""
        ...

    async def dial(self, port: int) -> ByteStream:
        """Connect to a TCP port on the machine's own loopback. Raises PortRefused or PortForbidden."""
        ...

    async def listening(self) -> list[ListeningSocket]:
        """The TCP ports that processes of this workspace listen on."""
        ...

    async def adopt(self) -> list[ProcessHandle]:
        """What an earlier daemon started here and is still known: it runs, or has ended and was not forgotten.

        Empty where processes do not survive the daemon. Asked once, when the daemon starts.
        """
        ...


class MachineStatus(msgspec.Struct, frozen=True):
    """What a backend knows of one workspace: ``absent``, ``stopped``, ``running`` or ``paused``."""

    workspace: str
    state: str


class Backend(Protocol):
    """Makes, runs and takes down machines. Every verb is idempotent and safe to repeat after a crash.

    A failure of the backend itself is `BackendFailed`, one of what it builds on `BackendUnavailable`; a verb it cannot
    do is `CapabilityMissing`, an option `OptionUnsupported`.

    Attributes:
        on_change: called on the event loop with a workspace's id and its state, as in `MachineStatus`, when a machine
            changed and no verb did it. Set by the manager after `open`; None: nobody listens. A backend whose machines
            nobody else can touch never calls it.
    """

    name: str
    capabilities: Capabilities
    on_change: Callable[[str, str], None] | None

    async def open(self) -> None:
        """Get ready. Called once, before any other verb. Fails fast, with a reason in `health`."""
        ...

    async def close(self) -> None:
        """Let go of everything held; machines are left as they are where `survives_daemon` holds, else ended."""
        ...

    async def health(self) -> tuple[bool, str]:
        """Whether it can be used now, and what is wrong if not."""
        ...

    def root(self, worktree: str) -> str:
        """Where a worktree is as the machine's processes see it; absolute."""
        ...

    async def check(self, options: MachineOptions, ports: Sequence[str]) -> MachineOptions:
        """Refuse what cannot be had, before anything is made; give back the options with what the configuration adds.

        Args:
            options: as the caller gave them.
            ports: names of the ports that the workspace will have.

        Raises:
            OptionUnsupported: this backend, or what it builds on, cannot do what an option says.
            InvalidParams: an option makes no sense.
            BackendUnavailable: what it builds on cannot be asked.
        """
        ...

    def ahead(self, options: MachineOptions) -> str | None:
        """The id of a workspace to come for which something was made ahead; each is given once. None: there is none.

        Args:
            options: of the workspace, from `check`.
        """
        ...

    def give_back(self, workspace: str) -> None:
        """An id from `ahead`, or any other, did not become a workspace, and certainly never will: it was refused."""
        ...

    async def begin(self, spec: MachineSpec) -> None:
        """Begin, in the background, what `create` needs and the worktree is not needed for; it goes on with that.

        `destroy` takes away what comes of it, also where `create` is never called.
        """
        ...

    async def create(self, spec: MachineSpec, report: Report = quiet) -> None:
        """Prepare a machine; afterwards it is stopped."""
        ...

    async def start(self, spec: MachineSpec) -> None:
        """Run the machine; `machine` works afterwards."""
        ...

    async def stop(self, workspace: str, grace: float) -> None:
        """End every process of the workspace: asked, then killed after `grace` seconds. Nothing runs afterwards."""
        ...

    async def pause(self, workspace: str) -> None:
        """Freeze every process."""
        ...

    async def resume(self, workspace: str) -> None:
        """Let every process go on."""
        ...

    async def destroy(self, workspace: str) -> None:
        """Remove everything the backend holds for the workspace. The worktree is not the backend's."""
        ...

    async def checkpoint(self, spec: MachineSpec, checkpoint: str) -> int:
        """Save under this id what the machine holds outside of the worktree; how many bytes that takes.

        Saved already is success. The worktree is not the backend's. The machine may be stopped, or run, frozen or not.

        Raises:
            CheckpointImpossible: it holds something that cannot be saved.
        """
        ...

    async def saved(self, workspace: str, checkpoint: str) -> bool:
        """Whether what was saved under this id is still there."""
        ...

    async def restore(self, spec: MachineSpec, checkpoint: str) -> None:
        """Make the machine, which is stopped, anew from what was saved under this id.

        Raises:
            CheckpointDamaged: it is gone; the machine is as it was.
        """
        ...

    async def fork(self, spec: MachineSpec, source: str, checkpoint: str, report: Report = quiet) -> None:
        """Prepare a machine as `create` does, from what was saved of the workspace `source`; it depends on neither.

        Raises:
            CheckpointDamaged: what was saved is gone.
        """
        ...

    async def forget(self, workspace: str, checkpoint: str) -> None:
        """Remove what was saved under this id; nothing there is success. `destroy` removes all of a workspace."""
        ...

    async def list(self) -> list[MachineStatus]:
        """Everything that carries our label, known to the manager or not. What reconcile works from."""
        ...

    async def stats(self, workspace: str) -> MachineStats:
        """What the workspace uses now."""
        ...

    def machine(self, spec: MachineSpec) -> Machine:
        """The inside of a workspace. Cheap; spawning and dialling need it to be running, files do not."""
        ...


class NoFilesOfItsOwn:
    """The verbs of checkpoints where machines have no files but the worktree: there is nothing to save."""

    async def checkpoint(self, spec: MachineSpec, checkpoint: str) -> int:
        """See `Backend.checkpoint`."""
        return 0

    async def saved(self, workspace: str, checkpoint: str) -> bool:
        """See `Backend.saved`."""
        return True

    async def restore(self, spec: MachineSpec, checkpoint: str) -> None:
        """See `Backend.restore`."""

    async def forget(self, workspace: str, checkpoint: str) -> None:
        """See `Backend.forget`."""
