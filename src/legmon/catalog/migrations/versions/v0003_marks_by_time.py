"""Marks name a leg and a time, no longer a sample index of one detector; the recorder reports what keeps the computer awake."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NS = 1_000_000_000


def upgrade() -> None:
    op.create_table(
        "marks",
        sa.Column("night_id", sa.String(length=40), nullable=False),
        sa.Column("leg", sa.String(length=8), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("set_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["night_id"], ["nights.id"], name=op.f("fk_marks_night_id_nights"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("night_id", "leg", "start_ns", name=op.f("pk_marks")),
    )
    _convert(op.get_bind())
    op.drop_table("labels")
    op.add_column("recorder", sa.Column("computer", sa.String(), nullable=False, server_default="{}"))


def _convert(c: sa.Connection) -> None:
    """Store the time of each marked movement, by the anchors of its leg and the movements in the catalog."""
    labels = c.execute(
        sa.text(
            'SELECT legs.night_id, legs.leg, labels.leg_id, labels."first", movements."end", labels.label, labels.set_ns'
            " FROM labels JOIN legs ON legs.id = labels.leg_id"
            ' LEFT JOIN movements ON movements.leg_id = labels.leg_id AND movements."first" = labels."first"'
        )
    ).all()
    for night, leg, leg_id, first, end, kind, set_ns in labels:
        query = 'SELECT "first", utc_ns, rate_hz FROM anchors WHERE leg_id = :leg ORDER BY "first"'
        anchors = c.execute(sa.text(query), {"leg": leg_id}).all()
        if not anchors:  # a leg without a sample has no movement either
            continue
        last = first if end is None else max(end - 1, first)
        values = {
            "night_id": night,
            "leg": leg,
            "start_ns": _utc_ns(anchors, first, first),
            "end_ns": _utc_ns(anchors, last, last if end is None else end),
            "kind": kind,
            "set_ns": set_ns,
        }
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        c.execute(sa.text(f"INSERT OR REPLACE INTO marks ({names}) VALUES ({places})"), values)  # noqa: S608


def _utc_ns(anchors: Sequence[Any], by: int, index: int) -> int:
    """Return the time of a sample by the anchor that applies at the index `by`."""
    anchor = next((a for a in reversed(anchors) if a[0] <= by), anchors[0])
    return int(anchor[1] + round((index - anchor[0]) * NS / anchor[2]))


def downgrade() -> None:
    op.drop_column("recorder", "computer")
    op.create_table(
        "labels",
        sa.Column("leg_id", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=False),
        sa.Column("set_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["leg_id"], ["legs.id"], name=op.f("fk_labels_leg_id_legs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("leg_id", "first", name=op.f("pk_labels")),
    )
    op.drop_table("marks")
