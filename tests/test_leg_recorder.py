"""One leg's recorder alone: how a night ends, a disk that refuses in the wrong moment, a recording that is damaged."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from legmon.link.listener import ConnectedSensor, SampleRange
from legmon.messages import GapCause
from legmon.movement import NS, Leg
from legmon.night.leg import analyse
from legmon.night.track import LegTrack, score_night
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recording.files import RecordingError, read_segment
from legmon.recording.records import Anchored, End, Gap, Stream, decode, encode
from legmon.sensors import ankle
from legmon.sensors.base import Frame, Held, StreamFormat, StreamStart
from tests.made import verify

SOURCE = ("s", "a", StreamFormat(50, 4, 122, "index"))
QUIET = np.array([0, 0, 8197]) + np.random.default_rng(1).integers(-30, 31, (1200 * 50, 3))
BEGAN = 1_800_000_000 * NS


def begin(path: Path, leg: Leg = "left") -> LegRecorder:
    return LegRecorder(path, segment_meta("n", leg, *SOURCE, simulated=True))


def stream(
    leg: LegRecorder, first_s: int, end_s: int, *, number: int = 1, index_s: int | None = None
) -> None:
    """Feed a second a frame; `index_s` is the sensor's own count at the first one."""
    own = first_s if index_s is None else index_s
    for k in range(end_s - first_s):
        xyz = QUIET[50 * (first_s + k) :][:50].astype(np.int16)
        leg.frame(Frame(number, 50 * (own + k), 0, xyz), BEGAN + (first_s + k + 1) * NS)


def track(path: Path) -> LegTrack:
    return analyse(read_segment(path)).track()


