"""fs.*: what streams: transfers, searches, watches."""

from __future__ import annotations

import asyncio

from nexus_sdk.protocol import types

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.files.search import Search
from nexusd.files.transfer import READ, Download, Upload
from nexusd.wire.call import Call
from nexusd.wire.stream import ServerStream

STDOUT = 1


def register(calls: Calls, services: Services) -> None:
    """Serve the domain's streams."""
    files = services.files

    async def download(call: Call, params: types.FsDownloadParams, stream: ServerStream) -> types.FsDownloaded:
        beneath = await files.place(call.workspace, params)
        source = await asyncio.to_thread(Download, beneath, params)
        try:
            position = params.offset
            await stream.open(source.opened, offset=position)
            # one buffer for all: sending copies it into frames
            buffer = memoryview(bytearray(READ))
            while count := await source.read_into(buffer):
                await stream.send(STDOUT, position, buffer[:count])
                position += count
            await stream.eof(STDOUT, position)
            return source.finish()
        finally:
            source.close()

    async def upload(call: Call, params: types.FsUploadParams, stream: ServerStream) -> types.FsUploaded:
        beneath = await files.place(call.workspace, params)
        target = await asyncio.to_thread(Upload, beneath, params, call.identity.subject)
        try:
            opened = target.opened
            await stream.open(opened, up_offset=opened.offset, up_window=opened.window)
            while (block := await stream.receive()) is not None:
                await target.write(block)
                await stream.grant(stream.receive_offset)
            return await target.finish()
        finally:
            await asyncio.shield(target.abort())

    async def search(call: Call, params: types.FsSearchParams, stream: ServerStream) -> types.FsSearched:
        async with Search(await files.place(call.workspace, params), params) as found:
            await stream.open()
            async for event in found:
                await stream.event(event)
            return found.result

    async def watch(call: Call, params: types.FsWatchParams, stream: ServerStream) -> types.Empty:
        watcher = files.watcher(call.workspace, await files.place(call.workspace, params))
        async with watcher.subscribe(params) as changes:
            await stream.open(changes.opened)
            while True:
                # Credit first: what happens while there is none is coalesced where it waits.
                await stream.wait_event_credit()
                cursor, event = await changes.__anext__()
                await stream.event(event, cursor)

    calls.register("fs.download", download)
    calls.register("fs.upload", upload)
    calls.register("fs.search", search)
    calls.register("fs.watch", watch)
