"""system.*, backend.* and config.*: the node itself."""

from __future__ import annotations

import asyncio
import os

import msgspec
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import InvalidParams
from nexus_sdk.protocol.methods import LEVEL

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.auth.identity import Identity
from nexusd.config.loading import load, validate_text
from nexusd.version import VERSION
from nexusd.wire.call import Call


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""
    parts = services.parts

    async def backends(call: Call, params: types.NoParams) -> types.BackendList:
        listed = []
        for name in sorted(parts.backends):
            backend = parts.backends[name]
            healthy, message = await backend.health()
            listed.append(
                types.BackendInfo(
                    name=name,
                    default=name == parts.default_backend,
                    healthy=healthy,
                    message=message,
                    capabilities=backend.capabilities,
                )
            )
        return types.BackendList(backends=listed)

    async def config_get(call: Call, params: types.ConfigGetParams) -> types.ConfigValues:
        loaded = services.loaded
        if params.repository is not msgspec.UNSET:
            _known(services, call.identity, params.repository)
            loaded = await asyncio.to_thread(load, services.home.path, params.repository, services.flags)
        return types.ConfigValues(entries=loaded.entries(params.prefix))

    async def config_validate(call: Call, params: types.ConfigValidateParams) -> types.ConfigValidated:
        problems = validate_text(params.text, params.layer)
        return types.ConfigValidated(valid=not problems, problems=problems)

    def info(call: Call, params: types.NoParams) -> types.SystemInfo:
        server = services.server
        return types.SystemInfo(
            version=VERSION,
            level=LEVEL,
            node=services.loaded.config.node.name,
            pid=os.getpid(),
            started_at=services.started_at,
            home=str(services.home.path),
            listen=server.addresses if server is not None else [],
            workspaces=len(services.registry.all()),
            processes=services.processes.running_count,
            connections=server.connections if server is not None else 0,
            memory=resident_bytes(),
        )

    async def health(call: Call, params: types.NoParams) -> types.SystemHealth:
        return await services.health.check()

    async def drain(call: Call, params: types.SystemDrainParams) -> types.Empty:
        services.request_drain(params.timeout_ms / 1000)
        return types.Empty()

    calls.register("backend.list", backends)
    calls.register("config.get", config_get)
    calls.register("config.validate", config_validate)
    calls.register("system.info", info)
    calls.register("system.health", health)
    calls.register("system.drain", drain)


def _known(services: Services, identity: Identity, repository: str) -> None:
    """Let a caller read the project layer only of a repository that it works in: the path is the caller's."""
    if identity.via == "peer":
        return
    for record in services.registry.all():
        if record.repo_path == repository and identity.sees(record.id, record.owner):
            return
    reason = "no workspace of yours was made from it"
    raise InvalidParams(f"repository: {reason}", path="$.repository", reason=reason)


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
