"""The steps that save a workspace as a checkpoint, and those that bring one back or begin another workspace with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from nexus_sdk.protocol.errors import (
    CheckpointDamaged,
    CheckpointImpossible,
    CheckpointNotFound,
    NexusError,
    RepositoryUnusable,
)

from nexusd.failpoints import failpoint
from nexusd.files.replica import Extent, Tell, Unsavable
from nexusd.git import snapshots, worktrees
from nexusd.git.layout import Checkout, entry_of
from nexusd.git.snapshots import Moment
from nexusd.store import checkpoints as rows
from nexusd.store import workspaces as workspace_rows
from nexusd.store.checkpoints import CheckpointRecord
from nexusd.workspaces import copies
from nexusd.workspaces.copies import Damaged
from nexusd.workspaces.journal import Run
from nexusd.workspaces.parts import Parts
from nexusd.workspaces.steps import STOP_SECONDS, Base, StartMachine

log = logging.getLogger(__name__)

_REPORT_EVERY = 32 << 20
"""Bytes between two words of progress."""


class OfCheckpoint(Base):
    """A step over a workspace and a checkpoint."""

    def __init__(self, parts: Parts, workspace: str, checkpoint: str) -> None:
        super().__init__(parts, workspace)
        self.checkpoint = checkpoint

    async def saved(self) -> CheckpointRecord:
        """The checkpoint's record. Raises CheckpointNotFound."""
        record = await self.parts.db.read(lambda conn: rows.get(conn, self.checkpoint))
        if record is None or record.state == "removed":
            raise CheckpointNotFound(f"there is no checkpoint {self.checkpoint}", checkpoint=self.checkpoint)
        return record


class Release(Base):
    """Let go of a workspace that another one's operation held while it was saved."""

    name = "release"
    title = "letting go of the workspace"

    async def do(self, run: Run) -> None:
        await self.release(run)

    async def release(self, run: Run) -> None:
        """Done already, or the workspace gone, is success."""
        record = self.parts.registry.get(self.workspace)
        if record is not None and record.operation == run.record.id:
            await self.write(operation=None)


class Room(Release):
    """Make sure that there is room for a copy. First of the steps that save: nothing has been touched."""

    name = "room"
    title = "looking for room"

    async def do(self, run: Run) -> None:
        record = self.record()
        worktree = Path(record.worktree)
        with _named(self.workspace):
            extent = await self.parts.copies.run(
                partial(self.parts.copies.extent, worktree), what=f"measuring {worktree}"
            )
        await asyncio.to_thread(self.parts.copies.require_room, extent.size)

    async def undo(self, run: Run) -> None:
        await self.release(run)


class RoomAgain(Room):
    """The same before a restore, which also brings back a worktree that somebody removed by hand: it was empty."""

    async def do(self, run: Run) -> None:
        worktree = Path(self.record().worktree)
        await asyncio.to_thread(worktree.mkdir, parents=True, exist_ok=True)
        await super().do(run)


class Freeze(Base):
    """Freeze what runs, so that all that is saved is of one moment."""

    name = "freeze"
    title = "freezing processes"

    def __init__(self, parts: Parts, workspace: str, was: str) -> None:
        super().__init__(parts, workspace)
        self.was = was

    async def do(self, run: Run) -> None:
        record = self.record()
        if self.was == "running" and self.parts.capable(record.backend, "pause"):
            await self.parts.backend(record.backend).pause(self.workspace)

    async def undo(self, run: Run) -> None:
        await self.thaw()

    async def thaw(self) -> None:
        """Let everything go on, also what ended meanwhile because the daemon did."""
        record = self.record()
        if self.was == "running" and self.parts.capable(record.backend, "pause"):
            await self.parts.backend(record.backend).start(self.parts.spec(record))


class Thaw(Freeze):
    """Let it go on."""

    name = "thaw"
    title = "thawing processes"

    async def do(self, run: Run) -> None:
        await self.thaw()

    async def undo(self, run: Run) -> None:
        """It runs: that is what undoing the freeze wants, too."""


