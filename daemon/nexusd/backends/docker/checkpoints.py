"""Images of containers as they were: committed, tagged for what needs them, and gone with the last of that.

The image of a checkpoint is ``nexus-checkpoint:<id>``. A workspace that was restored or forked is made from
``nexus-<workspace>:base`` from then on, so that its container can be made again whatever became of the checkpoint.
Removing a name removes the image where nothing else needs it; the engine keeps layers that others are built on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nexus_sdk.protocol.errors import CheckpointDamaged, CheckpointImpossible

from nexusd.backends.docker import failures, names
from nexusd.backends.docker.containers import Container
from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.names import Marks
from nexusd.failpoints import failpoint

if TYPE_CHECKING:
    from nexusd.backends.docker.client import Client


class Saved:
    """Calls to the engine about saved containers.

    Args:
        engine: the engine.
        marks: what ours are marked with.
        timeout: seconds that committing may take.
    """

    def __init__(self, engine: Engine, marks: Marks, timeout: float) -> None:
        self._engine = engine
        self._marks = marks
        self._timeout = timeout

    async def save(self, workspace: str, container: Container, checkpoint: str) -> int:
        """Commit a container; bytes that the image does not share. Saved already is success.

        Raises:
            CheckpointImpossible: it has a volume, which no image holds.
        """
        name = names.checkpoint(checkpoint)

        def commit(client: Client) -> int:
            found = _image(client, name)
            if found is None:
                self._refuse_volumes(client, workspace, container.id)
                failpoint("docker.checkpoint.before")
                client.commit(
                    container.id,
                    repository=names.CHECKPOINTS,
                    tag=checkpoint,
                    conf={"Labels": self._marks.labels(workspace) | {names.CHECKPOINT: checkpoint}},
                )
                failpoint("docker.checkpoint.after")
            return int(client.history(name)[0]["Size"])

        return await self._engine.call("saving the container", commit, within=self._timeout)

    async def there(self, workspace: str, checkpoint: str) -> bool:
        """Whether the image of a checkpoint of this workspace is there."""
        return await self._engine.call(
            "looking for the image", lambda client: self._ours(client, workspace, checkpoint) is not None
        )

    async def make_base(self, workspace: str, checkpoint: str) -> None:
        """Let a workspace be made from the image of one of its checkpoints from now on.

        Raises:
            CheckpointDamaged: the image is gone; nothing was changed.
        """

        def tag(client: Client) -> None:
            image = self._required(client, workspace, checkpoint)
            former = _image(client, names.base(workspace))
            if former is not None and former["Id"] == image["Id"]:
                return
            client.tag(image["Id"], names.image_of(workspace), tag=names.BASE)
            failpoint("docker.restore.tagged")
            if former is not None:
                _drop_nameless(client, former["Id"])

        await self._engine.call("naming the image", tag)

    async def fork(self, workspace: str, source: str, checkpoint: str) -> None:
        """Give a new workspace an image of its own, which is that of a checkpoint. Done already is success.

        It is made by committing a container that never ran: an image cannot be marked otherwise without building one.

        Raises:
            CheckpointDamaged: the image is gone.
        """

        def make(client: Client) -> None:
            # What an attempt left that was cut; the workspace's own container has its name.
            for item in client.containers(all=True, filters=self._marks.filter(workspace)):
                if f"/{names.container(workspace)}" not in item["Names"]:
                    client.remove_container(item["Id"], v=True, force=True)
            if _image(client, names.base(workspace)) is not None:
                return
            image = self._required(client, source, checkpoint)
            failpoint("docker.fork.before")
            labels = self._marks.labels(workspace) | {names.CHECKPOINT: ""}
            made = client.create_container_from_config(
                {"Image": image["Id"], "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
            )
            try:
                failpoint("docker.fork.container")
                client.commit(made["Id"], repository=names.image_of(workspace), tag=names.BASE, conf={"Labels": labels})
            finally:
                client.remove_container(made["Id"], v=True, force=True)
            failpoint("docker.fork.after")

        await self._engine.call("copying the image", make, within=self._timeout)

    async def forget(self, workspace: str, checkpoint: str) -> None:
        """Remove the image of a checkpoint; what else is made from it stays. Nothing there is success."""

        def remove(client: Client) -> None:
            image = self._ours(client, workspace, checkpoint)
            if image is not None:
                failpoint("docker.forget.before")
                client.remove_image(names.checkpoint(checkpoint), force=True)
                failpoint("docker.forget.after")

        await self._engine.call("removing the image", remove)

    def _refuse_volumes(self, client: Client, workspace: str, container: str) -> None:
        for mount in client.inspect_container(container).get("Mounts") or []:
            if mount.get("Type") == "volume":
                raise CheckpointImpossible(
                    f"{mount['Destination']} is a volume of the image, whose files no image of a container holds",
                    hint="Use an image without VOLUME, or let the program keep its data elsewhere.",
                    workspace=workspace,
                    path=mount["Destination"],
                    reason="a volume",
                )

    def _ours(self, client: Client, workspace: str, checkpoint: str) -> Mapping[str, Any] | None:
        found = _image(client, names.checkpoint(checkpoint))
        labels = (found or {}).get("Config", {}).get("Labels")
        return found if self._marks.owner(labels) == workspace else None

    def _required(self, client: Client, workspace: str, checkpoint: str) -> Mapping[str, Any]:
        found = self._ours(client, workspace, checkpoint)
        if found is None:
            raise CheckpointDamaged(
                f"checkpoint {checkpoint} is damaged: its image {names.checkpoint(checkpoint)} is gone",
                checkpoint=checkpoint,
                missing="image",
            )
        return found


def _image(client: Client, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = client.inspect_image(name)
        return found
    except Exception as error:
        if failures.missing(error):
            return None
        raise


def _drop_nameless(client: Client, image: str) -> None:
    """Remove an image that lost its last name. One that others are built on goes with them."""
    found = _image(client, image)
    if found is None or found.get("RepoTags"):
        return
    try:
        client.remove_image(image)
    except Exception as error:
        if not failures.missing(error) and not failures.conflict(error):
            raise
