"""How sure each movement is. That of movements which are in the catalog already is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("movements", sa.Column("confidence", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("movements", "confidence")
