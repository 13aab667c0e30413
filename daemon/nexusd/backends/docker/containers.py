"""The containers of one daemon at the engine: found by name and label, and brought from one state to another."""

from __future__ import annotations

import io
import math
import tarfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from nexus_sdk.protocol.errors import BackendFailed, NexusError

from nexusd.backends.base import MachineSpec, MachineStats
from nexusd.backends.docker import failures, names, options
from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.names import Marks
from nexusd.backends.docker.networks import Networks
from nexusd.backends.docker.recipe import Person, Recipe
from nexusd.failpoints import failpoint

if TYPE_CHECKING:
    from nexusd.backends.docker.client import Client

_STATES = {
    "created": "stopped",
    "exited": "stopped",
    "dead": "stopped",
    "running": "running",
    "restarting": "running",
    "paused": "paused",
    "removing": "absent",
}
_PASSWD_LIMIT = 1024 * 1024
_KILL_SECONDS = 10
_HOMES = 64
"""Images that are remembered, with up to `_PASSWD_LIMIT` bytes each."""
_LOG_LINES = 20
_STARTS = 4
"""How often a container is started whose network is in disorder each time."""


class Container(msgspec.Struct, frozen=True):
    """One container of ours.

    Attributes:
        id: the engine's id of it.
        image: the engine's id of its image.
        state: ``stopped``, ``running`` or ``paused``.
        pid: of its first process, as the engine's host sees it; 0 where it does not run.
        env: what the image sets in the environment.
        person: whom it runs as.
        network: the id of the network that it was made for; empty where it has none yet.
        ended: how it ended last, for a person.
    """

    id: str
    image: str
    state: str
    pid: int
    env: dict[str, str]
    person: Person
    network: str
    ended: str