class SaveFiles(OfCheckpoint):
    """Copy the worktree and git's state of it, and let the repository keep what they need."""

    name = "files"
    title = "copying files"

    def __init__(self, parts: Parts, workspace: str, checkpoint: str, freeze: Freeze | None = None) -> None:
        super().__init__(parts, workspace, checkpoint)
        self.freeze = freeze

    async def do(self, run: Run) -> None:
        if self.freeze is not None:
            await self.freeze.do(run)  # it was thawed if the daemon was stopped in here
        try:
            await self._copy(run)
        except asyncio.CancelledError:
            # The daemon stops, and goes on when it is back, which may be a long time to stand still.
            if self.freeze is not None:
                await asyncio.shield(self.freeze.thaw())
            raise

    async def _copy(self, run: Run) -> None:
        record = self.record()
        checkout = Checkout.find(Path(record.repo_path), Path(record.worktree))
        tell = _telling(run, "copying")

        def save(cancelled: Callable[[], bool]) -> Extent:
            return self.parts.copies.save(
                self.checkpoint, checkout.path, checkout.git_dir, tell, lambda: cancelled() or run.cancelled
            )

        with _named(self.workspace):
            extent = await self.parts.copies.run(save, what=f"copying {checkout.path}")
        failpoint("checkpoint.files.copied")
        moment = await snapshots.keep(
            checkout, self.parts.copies.partial(self.checkpoint) / copies.GIT, self.checkpoint
        )
        run.data[f"facts.{self.checkpoint}"] = {
            "branch": moment.branch,
            "commit": moment.commit,
            "files": extent.entries,
            "skipped": extent.skipped,
            "size": extent.size,
        }

    async def undo(self, run: Run) -> None:
        await remove_copy(self.parts, Path(self.record().repo_path), self.checkpoint)


class SaveMachine(OfCheckpoint):
    """Let the backend save what the machine holds outside of the worktree."""

    name = "image"
    title = "saving the machine's own files"

    async def do(self, run: Run) -> None:
        record = self.record()
        size = await self.parts.backend(record.backend).checkpoint(self.parts.spec(record), self.checkpoint)
        run.data[f"image.{self.checkpoint}"] = size

    async def undo(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).forget(self.workspace, self.checkpoint)


class Seal(OfCheckpoint):
    """Bring the copy to the disk, and make it a checkpoint."""

    name = "keep"
    title = "writing to the disk"

    async def do(self, run: Run) -> None:
        await self.parts.copies.run(lambda _: self.parts.copies.finish(self.checkpoint), what="writing the checkpoint")
        facts = dict(run.data[f"facts.{self.checkpoint}"])
        facts["size"] += run.data[f"image.{self.checkpoint}"]
        await self.parts.db.run(lambda conn: rows.update(conn, self.checkpoint, state="ready", **facts))

    async def undo(self, run: Run) -> None:
        await self.parts.db.run(lambda conn: rows.update(conn, self.checkpoint, state="making"))


class Check(OfCheckpoint):
    """Make sure that the checkpoint is whole, and that there is room to bring it back."""

    name = "check"
    title = "looking at the checkpoint"

    async def do(self, run: Run) -> None:
        saved, record = await self.saved(), self.record()
        repo = Path(record.repo_path)
        if not await asyncio.to_thread(self.parts.copies.complete, self.checkpoint):
            raise damaged(self.checkpoint, "files")
        if saved.commit and not await snapshots.kept(repo, self.checkpoint):
            raise damaged(self.checkpoint, "commit")
        if not await self.parts.backend(record.backend).saved(self.workspace, self.checkpoint):
            raise damaged(self.checkpoint, "image")
        await asyncio.to_thread(copies.require_room, Path(record.worktree).parent, saved.size)


