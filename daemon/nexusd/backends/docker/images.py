"""Images: found, fetched, or built from the worktree, with word of how far it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from nexus_sdk.protocol.errors import ImageBuildFailed, ImageUnusable, NexusError
from nexus_sdk.protocol.types import ImageBuild

from nexusd.backends.base import MachineSpec, Report
from nexusd.backends.docker import context, failures, names
from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.names import Marks
from nexusd.failpoints import failpoint
from nexusd.files.beneath import Beneath

if TYPE_CHECKING:
    from nexusd.backends.docker.client import Client

REPORT_EVERY = 0.25
"""Seconds between words of progress."""
OUTPUT_KEPT = 4096
NAMELESS = "<none>:<none>"
"""What the engine lists as the name of an image that has none."""


class Image(msgspec.Struct, frozen=True):
    """An image that this node has.

    Attributes:
        id: the engine's id of it.
        env: what it sets in the environment.
        os: the operating system it is for.
        arch: the processor it is for, as Go names it.
    """

    id: str
    env: dict[str, str]
    os: str
    arch: str


class Images:
    """The images that machines are made from.

    Args:
        engine: where they are.
        marks: what built ones are marked with.
        timeout: seconds that fetching or building one may take.
    """

    def __init__(self, engine: Engine, marks: Marks, timeout: float) -> None:
        self._engine = engine
        self._marks = marks
        self._timeout = timeout

    async def ensure(self, spec: MachineSpec, root: Beneath, report: Report) -> Image:
        """The image of a workspace, fetched or built if need be.

        Raises:
            ImageUnusable: it is not there and cannot be had.
            ImageBuildFailed: a step of the build failed.
            InvalidParams: what it would be built from is not there.
        """
        options = spec.options
        say = _Slow(report)
        if options.build is not msgspec.UNSET:
            built = names.image(spec.workspace)
            found = await self._find(built)
            if found is None:
                await self._build(spec, root, options.build, built, say)
                found = await self._find(built)
            wanted = built
        else:
            wanted = options.image if options.image is not msgspec.UNSET else ""
            found = await self._find(wanted) if options.pull != "always" else None
            if found is None and options.pull == "never":
                raise ImageUnusable(
                    f"this node has no image {wanted}, and it must not be fetched",
                    hint=f"docker pull {wanted}",
                    image=wanted,
                    reason="not on this node",
                )
            if found is None:
                await self._pull(wanted, say)
                found = await self._find(wanted)
        if found is None:
            raise ImageUnusable(
                f"image {wanted} was gone again as soon as it was there", image=wanted, reason="removed meanwhile"
            )
        return found

    async def base(self, workspace: str) -> Image:
        """The image of a workspace that was restored or forked. Raises ImageUnusable."""
        name = names.base(workspace)
        found = await self._find(name)
        if found is None:
            raise ImageUnusable(
                f"image {name}, which the workspace was restored from, is gone",
                hint="It was removed from outside of Nexus. Restore another checkpoint of the workspace.",
                image=name,
                reason="removed from outside",
            )
        return found

    async def remove_all(self, workspace: str) -> None:
        """Remove the images that were made for a workspace: built, or of checkpoints.

        One that something else uses stays, without our name, and goes with that.
        """

        def remove(client: Client) -> None:
            before = -1
            # The engine removes no image that others are built on: each pass takes the outermost.
            while (found := client.images(filters=self._marks.filter(workspace), all=True)) and len(found) != before:
                before = len(found)
                for image in found:
                    # By its names first: one that others are built on keeps none, and so goes with the last of them.
                    names_ = [name for name in image["RepoTags"] or () if name != NAMELESS]
                    for name in [*names_, image["Id"]]:
                        try:
                            client.remove_image(name, force=True)
                        except Exception as error:
                            if not failures.missing(error) and not failures.conflict(error):
                                raise

        await self._engine.call("removing images", remove)

    async def _find(self, image: str) -> Image | None:
        def look(client: Client) -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = client.inspect_image(image)
                return found
            except Exception as error:
                if failures.missing(error):
                    return None
                raise

        found = await self._engine.call("looking for the image", look, naming=lambda error: _unusable(error, image))
        if found is None:
            return None
        pairs = (text.partition("=") for text in (found.get("Config") or {}).get("Env") or [])
        return Image(
            id=found["Id"],
            env={name: value for name, _, value in pairs},
            os=found.get("Os", "linux"),
            arch=found.get("Architecture", ""),
        )

    async def _pull(self, image: str, say: _Slow) -> None:
        def pull(client: Client) -> None:
            from docker.utils import parse_repository_tag

            repository, tag = parse_repository_tag(image)
            layers = _Layers()
            wrong = ""
            # Read to its end, also after an error, which is its last line: then the connection can be used again.
            for line in client.pull(repository, tag=tag or "latest", stream=True, decode=True):
                wrong = wrong or str(line.get("error", ""))
                layers.note(line)
                say(lambda: f"fetching {image}: {layers}")
            if wrong:
                raise ImageUnusable(f"image {image} cannot be fetched: {wrong}", image=image, reason=wrong)

        failpoint("docker.pull.before")
        await self._engine.call(
            "fetching the image",
            pull,
            within=self._timeout,
            naming=lambda error: _unusable(error, image),
        )
        failpoint("docker.pull.after")

    async def _build(self, spec: MachineSpec, root: Beneath, build: ImageBuild, name: str, say: _Slow) -> None:
        packed = await asyncio.to_thread(context.pack, root, build.context, build.dockerfile)
        output = _Output()
        where = "/".join((*root.parts(build.context), *root.parts(build.dockerfile)))

        def failed(reason: str) -> ImageBuildFailed:
            return ImageBuildFailed(
                f"building the image from {where} failed: {reason}",
                dockerfile=where,
                step=output.step,
                reason=reason,
                output=output.end(),
            )

        def run(client: Client) -> None:
            lines = client.build(
                fileobj=packed,
                custom_context=True,
                dockerfile=build.dockerfile,
                tag=name,
                rm=True,
                forcerm=True,
                decode=True,
                target=build.target if build.target is not msgspec.UNSET else None,
                buildargs=dict(build.args),
                labels=self._marks.labels(spec.workspace),
                pull=spec.options.pull == "always",
                network_mode=None if spec.options.egress else "none",
            )
            wrong = ""
            for line in lines:
                failpoint("docker.build.line")
                wrong = wrong or str(line.get("error", "")).strip()
                output.add(line)
                say(lambda: f"building: {output.last}")
            if wrong:
                raise failed(wrong)

        def naming(error: Exception) -> NexusError | None:
            refused = getattr(error, "response", None) is not None
            return failed(failures.words(error)) if refused and not failures.full(error) else None

        failpoint("docker.build.before")
        try:
            await self._engine.call("building the image", run, within=self._timeout, naming=naming)
        finally:
            packed.close()
        failpoint("docker.build.after")


class _Slow:
    """Reports from a thread, not too often; on the event loop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._next = 0.0

    def __call__(self, message: Callable[[], str]) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_EVERY
            self._loop.call_soon_threadsafe(self._report, message())


