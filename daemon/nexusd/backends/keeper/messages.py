"""What nexus-init says, as types: see ``init/PROTOCOL.md``. Unknown members are ignored, so that it may say more."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Answer", "Exit", "Failure", "Hello", "Known", "Listening", "Published", "State", "Stats", "Stdin"]


class Failure(msgspec.Struct):
    """An error: `data` has its name, and the system's word as `reason`."""

    code: int
    message: str
    data: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The stable name."""
        return str(self.data.get("name", "internal"))

    @property
    def reason(self) -> str:
        """The system's word for it, as strerror(3) writes it; the message where it said nothing."""
        reason = str(self.data.get("reason") or self.message)
        return reason[:1].upper() + reason[1:]  # Go begins with a small letter, and clients compare


class Answer(msgspec.Struct):
    """Any text message: an answer has an id, a notification a method."""

    id: int | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None


class Hello(msgspec.Struct):
    """The first message."""

    protocols: list[int]
    version: str
    build: str
    nonce: str


class Exit(msgspec.Struct, frozen=True):
    """How a process was reaped."""

    code: int | None = None
    signal: int | None = None


class Stdin(msgspec.Struct):
    """The input of a process."""

    received: int
    taken: int
    open: bool


class Known(msgspec.Struct):
    """One process, as it was when this was said."""

    process: str
    pid: int
    started: int
    state: str
    start: int
    end: int
    first_run: int
    ended: bool
    complete: bool
    stream: int
    exit: Exit | None = None
    floor: int | None = None
    stdin: Stdin | None = None
    pty: bool = False


class Page(msgspec.Struct):
    """Some of the processes; `more`: there are others, after the last one's stream."""

    processes: list[Known]
    more: bool = False


class Published(msgspec.Struct):
    """A port of the node that it serves: `address` there, `port` inside."""

    address: str
    port: int


class State(Page, kw_only=True):
    """What a connection begins with."""

    proof: str
    pid: int
    boot: str
    published: list[Published] = []


class Grown(msgspec.Struct):
    """A log has grown or dropped its beginning; `at` is the number of the first of `runs`."""

    process: str
    start: int
    end: int
    first_run: int
    at: int
    runs: list[int]


class Exited(msgspec.Struct):
    """A process was reaped."""

    process: str
    exit: Exit


class Ended(msgspec.Struct):
    """The output of a process has ended."""

    process: str
    complete: bool


class Stalled(msgspec.Struct):
    """Reading the output of a process stopped, or goes on."""

    process: str
    why: str | None = None
    reason: str = ""


class Listening(msgspec.Struct):
    """A TCP port that something listens on."""

    port: int
    address: str
    pid: int
    command: str


class Stats(msgspec.Struct):
    """What the machine's processes use."""

    cpu_ms: int
    memory: int
    processes: int
