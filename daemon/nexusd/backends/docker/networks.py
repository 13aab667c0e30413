"""The network of each workspace: a bridge of its own, so that no workspace reaches another."""

from __future__ import annotations

import ipaddress
import zlib
from typing import TYPE_CHECKING, Any

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

    async def ensure(self, workspace: str, *, internal: bool, look: bool = True) -> None:
        """The workspace has its network, and no second one of that name.

        Args:
            workspace: its id.
            internal: whether a network that is made leads nowhere.
            look: whether there may be one already. Where not, it is looked for only once the engine refuses the name.

        Raises:
            MachineConflict: somebody else's network has the name.
        """
        failpoint("docker.network.before")
        await self._engine.call("making the network", lambda client: self._ensure(client, workspace, internal, look))
        failpoint("docker.network.after")

    def mend(self, client: Client, workspace: str, *, internal: bool) -> None:
        """`ensure`, for a call that is under way."""
        self._ensure(client, workspace, internal, look=True)

    async def owners(self) -> set[str]:
        """The workspaces that have one."""

        def look(client: Client) -> set[str]:
            owners = {self._marks.owner(found.get("Labels")) for found in client.networks(filters=self._marks.filter())}
            return {owner for owner in owners if owner is not None}

        return await self._engine.call("listing networks", look)

    async def remove(self, workspace: str) -> None:
        """Remove the workspace's networks; what was connected to them from outside is disconnected, and lives on."""
        await self._engine.call("removing the network", lambda client: self._remove(client, workspace))

    def _ensure(self, client: Client, workspace: str, internal: bool, look: bool) -> None:
        if look and self._there(client, workspace):
            return
        if not self._create(client, workspace, internal) and not self._there(client, workspace):
            # Who had the name has let go of it since.
            self._create(client, workspace, internal)

    def _there(self, client: Client, workspace: str) -> bool:
        """Whether it has one; of several that an engine made at the same time, one is left."""
        name = names.container(workspace)
        # The engine's filter matches parts of names.
        named = [found for found in client.networks(names=[name]) if found["Name"] == name]
        for found in named:
            if self._marks.owner(found.get("Labels")) != workspace:
                raise failures.taken("network", name, found["Id"])
        if len(named) > 1:
            # An engine that took two calls at once made both: the first was of a daemon that was killed meanwhile.
            used = _used(client, name)
            named.sort(key=lambda found: (found["Id"] not in used, found.get("Created", ""), found["Id"]))
            for found in named[1:]:
                self._take_away(client, found["Id"])
        return bool(named)

    def _create(self, client: Client, workspace: str, internal: bool) -> bool:
        """Make it; False where the engine has one of the name."""
        try:
            self._post(client, recipe.network(workspace, internal, self._marks, None))
            return True
        except Exception as error:
            if failures.name_taken(error):
                return False
            if not failures.no_addresses(error):
                raise
        subnets = 1 << (PREFIX - POOL.prefixlen)
        first = zlib.crc32(workspace.encode()) % subnets
        for attempt in range(ATTEMPTS):
            number = (first + attempt * 37) % subnets
            address = int(POOL.network_address) + (number << (32 - PREFIX))
            subnet = f"{ipaddress.ip_address(address)}/{PREFIX}"
            try:
                self._post(client, recipe.network(workspace, internal, self._marks, subnet))
                return True
            except Exception as error:
                if failures.name_taken(error):
                    return False
                if attempt + 1 == ATTEMPTS or not failures.overlaps(error):
                    raise
        return False

    def _post(self, client: Client, body: dict[str, Any]) -> None:
        client._result(client._post_json(client._url("/networks/create"), data=body), json=True)

    def _remove(self, client: Client, workspace: str) -> None:
        for found in client.networks(filters=self._marks.filter(workspace)):
            failpoint("docker.network.remove")
            self._take_away(client, found["Id"])

    def _take_away(self, client: Client, network: str) -> None:
        try:
            for endpoint in client.inspect_network(network).get("Containers") or {}:
                client.disconnect_container_from_network(endpoint, network, force=True)
            client.remove_network(network)
        except Exception as error:
            if not failures.missing(error):
                raise


def _used(client: Client, container: str) -> set[str]:
    """The ids of the networks that a container was started in; it goes on with those."""
    try:
        found = client.inspect_container(container)["NetworkSettings"]["Networks"] or {}
    except Exception as error:
        if failures.missing(error):
            return set()
        raise
    return {network["NetworkID"] for network in found.values() if network.get("NetworkID")}
