"""exec.*: processes of a workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nexus_sdk.protocol import types
from nexus_sdk.protocol.methods import METHODS

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.processes.attachment import Attachment
from nexusd.wire.call import Call
from nexusd.wire.errors import ConnectionLost
from nexusd.wire.stream import ServerStream

WRITING = METHODS["exec.signal"].scope
"""The scope that lets an attachment write to stdin, besides the one that lets it read."""


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""
    processes = services.processes

    async def run(call: Call, params: types.ExecRunParams) -> types.ExecRunResult:
        services.manager.touch(call.workspace)
        return await processes.run(call.workspace, params)

    async def start(call: Call, params: types.ExecStartParams) -> types.Process:
        services.manager.touch(call.workspace)
        return await processes.start(call.workspace, params)

    async def attach(call: Call, params: types.ExecAttachParams, stream: ServerStream) -> types.ExecExit:
        attachment = await processes.attach(params, call.identity.may(WRITING))
        lost = False
        try:
            return await _follow(attachment, stream)
        except ConnectionLost:
            lost = True
            raise
        except asyncio.CancelledError:
            lost = call.interruption == "lost"
            raise
        finally:
            attachment.close(keep=lost)

    async def get(call: Call, params: types.ExecGetParams) -> types.Process:
        return await processes.get(params.process)

    async def list_(call: Call, params: types.ExecListParams) -> types.ExecList:
        return await processes.list(call.workspace.id, params.running, params.labels)

    async def signal(call: Call, params: types.ExecSignalParams) -> types.Process:
        return await processes.signal(params.process, params.signal, params.group)

    async def resize(call: Call, params: types.ExecResizeParams) -> types.Process:
        return await processes.resize(params.process, params.size)

    async def wait(call: Call, params: types.ExecWaitParams) -> types.Process:
        return await processes.wait(params.process, params.timeout_ms / 1000)

    async def remove(call: Call, params: types.ExecRemoveParams) -> types.Empty:
        await processes.remove(params.process)
        return types.Empty()

    calls.register("exec.run", run)
    calls.register("exec.start", start)
    calls.register("exec.attach", attach)
    calls.register("exec.get", get)
    calls.register("exec.list", list_)
    calls.register("exec.signal", signal)
    calls.register("exec.resize", resize)
    calls.register("exec.wait", wait)
    calls.register("exec.remove", remove)


async def _follow(attachment: Attachment, stream: ServerStream) -> types.ExecExit:
    """Carry output down and input up until the process has ended and all its output was sent."""
    opened = attachment.opened
    stream.on_credit = lambda: attachment.ack(stream.acknowledged)
    await stream.open(
        opened,
        offset=opened.offset,
        up_offset=opened.stdin_offset,
        up_window=opened.stdin_window,
        widest=attachment.window,
    )
    writing = asyncio.create_task(_write(attachment, stream)) if opened.stdin_window else None
    if writing is not None:
        writing.add_done_callback(_leave(asyncio.current_task()))
    try:
        while not isinstance(item := await attachment.next(), types.ExecExit):
            await stream.send(item.channel, item.offset, item.data)
            attachment.ack(stream.acknowledged)
        for channel in (1, 2):
            await stream.eof(channel, item.output_end)
        return item
    finally:
        if writing is not None:
            writing.cancel()
            await asyncio.wait((writing,))
            if not writing.cancelled():
                # A refused write is told by the output's end as well: taken over, or the process has ended.
                writing.exception()


def _leave(following: asyncio.Task[Any] | None) -> Callable[[asyncio.Task[None]], None]:
    """A lost connection is told to whoever waits on the stream. Output may not come for hours, and control must not
    stay with somebody who has gone."""

    def ended(writing: asyncio.Task[None]) -> None:
        if following is not None and not writing.cancelled() and isinstance(writing.exception(), ConnectionLost):
            following.cancel()

    return ended


async def _write(attachment: Attachment, stream: ServerStream) -> None:
    while (data := await stream.receive()) is not None:
        taken = await attachment.write_stdin(stream.receive_offset - len(data), data)
        await stream.grant(taken)
    attachment.finish_stdin(stream.receive_offset)
