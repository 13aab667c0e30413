"""The network of each workspace: a bridge of its own, so that no workspace reaches another."""

from __future__ import annotations

import ipaddress
import zlib
from typing import TYPE_CHECKING, Any

from nexusd.backends.base import MachineSpec
from nexusd.backends.docker import failures, names, recipe
from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.names import Marks
from nexusd.failpoints import failpoint

if TYPE_CHECKING:
    from nexusd.backends.docker.client import Client

POOL = ipaddress.ip_network("10.213.0.0/16")
"""Where addresses are taken from when the engine's own pools, which hold some thirty networks, are used up."""
PREFIX = 28
ATTEMPTS = 64


class Networks:
    """The networks of one daemon.

    Args:
        engine: where they are.
        marks: what they are marked with.
    """

    def __init__(self, engine: Engine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def ensure(self, spec: MachineSpec) -> None:
        """The workspace has its network.

        Raises:
            MachineConflict: somebody else's network has the name.
        """
        failpoint("docker.network.before")
        await self._engine.call("making the network", lambda client: self._ensure(client, spec))
        failpoint("docker.network.after")

    async def remove(self, workspace: str) -> None:
        """Remove the workspace's networks; what was connected to them from outside is disconnected, and lives on."""
        await self._engine.call("removing the network", lambda client: self._remove(client, workspace))

    def _ensure(self, client: Client, spec: MachineSpec) -> None:
        name = names.container(spec.workspace)
        for found in client.networks(names=[name]):
            # The engine's filter matches parts of names.
            if found["Name"] == name:
                if self._marks.owner(found.get("Labels")) != spec.workspace:
                    raise failures.taken("network", name, found["Id"])
                return
        self._create(client, spec)

    def _create(self, client: Client, spec: MachineSpec) -> None:
        try:
            self._post(client, recipe.network(spec, self._marks, None))
            return
        except Exception as error:
            if failures.conflict(error):
                return  # the same call of an earlier run was still under way at the engine
            if not failures.no_addresses(error):
                raise
        subnets = 1 << (PREFIX - POOL.prefixlen)
        first = zlib.crc32(spec.workspace.encode()) % subnets
        for attempt in range(ATTEMPTS):
            number = (first + attempt * 37) % subnets
            address = int(POOL.network_address) + (number << (32 - PREFIX))
            subnet = f"{ipaddress.ip_address(address)}/{PREFIX}"
            try:
                self._post(client, recipe.network(spec, self._marks, subnet))
                return
            except Exception as error:
                if attempt + 1 == ATTEMPTS or not failures.overlaps(error):
                    raise

    def _post(self, client: Client, body: dict[str, Any]) -> None:
        client._result(client._post_json(client._url("/networks/create"), data=body), json=True)

    def _remove(self, client: Client, workspace: str) -> None:
        for found in client.networks(filters=self._marks.filter(workspace)):
            failpoint("docker.network.remove")
            try:
                for endpoint in client.inspect_network(found["Id"]).get("Containers") or {}:
                    client.disconnect_container_from_network(endpoint, found["Id"], force=True)
                client.remove_network(found["Id"])
            except Exception as error:
                if not failures.missing(error):
                    raise