class Stage(OfCheckpoint):
    """Prepare files and git's state beside those that they are to replace."""

    name = "stage"
    title = "bringing back files"

    def places(self, run: Run) -> tuple[Path, Path, Path, Path]:
        """The worktree, its entry, and where those that replace them are prepared, or those that they replaced are."""
        record = self.record()
        worktree, repo = Path(record.worktree), Path(record.repo_path)
        entry = Path(run.data["entry"]) if "entry" in run.data else snapshots.entry_path(repo, worktree)
        tree = worktree.with_name(f".restore-{worktree.name}-{run.record.id}")
        return worktree, entry, tree, snapshots.staging(repo, run.record.id)

    async def do(self, run: Run) -> None:
        saved, record = await self.saved(), self.record()
        worktree, entry, tree, git = await asyncio.to_thread(self.places, run)
        run.data["entry"] = str(entry)
        await run.save()
        checkout = Checkout.find(Path(record.repo_path), worktree)
        moment = Moment(saved.branch, saved.commit)
        head = await snapshots.head_for(checkout, moment, f"refs/heads/{record.branch}")
        tell = _telling(run, "bringing back")

        def stage(cancelled: Callable[[], bool]) -> None:
            copies.discard_all(tree.parent, f".restore-{worktree.name}-")
            copies.discard(git)
            self.parts.copies.bring_out(self.checkpoint, tree, saved.files, tell, cancelled)
            failpoint("restore.stage.tree")
            self.parts.copies.bring_out_git(self.checkpoint, git, lambda name: name in snapshots.LEFT_OUT)
            snapshots.place_entry(git, entry, head)
            copies.place_pointer(tree, entry)
            copies.sync(tree.parent)

        with _whole(self.checkpoint):
            await self.parts.copies.run(stage, what=f"bringing back {worktree}")
        run.data["swap"] = await asyncio.to_thread(
            lambda: [copies.inode(path) for path in (worktree, entry, tree, git)]
        )

    async def undo(self, run: Run) -> None:
        await self.sweep(run)

    async def sweep(self, run: Run) -> None:
        """Remove what is at the places of preparation, whichever of the two it is."""
        if "entry" in run.data:
            _, _, tree, git = await asyncio.to_thread(self.places, run)
            for path in (tree, git):
                await self.parts.copies.run(partial(_discard, path), what=f"removing {path}")


class Sweep(Stage):
    """Remove the files that were replaced; they are in the checkpoint that was made of them."""

    name = "sweep"
    title = "removing what was replaced"

    async def do(self, run: Run) -> None:
        record = self.record()
        try:
            await self.sweep(run)
        except NexusError as error:
            # The workspace is restored whatever is left beside it; the next restore, or the end, removes it.
            log.warning("workspace %s: %s", record.name, error)
        await snapshots.refresh(Checkout.find(Path(record.repo_path), Path(record.worktree)))


class Halt(Base):
    """End every process, then the machine; undone, the machine runs again, though what ran in it is gone."""

    name = "stop"
    title = "stopping processes"

    async def do(self, run: Run) -> None:
        grace = run.record.params.get("timeout_ms", STOP_SECONDS * 1000) / 1000
        record = self.record()
        run.data["halted"] = True
        await run.save()
        await self.parts.processes.stop_workspace(self.workspace, grace)
        await self.parts.backend(record.backend).stop(self.workspace, grace)

    async def undo(self, run: Run) -> None:
        if run.data["was"] == "running":
            await StartMachine(self.parts, self.workspace).do(run)