class _Output:
    """What a build says: its last words, and the step that began last."""

    def __init__(self) -> None:
        self._text = ""
        self.step = ""
        self.last = "sending the files"

    def add(self, line: dict[str, Any]) -> None:
        text = str(line.get("stream", "") or line.get("status", ""))
        for word in text.splitlines():
            if word.startswith("Step "):
                self.step = word
            if word.strip():
                self.last = word.strip()[:200]
        self._text = (self._text + text)[-OUTPUT_KEPT:]

    def end(self) -> str:
        return self._text.encode()[-OUTPUT_KEPT:].decode("utf-8", "ignore")


class _Layers:
    """How far the layers of an image are."""

    def __init__(self) -> None:
        self._ready: dict[str, bool] = {}
        self._bytes: dict[str, tuple[int, int]] = {}

    def note(self, line: dict[str, Any]) -> None:
        layer, status, detail = line.get("id"), line.get("status", ""), line.get("progressDetail") or {}
        if layer is None or status.startswith("Pulling from"):
            return
        self._ready[layer] = status in ("Pull complete", "Already exists")
        if status == "Downloading" and "total" in detail:
            self._bytes[layer] = (detail["current"], detail["total"])
        elif layer in self._bytes and status != "Downloading":
            total = self._bytes[layer][1]
            self._bytes[layer] = (total, total)

    def __str__(self) -> str:
        done, total = (sum(pair[part] for pair in self._bytes.values()) for part in (0, 1))
        size = f", {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else ""
        return f"{sum(self._ready.values())} of {len(self._ready)} layers{size}"


def _unusable(error: Exception, image: str) -> NexusError | None:
    if getattr(error, "response", None) is None or failures.full(error):
        return None
    reason = failures.words(error)
    return ImageUnusable(f"image {image} cannot be used: {reason}", image=image, reason=reason)
