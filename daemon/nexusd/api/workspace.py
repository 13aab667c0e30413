"""workspace.*: lifecycle of workspaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from nexus_sdk.protocol import types

from nexusd.api.following import follow
from nexusd.api.making import require_maker
from nexusd.api.observing import Calls
from nexusd.api.optional import optional
from nexusd.api.outcomes import Outcomes
from nexusd.api.services import Services
from nexusd.api.sources import find_source
from nexusd.auth.identity import Identity
from nexusd.store import workspaces as rows
from nexusd.wire.call import Call
from nexusd.wire.stream import ServerStream
from nexusd.workspaces.journal import Run


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""
    manager = services.manager
    registry = services.registry

    outcomes = Outcomes(services)

    async def finish(call: Call, run: Run, wait: bool) -> types.LifecycleResult:
        await follow(call, run, wait)
        return await outcomes.lifecycle(run)

    async def create(call: Call, params: types.WorkspaceCreateParams) -> types.LifecycleResult:
        require_maker(call)
        allowed = services.loaded.config.repositories.allowed
        source = await find_source(call.identity, params.repository.url, allowed, services.home.path)
        return await finish(call, await manager.create(call.identity.subject, source, params), params.wait)

    def change(
        verb: Callable[[str, str, types.WorkspaceChangeParams], Awaitable[Run]],
    ) -> Callable[[Call, types.WorkspaceChangeParams], Awaitable[types.LifecycleResult]]:
        async def handler(call: Call, params: types.WorkspaceChangeParams) -> types.LifecycleResult:
            return await finish(call, await verb(call.identity.subject, call.workspace.id, params), params.wait)

        return handler

    async def switch(call: Call, params: types.WorkspaceSwitchParams) -> types.LifecycleResult:
        run = await manager.switch(call.identity.subject, call.workspace.id, params)
        return await finish(call, run, params.wait)

    async def destroy(call: Call, params: types.WorkspaceDestroyParams) -> types.WorkspaceDestroyed:
        run = await manager.destroy(call.identity.subject, call.workspace.id, params)
        await follow(call, run, params.wait)
        return await outcomes.destroyed(run)

    def get(call: Call, params: types.WorkspaceGetParams) -> types.Workspace:
        return manager.show(call.workspace)

    async def list_(call: Call, params: types.WorkspaceListParams) -> types.WorkspaceList:
        identity: Identity = call.identity
        records, cursor = await services.db.read(
            lambda conn: rows.select(
                conn,
                owner=identity.subject if identity.workspaces == "own" else None,
                ids=identity.workspaces if isinstance(identity.workspaces, frozenset) else None,
                repo=optional(params.repository),
                state=optional(params.state),
                labels=params.labels,
                destroyed=params.destroyed,
                limit=params.limit,
                cursor=optional(params.cursor),
            )
        )
        return types.WorkspaceList(
            workspaces=[manager.show(record) for record in records],
            next_cursor=cursor or msgspec.UNSET,
        )

    async def update(call: Call, params: types.WorkspaceUpdateParams) -> types.Workspace:
        return manager.show(await manager.update(call.workspace.id, params))

    async def stats(call: Call, params: types.WorkspaceGetParams) -> types.WorkspaceStatsResult:
        return types.WorkspaceStatsResult(stats=await services.usage.of(call.workspace))

    async def watch(call: Call, params: types.WorkspaceWatchParams, stream: ServerStream) -> types.Empty:
        identity: Identity = call.identity
        only = None
        if params.workspace is not msgspec.UNSET:
            only = services.resolver.require_workspace(params.workspace, identity).id
        subscription = registry.subscribe(only, optional(params.cursor))
        try:
            await stream.open()
            while True:
                cursor, record = await subscription.next()
                if identity.sees(record.id, record.owner):
                    await stream.event(types.WorkspaceChanged(workspace=manager.show(record)), cursor)
        finally:
            subscription.close()

    calls.register("workspace.create", create)
    calls.register("workspace.get", get)
    calls.register("workspace.list", list_)
    calls.register("workspace.start", change(manager.start))
    calls.register("workspace.stop", change(manager.stop))
    calls.register("workspace.restart", change(manager.restart))
    calls.register("workspace.pause", change(manager.pause))
    calls.register("workspace.resume", change(manager.resume))
    calls.register("workspace.switch", switch)
    calls.register("workspace.update", update)
    calls.register("workspace.destroy", destroy)
    calls.register("workspace.stats", stats)
    calls.register("workspace.watch", watch)