class Containers:
    """Calls to the engine about containers.

    Args:
        engine: the engine.
        marks: what ours are marked with.
        networks: which they are started in.
    """

    def __init__(self, engine: Engine, marks: Marks, networks: Networks) -> None:
        self._engine = engine
        self._marks = marks
        self._networks = networks
        self._homes: dict[tuple[str, Person], tuple[bytes | None, bool]] = {}

    async def find(self, workspace: str) -> Container | None:
        """The container of a workspace; None where there is none, or one that is not ours."""
        return await self._engine.call("looking for the container", lambda client: self._find(client, workspace))

    async def states(self) -> dict[str, str]:
        """Workspace → state, of everything that carries our marks."""

        def look(client: Client) -> dict[str, str]:
            found: dict[str, str] = {}
            for item in client.containers(all=True, filters=self._marks.filter()):
                workspace = self._marks.owner(item.get("Labels"))
                if workspace is not None:
                    found[workspace] = _STATES.get(item["State"], "stopped")
            return found

        return await self._engine.call("listing containers", look)

    async def create(self, recipe: Recipe) -> tuple[Container, bool]:
        """Make a container; one of ours that has the name is taken as it is. Its network need not be there yet.

        Returns:
            The container, and whether it was made now.

        Raises:
            MachineConflict: somebody else's has the name.
            OptionUnsupported: the engine's storage cannot be limited.
        """
        workspace = recipe.spec.workspace
        name = names.container(workspace)

        def make(client: Client) -> tuple[Container, bool]:
            try:
                made = client.create_container_from_config(recipe.container(self._marks), name)
            except Exception as error:
                if not failures.conflict(error):
                    raise
                found = self._find(client, workspace)
                if found is None:
                    raise _in_the_way(client, name, error) from None
                return found, False
            for warning in made.get("Warnings") or []:
                if "discarded" in warning.lower():
                    # A limit that is not kept would be a promise broken in silence.
                    client.remove_container(made["Id"], v=True, force=True)
                    raise options.unsupported("resources", warning)
            return self._require(client, workspace), True

        def naming(error: Exception) -> NexusError | None:
            reason = failures.words(error)
            return options.unsupported("storage", reason) if "storage-opt" in reason or "pquota" in reason else None

        failpoint("docker.create.container")
        made = await self._engine.call("making the container", make, naming=naming)
        failpoint("docker.create.container.after")
        return made

    async def prepare(self, container: Container, *, fresh: bool = False) -> tuple[str, str]:
        """Give the user inside a home directory and an entry in the image's list of users; both as (home, name).

        Done already is success. Not for a root filesystem that cannot be written.

        Args:
            container: the container.
            fresh: it was made just now and has its image's files as they are. What an earlier one of that image had is
                then known; looking takes the engine 60 ms.
        """
        person = container.person

        def work(client: Client) -> tuple[str, str]:
            key = container.image, person
            found = self._homes.get(key) if fresh else None
            passwd = _read_passwd(client, container.id) if found is None else found[0]
            user, home = known(passwd or b"", person.uid)
            members: list[tuple[tarfile.TarInfo, bytes]] = []
            if not user:
                user, home = ("root", "/root") if person.uid == 0 else ("nexus", names.HOME)
                line = f"{user}:x:{person.uid}:{person.gid}:Nexus:{home}:/bin/sh\n".encode()
                before = passwd if passwd is None or not passwd or passwd.endswith(b"\n") else passwd + b"\n"
                if before is not None:
                    members.append(_member("etc/passwd", before + line, 0o644))
            exists = client.exists(container.id, home) if found is None else found[1]
            if fresh and found is None:
                if len(self._homes) >= _HOMES:
                    self._homes.clear()
                self._homes[key] = passwd, exists
            if not exists:
                members.append(_member(home.strip("/"), None, 0o700, person))
            if members:
                client.put_archive(container.id, "/", _tar(members))
            return home, user

        return await self._engine.call("preparing the container", work)

    async def start(self, id: str, spec: MachineSpec) -> None:
        """Run it, in its network; running already is success.

        Raises:
            MachineConflict: somebody else's network has the name.
        """
        name = names.container(spec.workspace)

        def run(client: Client) -> None:
            for left in reversed(range(_STARTS)):
                try:
                    client.start(id)
                    return
                except Exception as error:
                    gone = failures.network_gone(error)
                    if not left or not (gone or failures.ambiguous(error)):
                        raise
                # Somebody removed the network while the container was stopped, or a call of a daemon that was killed
                # ended only now and made a second one. That can happen again until the container runs.
                self._networks.mend(client, spec.workspace, internal=not spec.options.egress)
                if gone:
                    self._move(client, id, name)

        await self._engine.call("starting the container", run)

    async def stop(self, id: str, grace: float) -> None:
        """End it: asked, killed after `grace` seconds; ended already is success. Raises BackendFailed if it runs on."""
        seconds = math.ceil(grace)

        def end(client: Client) -> None:
            try:
                if grace:
                    client.stop(id, timeout=seconds)
                else:
                    client.kill(id)
                    client.wait(id, timeout=_KILL_SECONDS)
            except Exception as error:
                if not failures.missing(error) and not failures.conflict(error):
                    raise
            try:
                running = client.inspect_container(id)["State"]["Running"]
            except Exception as error:
                if failures.missing(error):
                    return
                raise
            if running:
                reason = "the container runs on after it was killed"
                raise BackendFailed(
                    f"cannot stop the workspace: {reason}",
                    hint="Its processes may wait for a device; look at the engine's log.",
                    backend="docker",
                    step="stop",
                    reason=reason,
                )

        await self._engine.call("stopping the container", end, within=self._engine.timeout + seconds + _KILL_SECONDS)

    async def pause(self, container: Container) -> None:
        """Freeze it; frozen already is success."""
        if container.state != "paused":
            await self._engine.call("freezing the container", lambda client: _settled(client.pause, container.id))

    async def unpause(self, container: Container) -> None:
        """Thaw it; thawed already is success."""
        if container.state == "paused":
            await self._engine.call("thawing the container", lambda client: _settled(client.unpause, container.id))

    async def remove(self, workspace: str) -> None:
        """Remove the workspace's containers and volumes, running or not."""

        def remove(client: Client) -> None:
            for item in client.containers(all=True, filters=self._marks.filter(workspace)):
                _removed(lambda id=item["Id"]: client.remove_container(id, v=True, force=True))
            for volume in client.volumes(filters=self._marks.filter(workspace)).get("Volumes") or []:
                _removed(lambda name=volume["Name"]: client.remove_volume(name, force=True))

        await self._engine.call("removing the container", remove)

    async def stats(self, workspace: str) -> MachineStats:
        """What it uses, from its control group: a stopped one uses nothing."""

        def look(client: Client) -> MachineStats:
            container = self._find(client, workspace)
            if container is None or container.state == "stopped":
                return MachineStats(cpu_ms=0, memory=0, processes=0)
            found = client.stats(container.id, stream=False, one_shot=True)
            memory = found.get("memory_stats") or {}
            cache = (memory.get("stats") or {}).get("total_inactive_file") or (memory.get("stats") or {}).get(
                "inactive_file", 0
            )
            return MachineStats(
                cpu_ms=found["cpu_stats"]["cpu_usage"]["total_usage"] // 1_000_000,
                memory=max(memory.get("usage", 0) - cache, 0),
                processes=(found.get("pids_stats") or {}).get("current", 0),
            )

        return await self._engine.call("asking for figures", look)

    async def last_words(self, id: str) -> str:
        """The end of what its first process wrote, for an error."""
        said = await self._engine.call("reading its log", lambda client: client.logs(id, tail=_LOG_LINES))
        return bytes(said).decode("utf-8", "replace").strip()[-1000:]

    def _find(self, client: Client, workspace: str) -> Container | None:
        try:
            found = client.inspect_container(names.container(workspace))
        except Exception as error:
            if failures.missing(error):
                return None
            raise
        if self._marks.owner(found["Config"].get("Labels")) != workspace:
            return None
        return _container(found)

    def _move(self, client: Client, id: str, network: str) -> None:
        """Let a container that had a network, which is gone, have the one that has the name now."""
        try:
            client.disconnect_container_from_network(id, network, force=True)
            client.connect_container_to_network(id, network)
        except Exception as error:
            if not failures.network_gone(error) and not failures.ambiguous(error):
                raise  # else the next start says so

    def _require(self, client: Client, workspace: str) -> Container:
        found = self._find(client, workspace)
        if found is None:
            raise BackendFailed(
                "the container was removed as soon as it was made",
                backend="docker",
                step="making the container",
                reason="removed from outside",
            )
        return found


