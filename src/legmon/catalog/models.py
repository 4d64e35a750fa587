"""The catalog's tables. legmon can make all of them again from the recordings and from the annotation files beside them."""

from sqlalchemy import BigInteger, ForeignKey, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class NightRow(Base):
    """A night: one session of recording, never cut at midnight.

    The counts are those of its rule set, as the recorder saved them. `revision` grows with each change that can change the
    night's figures, so that a
    cache of figures shows when it is out of date.
    """

    __tablename__ = "nights"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    simulated: Mapped[bool]
    zone_name: Mapped[str] = mapped_column(String(64))
    utc_offset_s: Mapped[int]
    rules: Mapped[str] = mapped_column(String(16))
    detector: Mapped[str] = mapped_column(String(40))
    started_ns: Mapped[int] = mapped_column(BigInteger, index=True)
    duration_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    analysed_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    movements: Mapped[int] = mapped_column(default=0)
    candidates: Mapped[int] = mapped_column(default=0)
    periodic: Mapped[int] = mapped_column(default=0)
    series: Mapped[int] = mapped_column(default=0)
    ended_by: Mapped[str] = mapped_column(String(12), default="")
    revision: Mapped[int] = mapped_column(default=0)

    legs: Mapped[list["LegRow"]] = relationship(
        back_populates="night", cascade="all, delete-orphan", order_by="LegRow.leg"
    )


class LegRow(Base):
    """One leg of a night: its sensor, and the faults of its signal (JSON)."""

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

    night: Mapped[NightRow] = relationship(back_populates="legs")
    movements: Mapped[list["MovementRow"]] = relationship(
        cascade="all, delete-orphan", order_by="MovementRow.first"
    )
    gaps: Mapped[list["GapRow"]] = relationship(cascade="all, delete-orphan", order_by="GapRow.first")
    anchors: Mapped[list["AnchorRow"]] = relationship(
        cascade="all, delete-orphan", order_by="AnchorRow.first"
    )


class FileRow(Base):
    """A file of a leg's recording as it was when it was verified; no row before that.

    `size` is -1 where it is not known. `records_sha256` covers the decoded records, so it stays the same when the file is packed.
    `verified_ns` is when the file was last found to be what was sealed; 0 if it never was. `damage` is empty, or says what was
    found instead (JSON: code, lost samples, and size and time of the file then).
    """

    __tablename__ = "files"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    records_sha256: Mapped[str] = mapped_column(String(64))
    verified_ns: Mapped[int] = mapped_column(BigInteger)
    damage: Mapped[str] = mapped_column(default="")


class MovementRow(Base):
    """A movement as the detector found it, in sample indices."""

    __tablename__ = "movements"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    end: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    peak_mg: Mapped[float | None]
    confidence: Mapped[float | None]


class GapRow(Base):
    """Missing samples and their cause."""

    __tablename__ = "gaps"

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
    """Lights off and on, as the person set them; the recording's own start and end stay beside them."""

    __tablename__ = "lights"

    night_id: Mapped[str] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True)
    off_ns: Mapped[int | None] = mapped_column(BigInteger)
    on_ns: Mapped[int | None] = mapped_column(BigInteger)
    set_ns: Mapped[int] = mapped_column(BigInteger)


class NoteRow(Base):
    """The person's note of a night, and its tags (a JSON list of texts)."""

    __tablename__ = "notes"

    night_id: Mapped[str] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str]
    tags: Mapped[str]
    set_ns: Mapped[int] = mapped_column(BigInteger)


class MarkRow(Base):
    """A mark of the person: a leg, and the time of the movement that was marked. The movement itself stays as it was found."""

    __tablename__ = "marks"

    night_id: Mapped[str] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True)
    leg: Mapped[str] = mapped_column(String(8), primary_key=True)
    start_ns: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    end_ns: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    set_ns: Mapped[int] = mapped_column(BigInteger)


class CheckRow(Base):
    """A fit check and its result (JSON), by the recording's clock."""

    __tablename__ = "checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    leg: Mapped[str] = mapped_column(String(8))
    at_ns: Mapped[int] = mapped_column(BigInteger)
    result: Mapped[str]


class DerivedRow(Base):
    """Posture and envelope of a leg's closed night, so that the recording need not be read again; `version` made them."""

    __tablename__ = "derived"

    leg_id: Mapped[int] = mapped_column(ForeignKey("legs.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    step: Mapped[int]
    end: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[bytes]
    envelope: Mapped[bytes]
    battery: Mapped[str]


class SummaryRow(Base):
    """The summary (JSON) of a closed night under a rule set: made by `version`, of the night at `revision`.

    `files` is empty where the recording gave the whole night. Otherwise it is the state of the files that gave the summary, which
    is of use as long as they stay so.
    """

    __tablename__ = "summaries"

    night_id: Mapped[str] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True)
    rules: Mapped[str] = mapped_column(String(16), primary_key=True)
    version: Mapped[str] = mapped_column(String(80))
    revision: Mapped[int]
    files: Mapped[str] = mapped_column(default="")
    value: Mapped[str]


class WantedRow(Base):
    """The desired state: what the recorder works towards. One row."""

    __tablename__ = "wanted"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    mode: Mapped[str] = mapped_column(String(8))
    leg: Mapped[str | None] = mapped_column(String(8))
    sensors: Mapped[str] = mapped_column(default="{}")
    asked_ns: Mapped[int] = mapped_column(BigInteger, default=0)


class RecorderRow(Base):
    """The recorder's last report: its state, and the counts and last movements of the running night. One row."""

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
    counts: Mapped[str] = mapped_column(default="{}")
    analysed_ns: Mapped[int] = mapped_column(BigInteger, default=0)
    last_movements: Mapped[str] = mapped_column(default="[]")
    trouble: Mapped[str | None]
    mode: Mapped[str] = mapped_column(String(8))
    computer: Mapped[str] = mapped_column(default="{}")