@contextmanager
def full(path: Path, room: int = 0) -> Iterator[None]:
    """No file of this process may grow beyond this one's size and some bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("cause", [GapCause.LINK_LOST, GapCause.LINK_SILENT, GapCause.DISK_FULL])
def test_a_night_whose_sensor_went_for_good_ends_with_a_named_gap(tmp_path: Path, cause: GapCause) -> None:
    path = tmp_path / "left.seg"
    leg = begin(path)
    stream(leg, 0, 600)
    leg.lost(cause)
    leg.close(BEGAN + 900 * NS)
    gaps = [r for r in read_segment(path) if isinstance(r, Gap)]
    assert [(g.first, g.cause) for g in gaps] == [(30_000, cause.value)]
    assert gaps[0].count == pytest.approx(300 * 50, abs=50)
    scored = score_night([track(path)])
    assert scored.duration_ns == pytest.approx(900 * NS, abs=NS)
    assert scored.analysed_ns == pytest.approx(600 * NS, abs=NS)
    verify(path)


def test_what_was_still_under_way_when_a_night_was_stopped_is_no_gap(tmp_path: Path) -> None:
    leg = begin(tmp_path / "left.seg")
    stream(leg, 0, 60)
    leg.close(BEGAN + 61 * NS)
    rows = list(read_segment(tmp_path / "left.seg"))
    assert not [r for r in rows if isinstance(r, Gap)]


def test_a_night_that_nobody_ended_ends_with_its_last_sample(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    stream(begin(path), 0, 60)
    again = begin(path)
    again.close(None)
    rows = list(read_segment(path))
    assert not [r for r in rows if isinstance(r, Gap)]
    assert isinstance(rows[-1], End)
    assert rows[-1].at_ns == pytest.approx(BEGAN + 60 * NS, abs=NS)


def test_of_two_legs_one_that_fails_takes_no_hour_of_the_other(tmp_path: Path) -> None:
    left, right = begin(tmp_path / "left.seg"), begin(tmp_path / "right.seg", "right")
    stream(left, 0, 900)
    stream(right, 0, 600)
    right.lost(GapCause.LINK_LOST)
    for leg in (left, right):
        leg.close(BEGAN + 900 * NS)
    tracks = [track(tmp_path / "left.seg"), track(tmp_path / "right.seg")]
    assert [h.cause for h in tracks[1].gaps] == ["link_lost"], "it is said all the same"
    scored = score_night(tracks)
    assert scored.analysed_ns == pytest.approx(900 * NS, abs=NS)
    both = begin(tmp_path / "both.seg", "right")
    stream(both, 0, 600)
    both.lost(GapCause.LINK_LOST)
    stream(both, 700, 900)
    both.close(BEGAN + 900 * NS)
    back = score_night([tracks[0], track(tmp_path / "both.seg")])
    assert back.analysed_ns == pytest.approx(800 * NS, abs=NS), "in the midst of a night both legs are needed"


def test_a_reboot_on_a_full_disk_forgets_nothing_that_the_sensor_still_holds(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    leg = begin(path)
    stream(leg, 0, 20)
    leg.lost(GapCause.LINK_LOST)
    before = Held(1, 0, 1500)
    started = StreamStart(StreamFormat(50, 4, 122, "index"), 1.0, stream=2, next=0, before=before)
    leg.sensor_started(ConnectedSensor("s", "a", "ankle", ankle.DRIVER.declares, started))
    with full(path), pytest.raises(RecordingError):
        stream(leg, 40, 41, number=2, index_s=0)
    stream(leg, 41, 42, number=2, index_s=1)
    assert leg.next_to_fetch() == SampleRange(1, 1000, 500)


def test_a_night_whose_time_was_not_written_yet_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    stream(begin(path), 0, 1)
    records = [r for r in read_segment(path) if not isinstance(r, Anchored)]
    path.write_bytes(b"".join(map(encode, records)))
    again = begin(path)
    assert again.night.track().anchors == ()
    stream(again, 1, 2)
    assert again.night.track().anchors, "known again with the next frame"


@pytest.mark.parametrize("spoilt", [1, 2, 3])
def test_a_damaged_recording_is_gone_on_with_as_far_as_it_can(tmp_path: Path, spoilt: int) -> None:
    """Records 1 to 3 are the stream, its first samples and its first line of time."""
    path = tmp_path / "left.seg"
    stream(begin(path), 0, 60)
    data = bytearray(path.read_bytes())
    ends = [end for end, _ in decode(bytes(data))]
    data[(ends[spoilt - 1] + ends[spoilt]) // 2] ^= 0xFF
    path.write_bytes(data)
    again = begin(path)
    stream(again, 60, 120)
    assert again.night.samples + again.pending >= 59 * 50
    again.close(BEGAN + 120 * NS)
    found = track(path)
    assert found.measured >= 119 * 50
    assert score_night([found]).duration_ns >= 118 * NS


def test_a_recording_without_its_beginning_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    stream(begin(path), 0, 10)
    data = bytearray(path.read_bytes())
    data[20] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(RecordingError, match="has no description"):
        begin(path)


def test_a_stream_of_which_nothing_arrived_does_not_keep_a_night_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    stream(begin(path), 0, 60)
    with path.open("ab") as file:
        file.write(encode(Stream(2, 0, 3100)))
    again = begin(path)
    stream(again, 70, 80, number=3, index_s=0)
    again.close(BEGAN + 80 * NS)
    assert track(path).time.utc(again.night.end) == pytest.approx(BEGAN + 80 * NS, abs=NS)


def test_what_is_waited_for_is_given_up_when_the_sensor_uses_its_number_for_another_stream(
    tmp_path: Path,
) -> None:
    path = tmp_path / "left.seg"
    leg = begin(path)
    leg.sensor_started(
        ConnectedSensor(
            "s",
            "a",
            "ankle",
            ankle.DRIVER.declares,
            StreamStart(StreamFormat(50, 4, 122, "index"), 1.0, stream=1, next=0),
        )
    )
    stream(leg, 0, 50)
    stream(leg, 55, 60)
    assert leg.next_to_fetch() == SampleRange(1, 2500, 250)
    leg.lost(GapCause.LINK_LOST)
    stream(leg, 60, 300, index_s=0)
    stream(leg, 310, 400, index_s=250)
    refused = leg.next_to_fetch()  # before so many in a row were old that it had to be another count
    assert refused is not None
    assert (refused.stream, refused.first) == (1, 0)
    leg.unavailable(refused, None)
    assert leg.next_to_fetch() == SampleRange(1, 240 * 50, 500), (
        "what the new count leaves out, and nothing of the old one"
    )
    gap = next(r for r in read_segment(path) if isinstance(r, Gap))
    assert (gap.first, gap.count, gap.cause) == (2500, 250, "sensor_restarted")


def test_a_restart_keeps_why_each_hole_came_about(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    identity = ConnectedSensor(
        "s",
        "a",
        "ankle",
        ankle.DRIVER.declares,
        StreamStart(StreamFormat(50, 4, 122, "index"), 1.0, stream=1, next=0),
    )

    def down(leg: LegRecorder, at_s: int, cause: GapCause) -> None:
        leg.lost(cause)
        leg.note(BEGAN + at_s * NS, "disconnected", cause.value)

    leg = begin(path)
    leg.sensor_started(identity)
    stream(leg, 0, 50)
    down(leg, 50, GapCause.COMPUTER_SLEPT)
    leg.note(BEGAN + 90 * NS, "connected", "a")
    stream(leg, 90, 100)
    down(leg, 100, GapCause.LINK_SILENT)
    stream(leg, 110, 120)
    stream(leg, 121, 130)  # a frame that did not come
    leg.lost(GapCause.DISK_FULL)
    stream(leg, 132, 134)
    leg.refuse()
    stream(leg, 135, 136)
    leg.abandon()
    again = begin(path)
    again.sensor_started(identity)
    again.note(BEGAN + 140 * NS, "connected", "a")
    stream(again, 140, 150)
    again.abandon()
    last = begin(path)
    last.sensor_started(identity)
    last.note(BEGAN + 160 * NS, "connected", "a")
    stream(last, 160, 170)
    late = QUIET[50 * 60 :][:50].astype(np.int16)
    last.frame(Frame(1, 50 * 60, 0, late, late=True), BEGAN + 171 * NS)
    last.abandon()
    closed = begin(path)
    closed.close(BEGAN + 170 * NS)
    found = [(g.first // 50, g.count // 50, g.cause) for g in read_segment(path) if isinstance(g, Gap)]
    assert found == [
        (50, 10, "computer_slept"),
        (61, 29, "computer_slept"),
        (100, 10, "link_silent"),
        (120, 1, "not_sent"),
        (130, 2, "disk_full"),
        (134, 1, "frame_refused"),
        (136, 4, "recorder_down"),
        (150, 10, "recorder_down"),
    ]


def test_a_clock_that_was_set_between_two_recorders_stays_so_after_a_third(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    quiet = np.tile(np.array([0, 0, 8197], dtype=np.int16), (50, 1))

    def second(leg: LegRecorder, k: int) -> None:
        leg.frame(Frame(1, 50 * k, 0, quiet), BEGAN + (k + 1 + 5 * (k >= 1500)) * NS)

    for first, end in ((0, 1500), (1500, 3000)):
        leg = begin(path)
        leg.note(BEGAN, "connected", "a")
        for k in range(first, end):
            second(leg, k)
        leg.abandon()
    begin(path).close(None)
    time = track(path).time
    assert abs(time.utc(50 * 2990) - BEGAN - 2990 * NS) < NS // 20
