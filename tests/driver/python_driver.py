"""The driver of the Python SDK: reads cases on standard input, answers on standard output. See README.md beside it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import nexus_sdk

DEADLINE_MS = 60_000
LONGEST_LINE = 16 * 1024 * 1024

Case = dict[str, Any]


class Driver:
    """Works on cases as they come, several at a time."""

    def __init__(self) -> None:
        self._nexus: nexus_sdk.Nexus | None = None
        self._under: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(LONGEST_LINE)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if not line.strip():
                continue
            case: Case = msgspec.json.decode(line)
            if case["do"] == "close":
                await self._idle()
            answering = self._begin(self._answer(case))
            if case["do"] in ("connect", "close"):
                await answering
        await self._idle()
        if self._nexus is not None:
            await self._nexus.close()

    def _begin(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._under.add(task)
        task.add_done_callback(self._under.discard)
        return task

    async def _idle(self) -> None:
        while self._under:
            await asyncio.wait(self._under)

    async def _answer(self, case: Case) -> None:
        limit = case.get("timeout_ms", DEADLINE_MS) / 1000
        task = self._begin(self._do(case, limit))
        # what has to be cleaned up after a deadline must not delay its answer; a call knows its own deadline
        await asyncio.wait([task], timeout=limit + (1 if case["do"] in ("call", "connect") else 0))
        if not task.done():
            task.cancel()
            message = f"{case['do']} was not done within {limit:g} s"
            error: BaseException | None = nexus_sdk.CallTimeout(message, timeout=limit, may_have_run=True)
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        else:
            error = task.exception()
        answer: dict[str, Any] = {"id": case["id"], "ok": error is None}
        answer |= {"result": task.result()} if error is None else {"error": told(error)}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()

    async def _do(self, case: Case, limit: float) -> Any:
        do = case["do"]
        if do == "connect":
            return await self._connect(case, limit)
        if self._nexus is None:
            raise nexus_sdk.ConnectionFailed("connect first")
        if do == "close":
            nexus, self._nexus = self._nexus, None
            await nexus.close()
            return {}
        if do not in CASES:
            raise LookupError(f"no case is called {do}")
        return await CASES[do](self._nexus, case)

    async def _connect(self, case: Case, limit: float) -> Any:
        if self._nexus is not None:
            nexus, self._nexus = self._nexus, None
            await nexus.close()
        options = {"open_timeout": limit}
        if "reconnect_timeout_ms" in case:
            options["reconnect_timeout"] = case["reconnect_timeout_ms"] / 1000
        self._nexus = await nexus_sdk.connect(case["url"], case["token"], environ={}, **options)
        session = self._nexus.session
        return {"level": session.level, "subject": session.identity.subject}


def told(error: BaseException) -> dict[str, Any]:
    """An error as the runner compares it."""
    if isinstance(error, nexus_sdk.NexusError):
        return {
            "name": error.name,
            "code": error.code or None,
            "message": error.message,
            "may_have_run": error.may_have_run,
        }
    return {"name": "internal", "code": None, "message": f"{type(error).__name__}: {error}", "may_have_run": True}


async def call(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    limit = case.get("timeout_ms", DEADLINE_MS) / 1000
    return await nexus.call(case["method"], case.get("params", {}), timeout=limit)


class Kept:
    """What came on one channel: all of it, or its size and SHA-256."""

    def __init__(self, whole: bool) -> None:
        self._parts: list[bytes] | None = [] if whole else None
        self._digest = hashlib.sha256()
        self._size = 0

    def add(self, data: bytes) -> None:
        if self._parts is not None:
            self._parts.append(data)
        else:
            self._digest.update(data)
            self._size += len(data)

    def told(self) -> Any:
        if self._parts is not None:
            return b"".join(self._parts)
        return {"size": self._size, "sha256": self._digest.hexdigest()}


async def collect(process: nexus_sdk.Process, case: Case, stdin: bytes | None) -> Any:
    """Follow a process to its end, or for `limit` bytes."""
    limit = case.get("limit")
    kept = {channel: Kept(not case.get("digest")) for channel in ("stdout", "stderr")}

    async def write(data: bytes) -> None:
        try:
            await process.stdin.write(data)
            await process.stdin.send_eof()
        except nexus_sdk.NexusError:
            pass  # a process may end without reading it; what it did then is in its exit code

    writing = None if stdin is None else asyncio.create_task(write(stdin))
    size = 0
    try:
        async for chunk in process.output:
            part = chunk.data if limit is None else chunk.data[: limit - size]
            kept[chunk.channel].add(part)
            size += len(part)
            if limit is not None and size >= limit:
                break
        ended = await process.wait() if limit is None else None
    finally:
        if writing is not None:
            writing.cancel()
            await asyncio.wait([writing])
    await process.detach()
    return {
        **{channel: one.told() for channel, one in kept.items()},
        "exit_code": None if ended is None else ended.exit_code,
        "signal": None if ended is None else ended.signal,
        "reason": None if ended is None else ended.reason,
        "process": process.id,
        "reconnects": process.reconnects,
    }


async def execute(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    stdin = None if case.get("stdin") is None else base64.b64decode(case["stdin"])
    async with workspace.exec(case["argv"], stdin=stdin is not None) as process:
        return await collect(process, case, stdin)


async def attach(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    record = await nexus.call("exec.get", {"process": case["process"]})
    workspace = await nexus.workspaces.get(record.workspace)
    async with workspace.attach(case["process"], offset=case.get("offset", 0)) as process:
        return await collect(process, case, None)


async def upload(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    info = await workspace.files.upload(case["source"], case["path"], checksum=True)
    return {"size": info.size, "sha256": await asyncio.to_thread(digest, case["source"])}


async def download(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    info = await workspace.files.download(case["path"], case["target"])
    return {"size": info.size, "sha256": await asyncio.to_thread(digest, case["target"])}


def digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def search(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    async with workspace.files.search(case["pattern"]) as found:
        matches = [{"path": match.path, "line": match.line, "text": match.text} async for match in found]
        return {"matches": matches, "files": found.files}


async def watch(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    events: list[Any] = []
    async with workspace.files.watch(case["path"]) as watched:
        for path in case["touch"]:
            await workspace.files.write(path, "")
        async for event in watched:
            events.append(event)
            if len(events) >= case["count"]:
                break
    return {"events": events}


async def watch_workspaces(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    async with nexus.workspaces.watch() as watched:
        await workspace.update(labels=case["labels"])
        return {"event": await anext(aiter(watched))}


async def dial(nexus: nexus_sdk.Nexus, case: Case) -> Any:
    workspace = await nexus.workspaces.get(case["workspace"])
    async with workspace.ports.dial(case["port"]) as tunnel:
        await tunnel.send(base64.b64decode(case["send"]))
        await tunnel.send_eof()
        return {"received": b"".join([data async for data in tunnel])}


CASES = cast(
    "dict[str, Callable[[nexus_sdk.Nexus, Case], Awaitable[Any]]]",
    {
        "call": call,
        "exec": execute,
        "attach": attach,
        "upload": upload,
        "download": download,
        "search": search,
        "watch": watch,
        "watch_workspaces": watch_workspaces,
        "dial": dial,
    },
)

if __name__ == "__main__":
    asyncio.run(Driver().run())
