"""When a process is to be ended, and why it is being ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("processes", sa.Column("deadline", sa.BigInteger))
    op.add_column("processes", sa.Column("ending", sa.String(20)))


def downgrade() -> None:
    op.drop_column("processes", "ending")
    op.drop_column("processes", "deadline")
