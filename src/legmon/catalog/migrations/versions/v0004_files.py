"""What is known of each file of a recording, in place of one SHA-256 for each leg."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("leg_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("records_sha256", sa.String(length=64), nullable=False),
        sa.Column("verified_ns", sa.BigInteger(), nullable=False),
        sa.Column("damage", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["leg_id"], ["legs.id"], name=op.f("fk_files_leg_id_legs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("leg_id", "name", name=op.f("pk_files")),
    )
    # Size and time of the file are not known. A file that is not packed has the SHA-256 of its records.
    op.execute(
        "INSERT INTO files (leg_id, name, size, mtime_ns, sha256, records_sha256, verified_ns, damage)"
        " SELECT id, leg || '.seg', -1, 0, sealed, sealed, 0,"
        " CASE sealed WHEN '' THEN json_object('code', 'damaged', 'lost', json_array(), 'size', -1, 'mtime_ns', 0,"
        " 'checked_ns', 0) ELSE '' END"
        " FROM legs WHERE sealed IS NOT NULL"
    )
    op.drop_column("legs", "sealed")


def downgrade() -> None:
    op.add_column("legs", sa.Column("sealed", sa.String(length=64), nullable=True))
    op.execute(
        "UPDATE legs SET sealed = (SELECT CASE damage WHEN '' THEN sha256 ELSE '' END FROM files"
        " WHERE files.leg_id = legs.id AND files.name = legs.leg || '.seg')"
    )
    op.drop_table("files")
