"""Which signals callers sent to a process."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default fills the rows there are; of their processes nobody knows it any more.
    op.add_column("processes", sa.Column("signalled", sa.Text, nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("processes", "signalled")
