"""The state of the files of a night that they do not hold whole, beside its summary."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("summaries", sa.Column("files", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("summaries", "files")