class Swap(Stage):
    """Let the files and git's state change places with those that were prepared; the branch goes back with them."""

    name = "swap"
    title = "exchanging files"

    async def do(self, run: Run) -> None:
        saved, record = await self.saved(), self.record()
        worktree, entry, tree, git = await asyncio.to_thread(self.places, run)
        _, _, new_tree, new_git = run.data["swap"]
        repo, own = Path(record.repo_path), f"refs/heads/{record.branch}"
        async with snapshots.lock(repo):
            await self._exchange(entry, git, new_git)
            failpoint("restore.swap.git")
            if saved.branch == own and saved.commit:
                before = await snapshots.tip(repo, own)
                run.data.setdefault("tip", before)
                await run.save()
                await snapshots.point(repo, own, saved.commit)
                failpoint("restore.swap.branch")
            await self._exchange(worktree, tree, new_tree)
        failpoint("restore.swap.tree")

    async def undo(self, run: Run) -> None:
        record = self.record()
        worktree, entry, tree, git = await asyncio.to_thread(self.places, run)
        old_tree, old_git, _, _ = run.data["swap"]
        repo, own = Path(record.repo_path), f"refs/heads/{record.branch}"
        async with snapshots.lock(repo):
            await self._exchange(worktree, tree, old_tree)
            if run.data.get("tip"):
                await snapshots.point(repo, own, run.data["tip"])
            await self._exchange(entry, git, old_git)

    async def _exchange(self, place: Path, other: Path, wanted: int) -> None:
        await self.parts.copies.run(lambda _: copies.swap(place, other, wanted), what=f"exchanging {place}")


class RestoreMachine(OfCheckpoint):
    """Make the machine anew from what was saved of it."""

    name = "machine"
    title = "making the machine anew"

    def __init__(self, parts: Parts, workspace: str, checkpoint: str, before: str) -> None:
        super().__init__(parts, workspace, checkpoint)
        self.before = before

    async def do(self, run: Run) -> None:
        await self._restore(self.checkpoint)

    async def undo(self, run: Run) -> None:
        await self._restore(self.before)

    async def _restore(self, checkpoint: str) -> None:
        record = self.record()
        await self.parts.backend(record.backend).restore(self.parts.spec(record), checkpoint)


class ForkFiles(OfCheckpoint):
    """Make a branch and a worktree, and fill it with the files and git's state of the checkpoint."""

    name = "worktree"
    title = "making the worktree"

    async def do(self, run: Run) -> None:
        saved, record = await self.saved(), self.record()
        repo, worktree = Path(record.repo_path), Path(record.worktree)
        commit = saved.commit or record.repo_commit
        resume = bool(run.data.get("worktree_begun"))
        if not resume:
            await asyncio.to_thread(copies.require_room, repo, saved.size)
            await worktrees.check_free(repo, worktree, record.branch)
            run.data.update(worktree_begun=True, commit=commit)
            await run.save()
        source = await self.parts.db.read(lambda conn: workspace_rows.get(conn, saved.workspace))
        former = Path(source.worktree) if source is not None else worktree
        tell = _telling(run, "copying")

        async def fill(checkout: Checkout) -> None:
            before = await asyncio.to_thread(entry_of, checkout.common, former)

            def bring(cancelled: Callable[[], bool]) -> None:
                def stop() -> bool:
                    return cancelled() or run.cancelled

                self.parts.copies.bring_out(self.checkpoint, checkout.path, saved.files, tell, stop)
                failpoint("fork.files.tree")
                self.parts.copies.bring_out_git(self.checkpoint, checkout.git_dir, snapshots.begins_without)
                if before is not None and (checkout.git_dir / "modules").is_dir():
                    found = copies.git_files(checkout.path)
                    snapshots.relocate(checkout.path, checkout.git_dir, former, before, found)

            with _whole(self.checkpoint):
                await self.parts.copies.run(bring, what=f"filling {checkout.path}")
            await snapshots.refresh(checkout)

        await worktrees.create(repo, worktree, record.branch, commit, resume=resume, fill=fill)

    async def undo(self, run: Run) -> None:
        if not run.data.get("worktree_begun"):
            return
        record = self.record()
        repo = Path(record.repo_path)
        await worktrees.remove(repo, Path(record.worktree), force=True)
        await worktrees.delete_branch(repo, record.branch, at=run.data["commit"])


