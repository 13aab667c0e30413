"""checkpoint.*: what workspaces were, to go back to or to begin others from."""

from __future__ import annotations

import msgspec
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import InvalidParams

from nexusd.api.following import follow
from nexusd.api.making import require_maker
from nexusd.api.observing import Calls
from nexusd.api.optional import optional
from nexusd.api.outcomes import Outcomes
from nexusd.api.services import Services
from nexusd.auth.identity import Identity
from nexusd.store import checkpoints as rows
from nexusd.wire.call import Call
from nexusd.workspaces import view
from nexusd.workspaces.checkpoints import absent


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""
    checkpoints = services.checkpoints
    outcomes = Outcomes(services)

    async def create(call: Call, params: types.CheckpointCreateParams) -> types.CheckpointResult:
        run = await checkpoints.create(call.identity.subject, call.workspace.id, params)
        await follow(call, run, params.wait)
        return await outcomes.checkpoint(run)

    async def list_(call: Call, params: types.CheckpointListParams) -> types.CheckpointList:
        identity: Identity = call.identity
        only = None
        if params.workspace is not msgspec.UNSET:
            only = services.resolver.require_workspace(params.workspace, identity).id
        records, cursor = await services.db.read(
            lambda conn: rows.select(
                conn,
                workspace=only,
                owner=identity.subject if identity.workspaces == "own" else None,
                workspaces=identity.workspaces if isinstance(identity.workspaces, frozenset) else None,
                limit=params.limit,
                cursor=optional(params.cursor),
            )
        )
        return types.CheckpointList(
            checkpoints=[view.checkpoint(record) for record in records], next_cursor=cursor or msgspec.UNSET
        )

    async def restore(call: Call, params: types.CheckpointRestoreParams) -> types.CheckpointRestored:
        identity: Identity = call.identity
        run = await checkpoints.restore(identity.subject, call.workspace.id, params, identity.sees)
        await follow(call, run, params.wait)
        return await outcomes.restored(run)

    async def remove(call: Call, params: types.CheckpointRemoveParams) -> types.CheckpointResult:
        run = await checkpoints.remove(call.identity.subject, params)
        await follow(call, run, params.wait)
        return await outcomes.checkpoint(run)

    async def fork(call: Call, params: types.CheckpointForkParams) -> types.LifecycleResult:
        identity: Identity = call.identity
        if (params.checkpoint is msgspec.UNSET) == (params.workspace is msgspec.UNSET):
            raise InvalidParams(
                "either a checkpoint or a workspace is forked", path="$.checkpoint", reason="one of the two is needed"
            )
        record = None
        if params.checkpoint is not msgspec.UNSET:
            record = await services.db.read(lambda conn: rows.get(conn, str(params.checkpoint)))
            source = services.registry.get(record.workspace) if record is not None else None
            if record is None or source is None or not identity.sees(source.id, source.owner):
                raise absent(str(params.checkpoint))
        else:
            source = services.resolver.require_workspace(str(params.workspace), identity)
        require_maker(call)
        run = await checkpoints.fork(identity.subject, source, record, params)
        await follow(call, run, params.wait)
        return await outcomes.lifecycle(run)

    calls.register("checkpoint.create", create)
    calls.register("checkpoint.list", list_)
    calls.register("checkpoint.restore", restore)
    calls.register("checkpoint.remove", remove)
    calls.register("checkpoint.fork", fork)
