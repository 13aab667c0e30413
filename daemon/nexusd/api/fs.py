"""fs.*: the calls on files; the streams are in `nexusd.api.fs_streams`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from nexus_sdk.protocol import types

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.files import operations
from nexusd.files.beneath import Beneath
from nexusd.wire.call import Call

QUICK: dict[str, Callable[[Beneath, Any], Any]] = {
    "fs.stat": operations.stat,
    "fs.read": operations.read,
    "fs.write": operations.write,
    "fs.edit": operations.edit,
    "fs.mkdir": operations.mkdir,
    "fs.rename": operations.rename,
    "fs.chmod": operations.chmod,
    "fs.symlink": operations.symlink,
}
"""Calls on one entry."""

SLOW: dict[str, Callable[[Beneath, Any], Any]] = {
    "fs.list": operations.list_directory,
    "fs.remove": operations.remove,
    "fs.glob": operations.glob,
}
"""Calls that may walk a tree."""


def register(calls: Calls, services: Services) -> None:
    """Serve the domain's calls."""
    files = services.files

    def quick(work: Callable[[Beneath, Any], Any]) -> Callable[[Call, Any], Awaitable[Any]]:
        async def handler(call: Call, params: Any) -> Any:
            return await files.run(call.workspace, work, params)

        return handler

    def slow(work: Callable[[Beneath, Any], Any]) -> Callable[[Call, Any], Awaitable[Any]]:
        async def handler(call: Call, params: Any) -> Any:
            return await files.run_slow(call.workspace, work, params)

        return handler

    async def copy(call: Call, params: types.FsCopyParams) -> types.FileInfo:
        # A copy that nobody waits for any more ends where it is; what was copied completely stays.
        loop = asyncio.get_running_loop()
        stopped = threading.Event()

        def progress(done: int) -> None:
            loop.call_soon_threadsafe(call.progress, done, None, f"copied {done} bytes")

        def work(beneath: Beneath, params: types.FsCopyParams) -> types.FileInfo:
            return operations.copy(beneath, params, progress=progress, cancelled=stopped.is_set)

        try:
            return await files.run_slow(call.workspace, work, params)
        finally:
            stopped.set()

    calls.register("fs.copy", copy)
    for name, work in QUICK.items():
        calls.register(name, quick(work))
    for name, work in SLOW.items():
        calls.register(name, slow(work))
