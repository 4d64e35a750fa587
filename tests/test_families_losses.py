"""Frames are lost while the link stays up, of a sensor that neither counts nor tells the time: a gap of about that length."""

from __future__ import annotations

import json
from pathlib import Path

from legmon.catalog.store import Catalog
from legmon.recording.files import read_segment
from legmon.recording.records import Gap, Meta, Record, Samples, Stream
from legmon.timeline.losses import LAG_S
from tests.conftest import sensor, started, until
from tests.test_recorder import info, recorder
from tests.test_two_ankles import samples, stop, want_both

SCENARIO = "duration: 2h\nseed: 11\nrate_error_percent: 1.7\n"
RATE_HZ, SPEED = 25 * 1.017, 20
BEFORE_S, AFTER_S = 135.0, 55.0
"""When frames are lost (the rate must be known), and how long it goes on (a loss is told late), s of night."""
LOST_FRAMES, FRAME_SAMPLES = 250, 3
"""30 s of night, in which the link still counts as up: 1.5 s on the wall."""
WITHIN_S = 4.0
"""How well the length of what was lost is to be known, on a busy machine: 200 ms on the wall."""
ADDRESSES = {"loses": "C4:4C:4D:00:00:01", "whole": "C4:4C:4D:00:00:02"}


def segments(data: Path) -> dict[str, list[Record]]:
    """What was recorded of each sensor, by its address."""
    catalog = Catalog(data)
    read = [list(read_segment(catalog.segment(info(data).id, leg))) for leg in info(data).legs]
    assert {t.loss for t in catalog.tracks(info(data).id)} == {"arrival"}, "the night says how sure it is"
    catalog.close()
    return {rows[0].address: rows for rows in read if isinstance(rows[0], Meta)}


def journal(folder: Path) -> list[tuple[str, int]]:
    """Of every frame whether it was sent or dropped, and how many samples it held."""
    told = [json.loads(line) for line in (folder / "sent.jsonl").read_text().splitlines()]
    return [(e["event"], e["count"]) for e in told if e["event"] in {"sent", "dropped"}]


def gaps_of(rows: list[Record], sent: int) -> list[Gap]:
    """Return the gaps of a night whose link stayed up, in which every index is once a sample that was sent, or in a gap."""
    assert len([r for r in rows if isinstance(r, Stream)]) == 1, "the link stayed up"
    gaps = [r for r in rows if isinstance(r, Gap)]
    taken = [(r.first, len(r.xyz)) for r in rows if isinstance(r, Samples)]
    covered = sorted(taken + [(g.first, g.count) for g in gaps])
    assert [first for first, _ in covered[1:]] == [first + count for first, count in covered[:-1]]
    on_the_way = sent - sum(count for _, count in taken)  # when the link was closed
    assert 0 <= on_the_way < WITHIN_S * RATE_HZ
    return gaps


def test_frames_lost_while_the_link_is_up_leave_a_gap_where_only_arrivals_tell(
    air: str, tmp_path: Path
) -> None:
    """Two sensors in one night: one loses frames, the other none, and only the first has a gap."""
    data, folders = tmp_path / "data", {name: tmp_path / name for name in ADDRESSES}
    want_both(data)
    for folder in folders.values():
        folder.mkdir()

    def until_recorded(seconds: float) -> None:
        until(lambda: min(samples(data, "left"), samples(data, "right")) > seconds * RATE_HZ)

    options = ("--family", "metamotion", "--speed", str(SPEED), "--address")
    with (
        sensor(air, folders["loses"], *options, ADDRESSES["loses"], scenario=SCENARIO) as loses,
        sensor(air, folders["whole"], *options, ADDRESSES["whole"], scenario=SCENARIO),
        started(*recorder(data, air, speed=SPEED), "--sensor", "metamotion", "--rate", "25") as process,
    ):
        until_recorded(BEFORE_S)
        assert loses.process.stdin is not None
        loses.process.stdin.write(f"drop {LOST_FRAMES}\n")
        loses.process.stdin.flush()
        until_recorded(BEFORE_S + LOST_FRAMES * FRAME_SAMPLES / RATE_HZ + AFTER_S)
        frames = {name: journal(folder) for name, folder in folders.items()}
        stop(data)
        assert process.end() == 0

    dropped = sum(count for event, count in frames["loses"] if event == "dropped")
    assert dropped == LOST_FRAMES * FRAME_SAMPLES
    rows = segments(data)
    sent = {
        name: sum(count for event, count in journal(folder) if event == "sent")
        for name, folder in folders.items()
    }
    (gap,) = gaps_of(rows[ADDRESSES["loses"]], sent["loses"])
    assert gap.cause == "not_sent"
    assert abs(gap.count - dropped) < WITHIN_S * RATE_HZ
    events = [event for event, _ in frames["loses"]]
    before = sum(count for _, count in frames["loses"][: events.index("dropped")])
    assert 0 <= gap.first - before < (LAG_S + WITHIN_S) * RATE_HZ, "it is put where it is noticed"
    assert "dropped" not in [event for event, _ in frames["whole"]]
    assert gaps_of(rows[ADDRESSES["whole"]], sent["whole"]) == []
