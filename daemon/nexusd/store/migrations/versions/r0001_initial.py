"""The schema of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NOT_DESTROYED = sa.text("state != 'destroyed'")


def upgrade() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("backend", sa.String(255), nullable=False),
        sa.Column("display_name", sa.Text),
        sa.Column("repo_url", sa.Text, nullable=False),
        sa.Column("repo_path", sa.Text, nullable=False),
        sa.Column("repo_ref", sa.Text, nullable=False),
        sa.Column("repo_commit", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("worktree", sa.Text, nullable=False),
        sa.Column("env", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("last_active_at", sa.BigInteger, nullable=False),
        sa.Column("operation", sa.String(40)),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "workspaces_owner_name",
        "workspaces",
        ["owner", "name"],
        unique=True,
        sqlite_where=_NOT_DESTROYED,
        postgresql_where=_NOT_DESTROYED,
    )
    op.create_index("workspaces_name", "workspaces", ["name"])
    op.create_index("workspaces_created_at", "workspaces", ["created_at", "id"])
    op.create_table(
        "operations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("workspace", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("key", sa.String(255)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("operations_workspace", "operations", ["workspace", "created_at"])
    op.create_index("operations_state", "operations", ["state"])
    op.create_index("operations_ended_at", "operations", ["ended_at"])
    op.create_table(
        "processes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("workspace", sa.String(40), nullable=False),
        sa.Column("argv", sa.Text, nullable=False),
        sa.Column("cwd", sa.Text, nullable=False),
        sa.Column("pty", sa.Text),
        sa.Column("stdin", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("pid", sa.BigInteger),
        sa.Column("pid_started", sa.BigInteger, nullable=False),
        sa.Column("exit", sa.Text),
        sa.Column("output_end", sa.BigInteger, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("processes_workspace", "processes", ["workspace", "started_at"])
    op.create_index("processes_state", "processes", ["state"])
    op.create_index("processes_ended_at", "processes", ["ended_at"])
    op.create_table(
        "ports",
        sa.Column("port", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("workspace", sa.String(40), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("port"),
    )
    op.create_index("ports_workspace", "ports", ["workspace"])
    op.create_table(
        "keys",
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("method", sa.String(80), nullable=False),
        sa.Column("params_hash", sa.String(128), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("operation", sa.String(40)),
        sa.Column("outcome", sa.LargeBinary),
        sa.Column("error", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "key"),
    )
    op.create_index("keys_created_at", "keys", ["created_at"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("workspaces", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("issuer_subject", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tokens_subject", "tokens", ["subject"])
    op.create_index("tokens_issuer_subject", "tokens", ["issuer_subject"])
    op.create_index("tokens_revoked_at", "tokens", ["revoked_at"])
    op.create_table(
        "meta",
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("meta")
    op.drop_table("tokens")
    op.drop_table("keys")
    op.drop_table("ports")
    op.drop_table("processes")
    op.drop_table("operations")
    op.drop_table("workspaces")
