"""Runs the wire scripts of schema/wire against any server; schema/wire/README.md says what the steps mean."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nexus_sdk.wire.frames import Frame, FrameType, decode, encode

SCRIPTS = Path(__file__).resolve().parents[2] / "schema" / "wire"
PATIENCE_S = 10.0
"""How long to wait for what must come; only ever reached by a failure."""


class LinkClosed(Exception):
    """The server closed the connection.

    Attributes:
        code: its close code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Link(Protocol):
    """A connection to the server under test."""

    async def send_text(self, data: str) -> None:
        """Send one text frame."""

    async def send_bin(self, data: bytes) -> None:
        """Send one binary frame."""

    async def recv(self) -> str | bytes:
        """Return the next text or binary frame; raise LinkClosed when the server has closed."""

    async def drop(self) -> None:
        """Drop the connection without a close handshake."""


Connect = Callable[[], Awaitable[Link]]


class ScriptError(AssertionError):
    """A step went otherwise than the script says."""


@dataclass(frozen=True)
class Script:
    """One script: its first line and its steps with their line numbers."""

    name: str
    title: str
    requires: frozenset[str]
    ignore: frozenset[str]
    steps: tuple[tuple[int, dict[str, Any]], ...]


def load(path: Path) -> Script:
    """Read a script."""
    head, *steps = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return Script(
        path.stem,
        head["title"],
        frozenset(head["requires"]),
        frozenset(head.get("ignore", ())),
        tuple(enumerate(steps, start=2)),
    )


def load_all(offered: frozenset[str], folder: Path = SCRIPTS) -> list[Script]:
    """Read all scripts that a server which offers this much must pass."""
    return [script for script in map(load, sorted(folder.glob("*.jsonl"))) if script.requires <= offered]


async def run(script: Script, connect: Connect, variables: Mapping[str, Any] | None = None) -> None:
    """Run a script.

    Args:
        script: what to run.
        connect: makes a connection; the first message on it is still to be received.
        variables: what the script may refer to by `$name`.

    Raises:
        ScriptError: a step went otherwise than the script says; names file, line, what was wanted and what came.
    """
    player = _Player(script, connect, dict(variables or {}))
    player.link = await connect()
    try:
        for line, step in script.steps:
            try:
                await player.play(step)
            except (ScriptError, LinkClosed, TimeoutError) as error:
                what = "nothing came" if isinstance(error, TimeoutError) else str(error)
                raise ScriptError(f"{script.name}.jsonl:{line}: {what}\n  step: {json.dumps(step)}") from error
    finally:
        await player.link.drop()


