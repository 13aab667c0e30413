"""What is written when an operation ends."""

from datetime import UTC, datetime

import pytest
from nexus_sdk.protocol.errors import RepositoryUnusable
from nexusd.store import operations as rows
from nexusd.store import workspaces as workspace_rows
from nexusd.store.database import Database
from nexusd.store.operations import OperationRecord
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.journal import Journal
from nexusd.workspaces.plans import Create

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("fails", [False, True])
async def test_credentials_are_forgotten_when_nothing_is_fetched_any_more(tmp_path, fails):
    database = await Database.open(tmp_path / "nexus.db")
    text = {
        "message": "",
        "repo_url": "",
        "repo_path": "",
        "repo_ref": "",
        "repo_commit": "",
        "root": "",
        "worktree": "",
    }
    workspace = WorkspaceRecord(
        id="ws_test",
        name="test",
        owner="alice",
        state="pending",
        backend="host",
        display_name=None,
        branch="nexus/test",
        env={},
        labels={},
        current=False,
        generation=0,
        created_at=NOW,
        updated_at=NOW,
        last_active_at=NOW,
        operation="op_test",
        **text,
    )
    operation = OperationRecord(
        id="op_test",
        kind="create",
        workspace="ws_test",
        owner="alice",
        state="running",
        steps=[],
        message="",
        error=None,
        params={"url": "https://user:sekrit@example.invalid/x.git", "ref": None, "start": False},
        key=None,
        created_at=NOW,
        ended_at=None,
        data={},
    )

    def insert(conn):
        workspace_rows.insert(conn, workspace)
        rows.insert(conn, operation)

    await database.run(insert)

    async def changed(workspace):
        pass

    plan, run = Create(None), Journal(database, changed).draft(operation)
    error = RepositoryUnusable("gone", url="", reason="gone")
    await database.run(lambda conn: plan.fail(conn, run, error, True) if fails else plan.succeed(conn, run))
    record = await database.read(lambda conn: rows.get(conn, "op_test"))
    after = await database.read(lambda conn: workspace_rows.get(conn, "ws_test"))
    await database.close()
    assert record.params["url"] == "https://example.invalid/x.git"
    assert (after.state, after.operation) == ("destroyed" if fails else "stopped", None)
