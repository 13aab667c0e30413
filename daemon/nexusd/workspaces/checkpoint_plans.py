"""The kinds of operation about checkpoints: their steps, and what is written when they end."""

from __future__ import annotations

from collections.abc import Sequence

from nexus_sdk.protocol.errors import NexusError

from nexusd.store import checkpoints as rows
from nexusd.store import ports as port_rows
from nexusd.store import workspaces as workspace_rows
from nexusd.store.connection import Connection
from nexusd.workspaces import checkpoint_steps as steps
from nexusd.workspaces.journal import Run, Step
from nexusd.workspaces.parts import Parts
from nexusd.workspaces.plans import BasePlan
from nexusd.workspaces.steps import StartMachine


def _saving(parts: Parts, workspace: str, checkpoint: str, was: str) -> list[Step]:
    """The steps that save a workspace which may run."""
    freeze = steps.Freeze(parts, workspace, was)
    return [
        steps.Room(parts, workspace),
        freeze,
        steps.SaveFiles(parts, workspace, checkpoint, freeze),
        steps.SaveMachine(parts, workspace, checkpoint),
        steps.Thaw(parts, workspace, was),
        steps.Seal(parts, workspace, checkpoint),
    ]


class Save(BasePlan):
    """A new checkpoint. The workspace stays what it is."""

    kind = "checkpoint"
    cancellable = True
    passive = True

    def steps(self, run: Run) -> Sequence[Step]:
        return _saving(self.parts, run.record.workspace, run.record.params["checkpoint"], run.data["was"])

    def succeed(self, conn: Connection, run: Run) -> None:
        self._release(conn, run)

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        rows.update(conn, run.record.params["checkpoint"], state="removed")
        if undone:
            self._release(conn, run)
        else:
            self._settle(conn, run, "error", f"{self.kind}: {error.message}")


class Restore(BasePlan):
    """The workspace is what it was at a checkpoint, and what it was until now is one."""

    kind = "restore"

    def steps(self, run: Run) -> Sequence[Step]:
        parts, workspace, params = self.parts, run.record.workspace, run.record.params
        checkpoint, before = params["checkpoint"], params["before"]
        plan: list[Step] = [
            steps.RoomAgain(parts, workspace),
            steps.Check(parts, workspace, checkpoint),
            steps.Stage(parts, workspace, checkpoint),
            steps.Halt(parts, workspace),
            steps.SaveFiles(parts, workspace, before),
            steps.SaveMachine(parts, workspace, before),
            steps.Seal(parts, workspace, before),
            steps.Swap(parts, workspace, checkpoint),
            steps.RestoreMachine(parts, workspace, checkpoint, before),
        ]
        if run.data["was"] == "running":
            plan.append(StartMachine(parts, workspace))
        plan.append(steps.Sweep(parts, workspace, checkpoint))
        return plan

    def succeed(self, conn: Connection, run: Run) -> None:
        self._settle(conn, run, "running" if run.data["was"] == "running" else "stopped", "")

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        if undone:
            rows.update(conn, run.record.params["before"], state="removed")
        halted = run.data.get("halted") and run.data["was"] != "running"
        state = "stopped" if halted else str(run.data["was"])
        self._settle(conn, run, state if undone else "error", "" if undone else f"{self.kind}: {error.message}")


class Fork(BasePlan):
    """A new workspace that begins as another one. A failed one leaves nothing but a record of the failure."""

    kind = "fork"
    cancellable = True

    def steps(self, run: Run) -> Sequence[Step]:
        parts, workspace, params = self.parts, run.record.workspace, run.record.params
        checkpoint, source = params["checkpoint"], params["source"]
        plan: list[Step] = []
        if params["saves"]:
            plan += [*_saving(parts, source, checkpoint, run.data["source_was"]), steps.Release(parts, source)]
        plan += [
            steps.ForkFiles(parts, workspace, checkpoint),
            steps.ForkMachine(parts, workspace, checkpoint),
        ]
        if params["start"]:
            plan.append(StartMachine(parts, workspace))
        if params["saves"]:
            plan.append(steps.Forget(parts, workspace, checkpoint))
        return plan

    def succeed(self, conn: Connection, run: Run) -> None:
        self._settle(conn, run, "running" if run.record.params["start"] else "stopped", "")

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        self._settle(conn, run, "destroyed" if undone else "error", f"fork: {error.message}")
        if run.record.params["saves"]:
            rows.update(conn, run.record.params["checkpoint"], state="removed")
            source = workspace_rows.get(conn, run.record.params["source"])
            if source is not None and source.operation == run.record.id:
                workspace_rows.update(conn, source.id, operation=None)
        if undone:
            port_rows.delete_workspace(conn, run.record.workspace)


class Forget(BasePlan):
    """A checkpoint is gone. The workspace stays what it is."""

    kind = "forget"
    passive = True

    def steps(self, run: Run) -> Sequence[Step]:
        return [steps.Forget(self.parts, run.record.workspace, run.record.params["checkpoint"])]

    def succeed(self, conn: Connection, run: Run) -> None:
        self._release(conn, run)

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        self._release(conn, run)


def checkpoint_plans(parts: Parts) -> dict[str, BasePlan]:
    """Every kind of operation about checkpoints, by name."""
    kinds = (Save, Restore, Fork, Forget)
    return {kind.kind: kind(parts) for kind in kinds}
