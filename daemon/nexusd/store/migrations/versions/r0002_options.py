"""How a workspace's machine is made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default fills the rows there are; an older record has no options.
    op.add_column("workspaces", sa.Column("options", sa.Text, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("workspaces", "options")
