"""Nights that nobody ended, when a recorder starts: which goes on, which is closed, which is left for later."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from pathlib import Path

import pytest

from legmon.catalog.clock import Clock
from legmon.catalog.state import RecorderState
from legmon.catalog.store import Catalog
from legmon.messages import Trouble
from legmon.movement import NS, Leg
from legmon.nights.custody import seal_next
from legmon.recorder.ending import NightCloser, goes_on, resume_night
from legmon.recorder.night import NightRecorder
from legmon.recording.files import read_segment
from tests.test_leg_recorder import BEGAN, SOURCE, stream

MINUTE_NS = 60 * NS


def damage(path: Path) -> None:
    """Damage the first record, without which nothing is known of the rest."""
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("night_min", "seen_s", "speed", "goes"),
    [
        (20, None, 1.0, True),
        (31, None, 1.0, False),
        (300, 5.0, 1.0, True),  # nothing came for hours, or what came is still waited for
        (300, 2000.0, 1.0, False),
        (300, 100.0, 30.0, False),  # a simulated night runs faster
        (20, -3600.0, 1.0, True),  # the wall clock was set meanwhile
    ],
)
def test_a_night_goes_on_if_its_recorder_was_away_for_less_than_half_an_hour(
    tmp_path: Path, night_min: int, seen_s: float | None, speed: float, *, goes: bool
) -> None:
    catalog = Catalog(tmp_path)
    now_ns = time.time_ns()
    night = NightRecorder.begin(catalog, now_ns - night_min * MINUTE_NS, simulated=True)
    if seen_s is not None:
        state = RecorderState(now_ns - round(seen_s * NS), Clock(speed=speed), True, night.id, [])
        catalog.report(state)
    (info,) = catalog.nights()
    assert goes_on(catalog, info, now_ns) is goes
    other = replace(info, id="another")
    assert goes_on(catalog, other, now_ns) is (night_min < 30)
    catalog.close()


@pytest.mark.parametrize("transient", [False, True])
@pytest.mark.parametrize("damages", [("left", "right"), ("left",)])
def test_a_night_that_cannot_be_read_is_closed_if_it_never_will_be(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damages: tuple[Leg, ...],
    *,
    transient: bool,
) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, time.time_ns(), simulated=True)
    legs: tuple[Leg, ...] = ("left", "right")
    for leg in legs:
        recorder = night.leg(leg, *SOURCE)
        stream(recorder, 0, 5)
        recorder.abandon()
    night.saving()()
    for leg in damages:
        damage(catalog.segment(night.id, leg))
    if transient:

        def unreadable(path: Path) -> object:
            if path.stem in damages:
                raise OSError(errno.EIO, "Input/output error")
            return read_segment(path)

        monkeypatch.setattr("legmon.recorder.leg.read_segment", unreadable)
    found, said = resume_night(catalog, NightCloser(), None, simulated=True)
    assert found is None
    assert said is not None
    assert said.code == Trouble.NOT_RESUMED
    info = catalog.night(night.id)
    assert info.state == ("recording" if transient else "closed")
    assert all(catalog.segment(night.id, leg).exists() for leg in legs)
    assert {t.leg: t.end for t in catalog.tracks(night.id)} == {"left": 250, "right": 250}
    for _ in legs:
        seal_next(catalog)
    assert catalog.night(night.id).damaged == (() if transient else damages)
    catalog.close()


@pytest.mark.parametrize("wants", [False, True])
def test_why_a_night_ended_is_kept_until_it_goes_on(tmp_path: Path, *, wants: bool) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, time.time_ns(), simulated=True)
    stream(night.leg("left", *SOURCE), 0, 5)
    stream(night.leg("right", *SOURCE), 0, 5)
    night.ended_by = "charger"
    night.saving()()  # then the recorder dies
    for recorder in night.legs.values():
        recorder.abandon()
    damage(catalog.segment(night.id, "right"))
    found, _ = resume_night(catalog, NightCloser(), BEGAN + 60 * NS if wants else None, simulated=True)
    assert (found is not None) is wants
    if found is not None:
        assert (list(found.legs), list(found.unread)) == (["left"], ["right"])
        found.close(None)
    assert catalog.night(night.id).state == "closed"
    assert catalog.night(night.id).ended_by == ("" if wants else "charger")
    catalog.close()