def known(passwd: bytes, uid: int) -> tuple[str, str]:
    """Name and home directory of a user in the text of a passwd(5) file; empty where it has none."""
    for line in passwd.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) >= 7 and fields[2] == str(uid) and fields[5].startswith("/") and len(fields[5]) > 1:
            return fields[0], fields[5]
    return "", ""


def _container(found: Mapping[str, Any]) -> Container | None:
    state = _STATES.get(found["State"]["Status"], "stopped")
    if state == "absent":
        return None
    uid, _, gid = str(found["Config"].get("User") or "0:0").partition(":")
    pairs = (text.partition("=") for text in found["Config"].get("Env") or [])
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    ended = f"exit code {found['State'].get('ExitCode')}"
    if found["State"].get("OOMKilled"):
        ended = "it ran out of memory"
    elif found["State"].get("Error"):
        ended = str(found["State"]["Error"])
    return Container(
        id=found["Id"],
        image=found["Image"],
        state=state,
        pid=found["State"].get("Pid") or 0,
        env={name: value for name, _, value in pairs},
        person=Person(int(uid), int(gid or 0)),
        network=next((network.get("NetworkID", "") for network in networks.values()), ""),
        ended=ended,
    )


def _in_the_way(client: Client, name: str, error: Exception) -> NexusError:
    try:
        return failures.taken("container", name, client.inspect_container(name)["Id"])
    except Exception as gone:
        if not failures.missing(gone):
            raise
        reason = failures.words(error)
        return BackendFailed(
            f"making the container: {reason}", backend="docker", step="making the container", reason=reason
        )


def _settled(change: Any, id: str) -> None:
    try:
        change(id)
    except Exception as error:
        # "already paused", "is not paused": somebody else did it meanwhile.
        if "already paused" not in failures.words(error) and "is not paused" not in failures.words(error):
            raise


def _removed(remove: Any) -> None:
    try:
        remove()
    except Exception as error:
        # 409: "removal of container … is already in progress"
        if not failures.missing(error) and not (failures.conflict(error) and "in progress" in failures.words(error)):
            raise


def _read_passwd(client: Client, id: str) -> bytes | None:
    """The image's list of users; empty where there is none, None where it is to be left alone."""
    try:
        stream, _ = client.get_archive(id, "/etc/passwd")
    except Exception as error:
        if failures.missing(error):
            return b""
        raise
    data = b""
    for chunk in stream:
        data += chunk
        if len(data) > _PASSWD_LIMIT:
            return None
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.next()
        file = tar.extractfile(member) if member is not None and member.isfile() else None
        return None if file is None else file.read()


def _member(path: str, data: bytes | None, mode: int, person: Person | None = None) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(path)
    info.mode = mode
    if person is not None:
        info.uid, info.gid = person.uid, person.gid
    if data is None:
        info.type = tarfile.DIRTYPE
    else:
        info.size = len(data)
    return info, data or b""


def _tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return packed.getvalue()