class ForkMachine(OfCheckpoint):
    """Let the backend prepare a machine from what was saved of the other one."""

    name = "machine"
    title = "preparing the machine"

    async def do(self, run: Run) -> None:
        saved, record = await self.saved(), self.record()
        backend = self.parts.backend(record.backend)
        await backend.fork(self.parts.spec(record), saved.workspace, self.checkpoint, run.report)

    async def undo(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).destroy(self.workspace)


class Forget(OfCheckpoint):
    """Remove a checkpoint: what the backend saved, what the repository keeps, the copy, the record."""

    name = "forget"
    title = "removing the checkpoint"

    async def do(self, run: Run) -> None:
        saved = await self.parts.db.read(lambda conn: rows.get(conn, self.checkpoint))
        source = self.parts.registry.get(saved.workspace) if saved is not None else None
        if saved is None or saved.state == "removed":
            return
        if source is not None:
            await self.parts.backend(saved.backend).forget(saved.workspace, self.checkpoint)
            failpoint("forget.image.after")
            await remove_copy(self.parts, Path(source.repo_path), self.checkpoint)
        failpoint("forget.files.after")
        await self.parts.db.run(lambda conn: rows.update(conn, self.checkpoint, state="removed"))


class ForgetAll(Base):
    """Remove every checkpoint of a workspace that is being destroyed; the backend has removed its part already."""

    name = "checkpoints"
    title = "removing checkpoints"

    async def do(self, run: Run) -> None:
        record = self.record()
        found = await self.parts.db.read(lambda conn: rows.of_workspace(conn, self.workspace))
        run.data.setdefault("checkpoints", len(found))
        await run.save()
        for saved in found:
            await remove_copy(self.parts, Path(record.repo_path), saved.id)
            failpoint("destroy.checkpoint.removed")
            await self.parts.db.run(partial(rows.update, id=saved.id, state="removed"))
        if record.worktree:
            worktree = Path(record.worktree)
            await self.parts.copies.run(
                lambda _: copies.discard_all(worktree.parent, f".restore-{worktree.name}-"), what=f"removing {worktree}"
            )


async def remove_copy(parts: Parts, repo: Path, checkpoint: str) -> None:
    """Remove the files of a checkpoint and let the repository go of what they needed; nothing there is success."""
    await parts.copies.run(lambda _: parts.copies.remove(checkpoint), what="removing the checkpoint")
    failpoint("checkpoint.files.removed")
    with contextlib.suppress(RepositoryUnusable):
        await snapshots.forget(repo, checkpoint)


def damaged(checkpoint: str, missing: str) -> CheckpointDamaged:
    """What a checkpoint needs is gone."""
    return CheckpointDamaged(
        f"checkpoint {checkpoint} is damaged: its {missing} is gone", checkpoint=checkpoint, missing=missing
    )


def _discard(path: Path, cancelled: Callable[[], bool]) -> None:
    copies.discard(path)


@contextlib.contextmanager
def _named(workspace: str) -> Iterator[None]:
    try:
        yield
    except Unsavable as error:
        raise CheckpointImpossible(
            f"{error.path} cannot be saved: {error.reason}",
            hint="Remove it, or change its owner or permissions.",
            workspace=workspace,
            path=error.path,
            reason=error.reason,
        ) from error


@contextlib.contextmanager
def _whole(checkpoint: str) -> Iterator[None]:
    try:
        yield
    except (Damaged, Unsavable) as error:
        raise damaged(checkpoint, "files") from error


def _telling(run: Run, doing: str) -> Tell:
    """Progress from a thread, not too often; on the event loop."""
    loop = asyncio.get_running_loop()
    told = 0

    def tell(extent: Extent) -> None:
        nonlocal told
        if extent.size - told >= _REPORT_EVERY:
            told = extent.size
            message = f"{doing}: {extent.entries} files, {extent.size / 1e6:,.0f} MB"
            loop.call_soon_threadsafe(run.report, message)

    return tell
