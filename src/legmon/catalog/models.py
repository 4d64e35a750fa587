"""The catalog's tables. All but the desired state is derived from the recordings, which are the truth."""

from sqlalchemy import BigInteger, ForeignKey, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class NightRow(Base):
    """A night: a session of recording, never cut at midnight. Counts are those of its rule set, kept for the list."""

    __tablename__ = "nights"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    simulated: Mapped[bool]
    zone_name: Mapped[str] = mapped_column(String(64))
    utc_offset_s: Mapped[int]
    rules: Mapped[str] = mapped_column(String(16))
    detector: Mapped[str] = mapped_column(String(40))
    started_ns: Mapped[int] = mapped_column(BigInteger)
    duration_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    analysed_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    movements: Mapped[int] = mapped_column(default=0)
    candidates: Mapped[int] = mapped_column(default=0)
    periodic: Mapped[int] = mapped_column(default=0)
    series: Mapped[int] = mapped_column(default=0)
    ended_by: Mapped[str] = mapped_column(String(12), default="")

    legs: Mapped[list["LegRow"]] = relationship(
        back_populates="night", cascade="all, delete-orphan", order_by="LegRow.leg"
    )


class LegRow(Base):
    """One leg of a night: its sensor, its file (SHA-256 once verified, empty if damaged), and faults of its signal (JSON)."""

    __tablename__ = "legs"
    __table_args__ = (UniqueConstraint("night_id", "leg"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    night_id: Mapped[str] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"))
    leg: Mapped[str] = mapped_column(String(8))
    sensor: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(64))
    declared_hz: Mapped[float]
    scale_ug: Mapped[int]
    loss: Mapped[str] = mapped_column(String(8))
    samples: Mapped[int] = mapped_column(BigInteger, default=0)
    end: Mapped[int] = mapped_column(BigInteger, default=0)
    quality: Mapped[str] = mapped_column(default="[]")
    sealed: Mapped[str | None] = mapped_column(String(64))

    night: Mapped[NightRow] = relationship(back_populates="legs")
    movements: Mapped[list["MovementRow"]] = relationship(
        cascade="all, delete-orphan", order_by="MovementRow.first"
    )
    gaps: Mapped[list["GapRow"]] = relationship(cascade="all, delete-orphan", order_by="GapRow.first")
    anchors: Mapped[list["AnchorRow"]] = relationship(
        cascade="all, delete-orphan", order_by="AnchorRow.first"
    )


class MovementRow(Base):
    """A movement as the detector found it, in sample indices."""

    __tablename__ = "movements"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    end: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    peak_mg: Mapped[float | None]


class GapRow(Base):
    """Missing samples and their cause."""

    __tablename__ = "holes"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    cause: Mapped[str] = mapped_column(String(32))


class AnchorRow(Base):
    """The fit of time in force: provisional while the night records, final afterwards."""

    __tablename__ = "anchors"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    utc_ns: Mapped[int] = mapped_column(BigInteger)
    rate_hz: Mapped[float]


class SettingsRow(Base):
    """How the pages look and what was set up. One row, JSON."""

    __tablename__ = "settings"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    value: Mapped[str]


class LightsRow(Base):
    """When the light was off and on again, as its owner says; the recording's own start and end stay what they are."""

    __tablename__ = "lights"

    night_id: Mapped[str] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True)
    off_ns: Mapped[int | None] = mapped_column(BigInteger)
    on_ns: Mapped[int | None] = mapped_column(BigInteger)
    set_ns: Mapped[int] = mapped_column(BigInteger)


class LabelRow(Base):
    """What the owner says of a movement; the movement itself stays as it was found."""

    __tablename__ = "labels"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    label: Mapped[str] = mapped_column(String(16))
    set_ns: Mapped[int] = mapped_column(BigInteger)


class CheckRow(Base):
    """A fit check: what it found (JSON), by the recording's clock."""

    __tablename__ = "checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    leg: Mapped[str] = mapped_column(String(8))
    at_ns: Mapped[int] = mapped_column(BigInteger)
    result: Mapped[str]


class DerivedRow(Base):
    """Posture and envelope of a leg's closed night, so that its recording need not be read again; made by `version`."""

    __tablename__ = "derived"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    step: Mapped[int]
    end: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[bytes]
    envelope: Mapped[bytes]
    battery: Mapped[str]


class WantedRow(Base):
    """The desired state: what the recorder works towards. One row."""

    __tablename__ = "wanted"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    mode: Mapped[str] = mapped_column(String(8))
    leg: Mapped[str | None] = mapped_column(String(8))
    sensors: Mapped[str] = mapped_column(default="{}")
    asked_ns: Mapped[int] = mapped_column(BigInteger, default=0)


class RecorderRow(Base):
    """What the recorder last said of itself. One row."""

    __tablename__ = "recorder"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    seen_ns: Mapped[int] = mapped_column(BigInteger)
    clock_night_ns: Mapped[int] = mapped_column(BigInteger)
    clock_wall_ns: Mapped[int] = mapped_column(BigInteger)
    clock_speed: Mapped[float]
    moment: Mapped[str]
    simulated: Mapped[bool]
    night_id: Mapped[str | None] = mapped_column(String(40))
    sensors: Mapped[str]
    nearby: Mapped[str] = mapped_column(default="[]")
    confirmed: Mapped[str]
    trouble: Mapped[str | None]
    mode: Mapped[str] = mapped_column(String(8))
