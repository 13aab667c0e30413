"""The steps that operations are made of. Each is idempotent, and each can be undone or needs no undoing.

A step finds its workspace in the registry when it runs, never before: between two steps the daemon may have died and
started again. What a step learns and a later one needs goes into ``run.data``, which is written with the journal.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus_sdk.protocol.errors import BranchExists, WorkspaceDirty, WorkspaceNotFound
from nexus_sdk.protocol.types import RepositorySource

from nexusd.git import repositories, worktrees
from nexusd.store import workspaces as rows
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.journal import Run
from nexusd.workspaces.parts import Parts

STOP_SECONDS = 10.0
"""How long processes may take to end by themselves where an operation does not say."""


class Base:
    """A step over one workspace; undoing does nothing unless a step says otherwise."""

    name = ""
    title = ""

    def __init__(self, parts: Parts, workspace: str) -> None:
        self.parts = parts
        self.workspace = workspace

    def record(self) -> WorkspaceRecord:
        """The workspace as it is now."""
        record = self.parts.registry.get(self.workspace)
        if record is None:
            raise WorkspaceNotFound(f"there is no workspace {self.workspace}", workspace=self.workspace)
        return record

    async def write(self, **columns: object) -> None:
        """Change the workspace's row and let everybody know."""
        await self.parts.db.run(lambda conn: rows.update(conn, self.workspace, **columns))
        record = await self.parts.db.read(lambda conn: rows.get(conn, self.workspace))
        if record is not None:
            self.parts.registry.put(record)

    async def undo(self, run: Run) -> None:
        """Nothing to undo."""


class ResolveRepository(Base):
    """Find the repository, fetching a remote one, and fix the commit that the workspace begins at."""

    name = "repository"
    title = "finding the repository"

    async def do(self, run: Run) -> None:
        if "commit" in run.data:
            return
        record = self.record()
        params = run.record.params
        source = (
            RepositorySource(url=params["url"])
            if params.get("ref") is None
            else RepositorySource(url=params["url"], ref=params["ref"])
        )
        handle = await repositories.resolve(source, self.parts.home, owner=record.owner, progress=run.report)
        worktree = worktrees.location(handle, record.name, self.parts.home)
        run.data.update(
            repo_path=str(handle.path), commit=handle.commit, ref=handle.ref, url=handle.url, worktree=str(worktree)
        )
        await self.write(
            repo_url=handle.url,
            repo_path=str(handle.path),
            repo_ref=handle.ref,
            repo_commit=handle.commit,
            worktree=str(worktree),
            root=self.parts.backend(record.backend).root(str(worktree)),
        )


class AddWorktree(Base):
    """Make the branch and the worktree."""

    name = "worktree"
    title = "making the worktree"

    async def do(self, run: Run) -> None:
        record = self.record()
        # The marker is journalled before git is called: after a crash it tells our half-made worktree from another's.
        resume = bool(run.data.get("worktree_begun"))
        if not resume:
            await worktrees.check_free(Path(run.data["repo_path"]), Path(run.data["worktree"]), record.branch)
            run.data["worktree_begun"] = True
            await run.save()
        await self.parts.backend(record.backend).begin(self.parts.spec(record))
        try:
            await worktrees.create(
                Path(run.data["repo_path"]),
                Path(run.data["worktree"]),
                record.branch,
                run.data["commit"],
                resume=resume,
            )
        except BranchExists:
            if not resume:
                # Somebody else made it since `check_free`: it is not ours to undo.
                run.data["worktree_begun"] = False
                await run.save()
            raise

    async def undo(self, run: Run) -> None:
        record = self.record()
        if any(step["name"] == CreateMachine.name and step["state"] == "waiting" for step in run.record.steps):
            await self.parts.backend(record.backend).destroy(self.workspace)  # it has only been begun
        if not run.data.get("worktree_begun"):
            return
        repo = Path(run.data["repo_path"])
        await worktrees.remove(repo, Path(run.data["worktree"]), force=True)
        await worktrees.delete_branch(repo, record.branch, at=run.data["commit"])


