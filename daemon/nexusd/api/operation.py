"""operation.*: lifecycle changes under way and their outcome."""

from __future__ import annotations

import asyncio

import msgspec
from nexus_sdk.protocol import types

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.auth.identity import Identity
from nexusd.store import operations as rows
from nexusd.wire.call import Call
from nexusd.workspaces import view


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""
    manager = services.manager

    async def get(call: Call, params: types.OperationGetParams) -> types.Operation:
        return view.operation(await manager.operation(params.operation))

    async def list_(call: Call, params: types.OperationListParams) -> types.OperationList:
        identity: Identity = call.identity
        only = None
        if params.workspace is not msgspec.UNSET:
            only = services.resolver.require_workspace(params.workspace, identity).id
        records = await services.db.read(
            lambda conn: rows.select(
                conn,
                workspace=only,
                owner=identity.subject if identity.workspaces == "own" else None,
                workspaces=identity.workspaces if isinstance(identity.workspaces, frozenset) else None,
                running=params.running,
                limit=params.limit,
            )
        )
        return types.OperationList(operations=[view.operation(record) for record in records])

    async def wait(call: Call, params: types.OperationWaitParams) -> types.Operation:
        run = manager.journal.running(params.operation)
        if run is not None:
            stop = run.listen(call.progress)
            try:
                await asyncio.wait_for(run.wait(), params.timeout_ms / 1000)
            except TimeoutError:
                pass
            finally:
                stop()
        return view.operation(await manager.operation(params.operation))

    async def cancel(call: Call, params: types.OperationGetParams) -> types.Operation:
        return view.operation(await manager.cancel(params.operation))

    calls.register("operation.get", get)
    calls.register("operation.list", list_)
    calls.register("operation.wait", wait)
    calls.register("operation.cancel", cancel)
