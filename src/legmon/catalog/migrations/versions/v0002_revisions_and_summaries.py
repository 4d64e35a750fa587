"""Revisions of nights, kept summaries, the recorder's own counts; gaps and voluntary marks by their names."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "gaps",
        sa.Column("leg_id", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["leg_id"], ["legs.id"], name=op.f("fk_gaps_leg_id_legs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("leg_id", "first", name=op.f("pk_gaps")),
    )
    op.execute(
        'INSERT INTO gaps (leg_id, "first", "count", cause) SELECT leg_id, "first", "count", cause FROM holes'
    )
    op.drop_table("holes")
    op.execute("UPDATE labels SET label = 'voluntary' WHERE label = 'own'")
    # A posture that does not reach the end of its leg was read while the file was away.
    op.execute(
        'DELETE FROM derived WHERE "end" <> (SELECT legs."end" FROM legs WHERE legs.id = derived.leg_id)'
    )
    op.add_column("nights", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_nights_started_ns", "nights", ["started_ns"])
    op.create_table(
        "summaries",
        sa.Column("night_id", sa.String(length=40), nullable=False),
        sa.Column("rules", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("files", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["night_id"], ["nights.id"], name=op.f("fk_summaries_night_id_nights"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("night_id", "rules", name=op.f("pk_summaries")),
    )
    op.add_column("recorder", sa.Column("counts", sa.String(), nullable=False, server_default="{}"))
    op.add_column("recorder", sa.Column("analysed_ns", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("recorder", sa.Column("last_movements", sa.String(), nullable=False, server_default="[]"))


def downgrade() -> None:
    for column in ("counts", "analysed_ns", "last_movements"):
        op.drop_column("recorder", column)
    op.drop_table("summaries")
    op.drop_index("ix_nights_started_ns", "nights")
    op.drop_column("nights", "revision")
    op.execute("UPDATE labels SET label = 'own' WHERE label = 'voluntary'")
    op.rename_table("gaps", "holes")