class CreateMachine(Base):
    """Let the backend prepare the machine."""

    name = "machine"
    title = "preparing the machine"

    async def do(self, run: Run) -> None:
        record = self.record()
        await self.parts.backend(record.backend).create(self.parts.spec(record), run.report)

    async def undo(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).destroy(self.workspace)


class StartMachine(Base):
    """Run the machine as a new incarnation."""

    name = "start"
    title = "starting"

    async def do(self, run: Run) -> None:
        record = self.record()
        if "generation" not in run.data:
            run.data["generation"] = record.generation + 1
            await run.save()
        if record.generation != run.data["generation"]:
            await self.write(generation=run.data["generation"])
        record = self.record()
        await self.parts.backend(record.backend).start(self.parts.spec(record))

    async def undo(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).stop(self.workspace, STOP_SECONDS)


class StopMachine(Base):
    """End every process, then the machine."""

    name = "stop"
    title = "stopping processes"

    async def do(self, run: Run) -> None:
        grace = run.record.params.get("timeout_ms", STOP_SECONDS * 1000) / 1000
        record = self.record()
        await self.parts.processes.stop_workspace(self.workspace, grace)
        await self.parts.backend(record.backend).stop(self.workspace, grace)


class PauseMachine(Base):
    """Freeze every process."""

    name = "pause"
    title = "freezing processes"

    async def do(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).pause(self.workspace)

    async def undo(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).resume(self.workspace)


class ResumeMachine(Base):
    """Let every process go on."""

    name = "resume"
    title = "thawing processes"

    async def do(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).resume(self.workspace)

    async def undo(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).pause(self.workspace)


class CheckWork(Base):
    """Look once more for work that exists nowhere else, now that nothing can write any longer."""

    name = "check"
    title = "looking for work that would be lost"

    async def do(self, run: Run) -> None:
        record = self.record()
        if run.record.params.get("force") or "unpushed" in run.data or not record.repo_path:
            return
        repo = Path(record.repo_path)
        if await asyncio.to_thread(Path(record.worktree).is_dir):
            work = await worktrees.inspect_work(repo, Path(record.worktree), record.branch)
            if work.lost:
                raise dirty(record, work)
            run.data["unpushed"] = work.unpushed
        elif await asyncio.to_thread(repo.exists):
            run.data["unpushed"] = await worktrees.branch_unique_commits(repo, record.branch)


class DestroyMachine(Base):
    """Let the backend remove what it holds."""

    name = "machine"
    title = "removing the machine"

    async def do(self, run: Run) -> None:
        await self.parts.backend(self.record().backend).destroy(self.workspace)


class RemoveWorktree(Base):
    """Remove the worktree, and the branch unless it holds commits of its own."""

    name = "worktree"
    title = "removing the worktree"

    async def do(self, run: Run) -> None:
        record, params = self.record(), run.record.params
        if not record.worktree or not await asyncio.to_thread(Path(record.repo_path).exists):
            return
        repo, force = Path(record.repo_path), bool(params.get("force"))
        unpushed = int(run.data.get("unpushed", 0))
        await worktrees.remove(repo, Path(record.worktree), force=force)
        if unpushed and not force and params.get("keep_branch", True):
            run.data["kept"] = {
                "workspace": record.id,
                "path": record.repo_path,
                "branch": record.branch,
                "changed": 0,
                "unpushed": unpushed,
                "files": [],
            }
        else:
            # Looked at once more where nothing may be lost: somebody may have committed on the branch since.
            careful = not force and bool(params.get("keep_branch", True))
            await worktrees.delete_branch(repo, record.branch, only_if_merged=careful)


class ForgetProcesses(Base):
    """Remove the records and the output of the workspace's processes."""

    name = "processes"
    title = "removing process output"

    async def do(self, run: Run) -> None:
        await self.parts.processes.forget_workspace(self.workspace)


def dirty(record: WorkspaceRecord, work: worktrees.Work) -> WorkspaceDirty:
    """The error that names what destroying would have lost."""
    return WorkspaceDirty(
        f"workspace {record.name} has {' and '.join(work.losses)}; everything was kept in {record.worktree}",
        workspace=record.id,
        path=record.worktree,
        branch=record.branch,
        changed=work.changed,
        unpushed=work.unpushed,
        files=list(work.files[:20]),
    )
