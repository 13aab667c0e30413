"""The kinds of operation: which steps each has, and what a workspace is when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from nexus_sdk.protocol.errors import NexusError

from nexusd.git.repositories import redact_url
from nexusd.store import operations as operation_rows
from nexusd.store import ports as port_rows
from nexusd.store import workspaces as rows
from nexusd.store.connection import Connection
from nexusd.workspaces import steps
from nexusd.workspaces.checkpoint_steps import ForgetAll
from nexusd.workspaces.journal import Run, Step
from nexusd.workspaces.parts import Parts


class BasePlan:
    """A change of one workspace.

    Attributes:
        kind: the verb.
        cancellable: whether every step can be undone.
        goal: the workspace's state after success.
        passive: whether the workspace's state stays what it is: after a crash it is settled like one without operation.
    """

    kind = ""
    cancellable = False
    goal = ""
    passive = False

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def steps(self, run: Run) -> Sequence[Step]:
        """The steps, in order."""
        raise AssertionError("every plan names its steps")

    def succeed(self, conn: Connection, run: Run) -> None:
        """The workspace reached the goal."""
        self._settle(conn, run, self.goal, "")

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        """Undone, the workspace is what it was; otherwise it is in error and says why."""
        state = str(run.data.get("was", "error")) if undone else "error"
        self._settle(conn, run, state, "" if undone and state != "error" else f"{self.kind}: {error.message}")

    def _release(self, conn: Connection, run: Run) -> None:
        """The workspace stays as it is."""
        rows.update(conn, run.record.workspace, operation=None)

    def _settle(self, conn: Connection, run: Run, state: str, message: str) -> None:
        now = datetime.now(UTC)
        columns: dict[str, object] = {"state": state, "message": message, "operation": None, "updated_at": now}
        if state == "running":
            columns["last_active_at"] = now
        rows.update(conn, run.record.workspace, **columns)


class Create(BasePlan):
    """A new workspace. A failed one leaves nothing but a record of the failure."""

    kind = "create"
    cancellable = True

    def steps(self, run: Run) -> Sequence[Step]:
        parts, workspace = self.parts, run.record.workspace
        plan: list[Step] = [
            steps.ResolveRepository(parts, workspace),
            steps.AddWorktree(parts, workspace),
            steps.CreateMachine(parts, workspace),
        ]
        if run.record.params["start"]:
            plan.append(steps.StartMachine(parts, workspace))
        return plan

    def succeed(self, conn: Connection, run: Run) -> None:
        self._forget_credentials(conn, run)
        self._settle(conn, run, "running" if run.record.params["start"] else "stopped", "")

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        self._forget_credentials(conn, run)
        self._settle(conn, run, "destroyed" if undone else "error", f"create: {error.message}")
        if undone:
            port_rows.delete_workspace(conn, run.record.workspace)

    def _forget_credentials(self, conn: Connection, run: Run) -> None:
        """The URL was kept as it was given until nothing is fetched from it any more."""
        params = {**run.record.params, "url": redact_url(run.record.params["url"])}
        operation_rows.update(conn, run.record.id, params=params)


class Start(BasePlan):
    """A stopped workspace runs again; a paused one goes on."""

    kind = "start"
    cancellable = True
    goal = "running"

    def steps(self, run: Run) -> Sequence[Step]:
        step = steps.ResumeMachine if run.data["was"] == "paused" else steps.StartMachine
        return [step(self.parts, run.record.workspace)]

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        self._settle(conn, run, "error", f"{self.kind}: {error.message}")


class Stop(BasePlan):
    """Nothing runs any longer."""

    kind = "stop"
    goal = "stopped"

    def steps(self, run: Run) -> Sequence[Step]:
        return [steps.StopMachine(self.parts, run.record.workspace)]

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        self._settle(conn, run, "error", f"{self.kind}: {error.message}")


class Restart(Start):
    """Stopped, then started as a new incarnation."""

    kind = "restart"
    cancellable = False

    def steps(self, run: Run) -> Sequence[Step]:
        return [
            steps.StopMachine(self.parts, run.record.workspace),
            steps.StartMachine(self.parts, run.record.workspace),
        ]


class Pause(BasePlan):
    """Every process is frozen."""

    kind = "pause"
    cancellable = True
    goal = "paused"

    def steps(self, run: Run) -> Sequence[Step]:
        return [steps.PauseMachine(self.parts, run.record.workspace)]


class Resume(BasePlan):
    """Every process goes on."""

    kind = "resume"
    cancellable = True
    goal = "running"

    def steps(self, run: Run) -> Sequence[Step]:
        return [steps.ResumeMachine(self.parts, run.record.workspace)]


class Switch(Start):
    """The workspace runs and is the current one of its repository. Leaving the former one is its own operation."""

    kind = "switch"
    cancellable = False

    def steps(self, run: Run) -> Sequence[Step]:
        return [] if run.data["was"] == "running" else super().steps(run)

    def succeed(self, conn: Connection, run: Run) -> None:
        super().succeed(conn, run)
        row = rows.get(conn, run.record.workspace)
        if row is not None:
            rows.set_current(conn, row.id, row.repo_path, row.owner)


class Destroy(BasePlan):
    """The workspace is gone, except for work that exists nowhere else."""

    kind = "destroy"
    goal = "destroyed"

    def steps(self, run: Run) -> Sequence[Step]:
        parts, workspace = self.parts, run.record.workspace
        return [
            steps.StopMachine(parts, workspace),
            steps.CheckWork(parts, workspace),
            steps.DestroyMachine(parts, workspace),
            steps.RemoveWorktree(parts, workspace),
            ForgetAll(parts, workspace),
            steps.ForgetProcesses(parts, workspace),
        ]

    def succeed(self, conn: Connection, run: Run) -> None:
        self._settle(conn, run, "destroyed", "")
        rows.update(conn, run.record.workspace, current=False)
        port_rows.delete_workspace(conn, run.record.workspace)

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        # Work found at the last moment keeps the workspace, with its processes ended; anything else needs a person.
        kept = error.name == "workspace_dirty"
        self._settle(conn, run, "stopped" if kept else "error", "" if kept else f"destroy: {error.message}")


def plans(parts: Parts) -> dict[str, BasePlan]:
    """Every kind of operation, by name."""
    kinds = (Create, Start, Stop, Restart, Pause, Resume, Switch, Destroy)
    return {kind.kind: kind(parts) for kind in kinds}
