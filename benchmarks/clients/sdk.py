"""Python through the SDK."""

from __future__ import annotations

import asyncio

import nexus_sdk

__all__ = ["SdkClient"]


class SdkClient:
    """What a user of the SDK writes."""

    def __init__(self) -> None:
        self._url = self._token = ""
        self._nexus: nexus_sdk.Nexus
        self._workspaces: dict[str, nexus_sdk.Workspace] = {}
        self._held: list[nexus_sdk.Nexus] = []

    async def connect(self, url: str, token: str) -> None:
        """Connect."""
        self._url, self._token = url, token
        self._nexus = await nexus_sdk.connect(url, token)

    async def calls(self, count: int, depth: int) -> None:
        """As many tasks as calls may be in flight share the calls."""
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._nexus.ping()

        await asyncio.gather(*(work() for _ in range(depth)))

    async def run(self, workspace: str) -> None:
        """Run `true`."""
        ran = await (await self._workspace(workspace)).run(["true"])
        if ran.exit_code != 0:
            raise RuntimeError(f"exec.run: {ran}")

    async def download(self, workspace: str, path: str) -> int:
        """Iterate over a download."""
        came = 0
        async with (await self._workspace(workspace)).files.open(path) as download:
            async for data in download:
                came += len(data)
        return came

    async def hold(self, count: int) -> None:
        """Connect again and again."""
        for _ in range(count):
            self._held.append(await nexus_sdk.connect(self._url, self._token))

    async def _workspace(self, id: str) -> nexus_sdk.Workspace:
        if id not in self._workspaces:
            self._workspaces[id] = await self._nexus.workspaces.get(id)
        return self._workspaces[id]