class _Player:
    def __init__(self, script: Script, connect: Connect, variables: dict[str, Any]) -> None:
        self.script = script
        self.connect = connect
        self.variables = variables
        self.link: Link

    async def play(self, step: dict[str, Any]) -> None:
        (action, value), *rest = ((k, v) for k, v in step.items() if k != "times")
        if rest:
            raise ScriptError(f"a step is one thing, not also {rest}")
        if action == "comment":
            return
        if action == "send":
            await self.link.send_text(json.dumps(self.fill(value), ensure_ascii=False))
        elif action == "send_raw":
            await self.link.send_text(value * step.get("times", 1))
        elif action == "send_bin":
            frame = self.fill(value)
            kind = FrameType[frame["type"]]
            data = encode(kind, frame["channel"], frame["stream"], frame["offset"], payload_of(frame))
            await self.link.send_bin(data)
        elif action == "send_bin_raw":
            await self.link.send_bin(bytes.fromhex(value))
        elif action == "expect":
            message = await self.receive()
            if not self.matches(value, message):
                raise ScriptError(f"came: {shown(message)}")
        elif action == "expect_all":
            await self.expect_all(value)
        elif action == "expect_bin":
            await self.expect_frame(self.fill(value))
        elif action == "expect_close":
            await self.expect_close(value)
        elif action == "drop":
            await self.link.drop()
            self.link = await self.connect()
        else:
            raise ScriptError(f"there is no step {action!r}")

    async def receive(self) -> dict[str, Any] | Frame:
        """The next message that is not to be ignored."""
        while True:
            data = await asyncio.wait_for(self.link.recv(), PATIENCE_S)
            if isinstance(data, bytes):
                frame = decode(data)
                if frame.type.name not in self.script.ignore:
                    return frame
            else:
                message = json.loads(data)
                if not isinstance(message, dict):
                    raise ScriptError(f"came, and is no object: {data[:200]}")
                if message.get("method") not in self.script.ignore:
                    return message

    async def expect_all(self, wanted: list[Any]) -> None:
        left = list(wanted)
        while left:
            message = await self.receive()
            for candidate in left:
                if self.matches(candidate, message):
                    left.remove(candidate)
                    break
            else:
                raise ScriptError(f"came: {shown(message)}; still wanted: {json.dumps(left)}")

    async def expect_frame(self, wanted: dict[str, Any]) -> None:
        payload = payload_of(wanted)
        got = 0
        while True:
            frame = await self.receive()
            if not isinstance(frame, Frame):
                raise ScriptError(f"came: {shown(frame)}, after {got} bytes")
            size = len(frame.payload)
            head = (frame.type.name, frame.channel, frame.stream, frame.offset)
            if head != (wanted["type"], wanted["channel"], wanted["stream"], wanted["offset"] + got):
                raise ScriptError(f"came: {shown(frame)}, after {got} bytes")
            if payload[got : got + size] != frame.payload:
                raise ScriptError(f"came: {shown(frame)}, after {got} bytes: {bytes(frame.payload[:100])!r}")
            got += size
            if got == len(payload):
                return
            if not size:
                raise ScriptError(f"came: an empty frame, after {got} of {len(payload)} bytes")

    async def expect_close(self, code: int) -> None:
        while True:
            try:
                message = await self.receive()
            except LinkClosed as closed:
                if closed.code != code:
                    raise
                return
            if not isinstance(message, dict) or message.get("method") != "session.closing":
                raise ScriptError(f"came: {shown(message)}")

    def fill(self, value: Any) -> Any:
        """Put variables in."""
        if isinstance(value, dict):
            return {key: self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if isinstance(value, str) and value.startswith("$") and value[1:] in self.variables:
            return self.variables[value[1:]]
        return value

    def matches(self, wanted: Any, came: Any) -> bool:
        if isinstance(came, Frame):
            if not isinstance(wanted, dict) or set(wanted) != {"bin"}:
                return False
            frame = self.fill(wanted["bin"])
            head = (frame["type"], frame["channel"], frame["stream"], frame["offset"])
            return (
                head == (came.type.name, came.channel, came.stream, came.offset) and payload_of(frame) == came.payload
            )
        if isinstance(wanted, dict):
            return isinstance(came, dict) and all(
                key in came and self.matches(inner, came[key]) for key, inner in wanted.items()
            )
        if isinstance(wanted, list):
            return (
                isinstance(came, list)
                and len(wanted) == len(came)
                and all(self.matches(*pair) for pair in zip(wanted, came, strict=True))
            )
        if wanted == "$any":
            return True
        if isinstance(wanted, str) and wanted.startswith("$bind:"):
            self.variables[wanted[6:]] = came
            return True
        wanted = self.fill(wanted)
        # 1, 1.0 and true are equal to Python and different on the wire
        return type(wanted) is type(came) and bool(wanted == came)


def payload_of(frame: Mapping[str, Any]) -> bytes:
    """The payload that a step writes down."""
    data = base64.b64decode(frame["b64"]) if "b64" in frame else frame.get("text", "").encode()
    return bytes(data * frame.get("times", 1))


def shown(message: dict[str, Any] | Frame) -> str:
    """A message, short enough to read."""
    if isinstance(message, Frame):
        return f"{message.type.name} channel {message.channel} stream {message.stream} offset {message.offset}, " + (
            f"{len(message.payload)} bytes"
        )
    return json.dumps(message)[:500]
