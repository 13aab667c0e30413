"""After a crash, and on a timer: the backends are made to agree with the database, which is the truth.

At start, in this order: leftovers of processes are ended; machines without a workspace are removed; operations that
were under way are finished or undone; workspaces that ran and do not any longer are started again or marked. What is
not ours, that is, without our label, is never touched, and a worktree is only ever removed by an operation.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from nexus_sdk.protocol.errors import BackendFailed, BackendUnavailable, NexusError

from nexusd.backends.base import Backend, MachineStatus, ProcessHandle
from nexusd.failpoints import failpoint
from nexusd.store import checkpoints as checkpoint_rows
from nexusd.store import operations as operation_rows
from nexusd.store import ports as port_rows
from nexusd.store import workspaces as rows
from nexusd.store.connection import Connection
from nexusd.store.operations import OperationRecord
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.copies import Copies
from nexusd.workspaces.manager import Manager
from nexusd.workspaces.steps import STOP_SECONDS

log = logging.getLogger(__name__)


async def load(manager: Manager) -> None:
    """Fill the registry and the table of ports from the store."""
    parts = manager.parts

    def read(conn: Connection) -> tuple[list[WorkspaceRecord], list[port_rows.PortRecord]]:
        return rows.select(conn)[0], port_rows.all_ports(conn)

    records, ports = await parts.db.read(read)
    parts.registry.load(records)
    for port in ports:
        parts.ports.setdefault(port.workspace, {})[port.name] = port.port


async def recover(manager: Manager) -> None:
    """Mend what the last run of the daemon left open. Called once, before the sockets open."""
    parts = manager.parts
    await parts.processes.recover(await _adopt(manager), manager.unsettled)
    failpoint("recover.processes.after")
    open_ones = await parts.db.read(operation_rows.open_ones)
    busy = {operation.workspace for operation in open_ones if not _passive(manager, operation)}
    manager.background(sweep_copies(manager))
    away = await remove_orphans(manager)
    failpoint("recover.orphans.after")
    for record in parts.registry.all():
        if record.id in busy:
            continue
        if record.backend in away and parts.backends[record.backend].capabilities.survives_daemon:
            # One that hangs would let each of its workspaces wait for it.
            manager.unsettled.add(record.id)
        else:
            await _settle(manager, record)
    failpoint("recover.settle.after")
    for operation in open_ones:
        _resume(manager, operation)


def _passive(manager: Manager, operation: OperationRecord) -> bool:
    plan = manager.plans.get(operation.kind)
    return plan is not None and plan.passive


async def sweep_copies(manager: Manager) -> None:
    """Remove files of checkpoints that no record speaks of, as when a database was put back that knows less."""
    copies, db = manager.parts.copies, manager.parts.db
    # In this order: a record is written before its files.
    for name in await copies.run(lambda _: copies.names(), what="looking for checkpoints"):
        known = await db.read(partial(checkpoint_rows.get, id=name))
        if known is None or known.state == "removed":
            log.warning("removing files of checkpoint %s: no record", name)
            await copies.run(partial(_remove_copy, copies, name), what="removing a checkpoint's files")


def _remove_copy(copies: Copies, checkpoint: str, cancelled: Callable[[], bool]) -> None:
    copies.remove(checkpoint)


async def _adopt(manager: Manager) -> list[ProcessHandle]:
    """The processes that keepers still have of workspaces that run."""
    parts, found = manager.parts, []
    for record in parts.registry.all():
        backend = parts.backends.get(record.backend)
        if backend is None or not backend.capabilities.survives_daemon or record.state not in ("running", "paused"):
            continue
        try:
            found += await backend.machine(parts.spec(record)).adopt()
        except BackendUnavailable as error:
            log.warning("the processes of workspace %s are looked at later: %s", record.name, error)
            manager.unsettled.add(record.id)
        except NexusError as error:
            log.error("the processes of workspace %s cannot be looked at: %s", record.name, error)
    return found


async def remove_orphans(manager: Manager) -> set[str]:
    """Remove machines whose workspace does not exist, and ports that belong to none; the backends that are away."""
    parts = manager.parts
    away: set[str] = set()
    for backend in parts.backends.values():
        healthy, message = await backend.health()
        if not healthy:
            log.warning("backend %s is not usable, its machines were not looked at: %s", backend.name, message)
            away.add(backend.name)
            continue
        for status in await _listed(backend):
            if parts.registry.get(status.workspace) is None:
                log.warning("removing machine %s of backend %s: no workspace", status.workspace, backend.name)
                await _tolerate(backend.name, backend.destroy(status.workspace))
    for workspace in await parts.db.read(_ownerless_ports):
        await parts.db.run(partial(port_rows.delete_workspace, workspace=workspace))
    return away


def _ownerless_ports(conn: Connection) -> set[str]:
    owners = {port.workspace for port in port_rows.all_ports(conn)}
    records = {owner: rows.get(conn, owner) for owner in owners}
    return {owner for owner, record in records.items() if record is None or record.state == "destroyed"}


async def settle_rest(manager: Manager) -> None:
    """Settle the workspaces whose backend could not be asked when the daemon started, if it can be now."""
    for workspace in tuple(manager.unsettled):
        record = manager.parts.registry.get(workspace)
        backend = manager.parts.backends.get(record.backend) if record is not None else None
        if record is None or backend is None or record.operation is not None:
            manager.unsettled.discard(workspace)
        elif (await backend.health())[0]:
            await _settle(manager, record)


async def _listed(backend: Backend) -> Sequence[MachineStatus]:
    try:
        return await backend.list()
    except NexusError as error:
        log.error("backend %s: its machines cannot be listed: %s", backend.name, error)
        return []


async def _settle(manager: Manager, record: WorkspaceRecord) -> None:
    """Bring one workspace without an open operation to the state that its record says, or change the record."""
    parts = manager.parts
    backend = parts.backends.get(record.backend)
    if backend is None:
        log.warning("workspace %s needs backend %s, which this node does not have", record.name, record.backend)
        return
    state = record.state
    columns: dict[str, object] = {}
    if backend.capabilities.survives_daemon and state in ("running", "paused", "stopped"):
        await _settle_survivor(manager, backend, record)
        return
    if state == "paused" and not backend.capabilities.survives_daemon:
        # Its frozen processes ended with the daemon: there is nothing left to thaw.
        columns["state"] = "stopped"
    elif state == "running" and not backend.capabilities.survives_daemon:
        columns["generation"] = record.generation + 1
    elif state in ("pending", "destroying"):
        columns.update(state="error", message="an operation on it was interrupted and left no journal")
    if columns:
        columns["updated_at"] = datetime.now(UTC)
        await parts.db.run(lambda conn: rows.update(conn, record.id, **columns))
        await manager.refresh(record.id)
    if state == "running":
        current = parts.registry.get(record.id) or record
        await _tolerate(record.backend, backend.start(parts.spec(current)))


async def _settle_survivor(manager: Manager, backend: Backend, record: WorkspaceRecord) -> None:
    """The same where machines outlive the daemon: what runs is taken up again, what ended meanwhile is begun anew."""
    parts, workspace = manager.parts, record.id
    try:
        found = {status.workspace: status.state for status in await backend.list()}.get(workspace, "absent")
        if record.state == "running" and found != "paused":
            if found != "running":
                await _write(manager, record, generation=record.generation + 1)
            await backend.start(parts.spec(parts.registry.get(workspace) or record))
        elif record.state == "stopped" and found in ("running", "paused"):
            await backend.stop(workspace, STOP_SECONDS)
        elif record.state != found and not (record.state == "stopped" and found == "absent"):
            await _write(manager, record, state="stopped" if found == "absent" else found)
        if workspace in manager.unsettled:
            await _take_up(manager, backend, record)
    except BackendUnavailable as error:
        log.warning("workspace %s is left for later: %s", record.name, error)
        manager.unsettled.add(workspace)
    except NexusError as error:
        log.error("backend %s: workspace %s: %s", backend.name, record.name, error)
        manager.unsettled.discard(workspace)
        await _write(manager, record, state="error", message=f"start: {error.message}")
    else:
        manager.unsettled.discard(workspace)


async def _take_up(manager: Manager, backend: Backend, record: WorkspaceRecord) -> None:
    """Find the processes of a workspace that could not be asked for them when the daemon started."""
    parts = manager.parts
    try:
        handles = await backend.machine(parts.spec(parts.registry.get(record.id) or record)).adopt()
    except BackendFailed:
        handles = []  # it does not run
    await parts.processes.take_up(record.id, handles)


def follow(manager: Manager) -> None:
    """From now on, hear of machines that change without us, and let their workspaces follow. Called after `recover`."""
    for backend in manager.parts.backends.values():
        backend.on_change = partial(_changed, manager, backend)


def _changed(manager: Manager, backend: Backend, workspace: str, state: str) -> None:
    manager.background(_observe(manager, backend, workspace, state))


async def _observe(manager: Manager, backend: Backend, workspace: str, state: str) -> None:
    """A machine is in another state than we brought it to: the record follows, unless an operation is at work on it."""
    record = manager.parts.registry.get(workspace)
    if record is None or record.operation is not None or record.state not in ("running", "paused", "stopped"):
        return
    if workspace in manager.unsettled:
        # Its backend was away when we started, and nobody stopped it on purpose since.
        await _settle(manager, record)
    elif record.state == "stopped":
        if state in ("running", "paused"):
            log.warning("workspace %s was started by somebody else and is stopped again", record.name)
            await _tolerate(backend.name, backend.stop(workspace, STOP_SECONDS))
    elif state == "absent":
        message = (
            f"its machine was removed from outside of Nexus; `boulder workspace start {record.name}` makes it anew"
        )
        await _write(manager, record, state="error", message=message)
    elif state != record.state:
        await _write(manager, record, state=state)


async def _write(manager: Manager, record: WorkspaceRecord, **columns: object) -> None:
    """Change a record, unless an operation or somebody else has changed it meanwhile."""

    def write(conn: Connection) -> None:
        row = rows.get(conn, record.id)
        if row is not None and row.operation is None and row.state == record.state:
            rows.update(conn, record.id, updated_at=datetime.now(UTC), **columns)

    await manager.parts.db.run(write)
    await manager.refresh(record.id)


def _resume(manager: Manager, operation: OperationRecord) -> None:
    plan = manager.plans.get(operation.kind)
    if plan is None:
        log.error("operation %s is of an unknown kind %s and was left alone", operation.id, operation.kind)
        return
    log.info("going on with %s of workspace %s (operation %s)", operation.kind, operation.workspace, operation.id)
    manager.journal.begin(plan, operation)


async def _tolerate(backend: str, work: Awaitable[None]) -> None:
    """Await a backend's verb; a failure is logged and left to the timer, so that one backend cannot stop the daemon."""
    try:
        await work
    except NexusError as error:
        log.error("backend %s: %s", backend, error)
