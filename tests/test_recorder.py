"""The recorder as a process, on the air: nothing recorded is lost, whatever ends."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.night.leg import analyse
from legmon.night.track import score_night
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recording.files import read_segment
from legmon.recording.records import Gap, Note, Record, Samples
from legmon.recording.segment import SegmentTail
from legmon.sensors.base import Frame, StreamFormat
from tests.conftest import Running, sensor, started, until

FIVE_A_MINUTE = "duration: 2h\nseed: 11\nmovements_per_hour: 300\n"


def recorder(data: Path, air: str, *, speed: int = 30) -> tuple[str, ...]:
    now = str(time.time_ns())
    return (
        "-m",
        "legmon.recorder",
        "--data",
        str(data),
        "--hci",
        air,
        "--simulated",
        "--clock",
        now,
        now,
        str(speed),
    )


def records(data: Path, night: str = "last") -> list[Record]:
    catalog = Catalog(data)
    path = catalog.segment(catalog.night(night).id, "left")
    catalog.close()
    return list(read_segment(path))


_tails: dict[
    Path, tuple[SegmentTail, int]
] = {}  # what was read of each night's file, and how many samples that was


def recorded(data: Path) -> int:
    """Samples in the newest night's file; only what is new is read, since this is asked many times a second."""
    files = sorted(data.glob("nights/*/left.*"))
    if not files:
        return 0
    path = files[-1].parent / "left.seg"
    tail, before = _tails.get(path, (SegmentTail(path), 0))
    count = before + sum(len(r.xyz) for r in tail.read() if isinstance(r, Samples))
    _tails[path] = tail, count
    return count


def want(data: Path, *, record: bool) -> None:
    catalog = Catalog(data)
    catalog.want("record" if record else "off")
    catalog.close()


def info(data: Path) -> NightInfo:
    catalog = Catalog(data)
    found = catalog.night("last")
    catalog.close()
    return found


def sent(folder: Path) -> int:
    log = [json.loads(line) for line in (folder / "sent.jsonl").read_text().splitlines()]
    return sum(e["count"] for e in log if e["event"] == "sent")


def close_by_itself(process: Running, data: Path) -> None:
    want(data, record=False)
    until(lambda: info(data).state == "closed", what="the night is closed")
    assert process.end() == 0


def test_samples_sent_are_samples_recorded_and_scoring_again_gives_the_same(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with (
        sensor(air, tmp_path, "--speed", "30", scenario=FIVE_A_MINUTE),
        started(*recorder(data, air)) as process,
    ):
        until(lambda: recorded(data) > 12_000)
        close_by_itself(process, data)
    assert recorded(data) == sent(tmp_path)
    rows = records(data)
    assert not [r for r in rows if isinstance(r, Gap)]
    catalog = Catalog(data)
    night = catalog.night("last")
    live = score_night(catalog.tracks(night.id)).to_dict()
    catalog.close()
    again = score_night([analyse(rows).track()]).to_dict()
    assert json.dumps(live) == json.dumps(again)
    assert len(live["movements"]) > 5
    assert night.simulated
    assert live["simulated"] is True


def test_killing_the_recorder_loses_no_recorded_sample_and_it_goes_on_with_the_night(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    command = recorder(data, air)
    with sensor(air, tmp_path, "--speed", "30", "--buffer", "0", scenario=FIVE_A_MINUTE):
        with started(*command) as first:
            until(lambda: recorded(data) > 4000)
            first.process.kill()
            first.process.wait()
        before = recorded(data)
        assert before > 4000
        with started(*command) as second:
            until(lambda: recorded(data) > before + 3000)
            close_by_itself(second, data)
    rows = records(data)
    samples = [r for r in rows if isinstance(r, Samples)]
    gaps = [r for r in rows if isinstance(r, Gap)]
    assert [g.cause for g in gaps] == ["recorder_down"]
    axis = sorted([(s.first, len(s.xyz)) for s in samples] + [(g.first, g.count) for g in gaps])
    assert all(a + n == b for (a, n), (b, _) in pairwise(axis)), "every index once: a sample or a named gap"
    catalog = Catalog(data)
    assert len(catalog.nights()) == 1, "the same night goes on"
    live = score_night(catalog.tracks(catalog.night("last").id)).to_dict()
    catalog.close()
    assert json.dumps(live) == json.dumps(score_night([analyse(rows).track()]).to_dict())


def test_a_sensor_that_starts_anew_leaves_a_named_gap_of_true_length(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with started(*recorder(data, air)) as process:
        with sensor(air, tmp_path, "--speed", "30") as first:
            until(lambda: recorded(data) > 3000)
            first.process.kill()
        before = recorded(data)
        with sensor(air, tmp_path, "--speed", "30"):
            until(lambda: recorded(data) > before + 2000)
            close_by_itself(process, data)
    rows = records(data)
    (gap,) = [r for r in rows if isinstance(r, Gap)]
    assert gap.cause == "sensor_restarted"
    lost = next(r.at_ns for r in rows if isinstance(r, Note) and r.what == "disconnected")
    back = next(r.at_ns for r in rows if isinstance(r, Note) and r.what == "connected" and r.at_ns > lost)
    assert gap.count / 50.0 > (back - lost) / 1e9 * 0.9
    assert gap.count / 50.0 < (back - lost) / 1e9 + 30 * 20, (
        "supervision time-out and start-up, in night seconds, however busy the machine is"
    )


def test_a_second_recorder_on_the_same_folder_is_refused_in_one_sentence(air: str, tmp_path: Path) -> None:
    with started(*recorder(tmp_path, air)) as first:
        first.says("ready")
        with started(*recorder(tmp_path, air)) as second:
            assert second.process.wait(60) == 2
            until(lambda: second.errors)
        assert len(second.errors) == 1
        assert "another legmon is recording" in second.errors[0]
        assert first.end() == 0


def test_ending_the_parent_closes_the_night(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1000)
        assert process.end() == 0
    assert info(data).state == "closed"
    assert recorded(data) == sent(tmp_path)


def test_a_night_without_a_sample_leaves_no_night(air: str, tmp_path: Path) -> None:
    want(tmp_path, record=True)
    with started(*recorder(tmp_path, air)) as process:
        process.says("ready")
        assert process.end() == 0
    catalog = Catalog(tmp_path)
    assert catalog.nights() == []
    catalog.close()


def test_a_frame_whose_index_cannot_be_is_refused_and_the_stream_goes_on(tmp_path: Path) -> None:
    source = ("s", "a", StreamFormat(50, 4, 122, "index"))
    leg = LegRecorder(tmp_path / "left.seg", segment_meta("n", "left", *source, simulated=True))
    quiet = np.tile(np.array([0, 0, 8197], dtype=np.int16), (50, 1))
    for second in range(100):
        leg.frame(Frame(1, 50 * second, 0, quiet), (second + 1) * 10**9)
        if second == 10:
            leg.frame(Frame(1, 1_000_000_000, 0, quiet), (second + 1) * 10**9)
            leg.frame(Frame(1, 50 * second, 0, quiet), (second + 1) * 10**9)
    assert (leg.night.samples, leg.night.missing, leg.refused, leg.repeated) == (5000, 0, 1, 1)


def test_a_sensor_that_counts_anew_without_saying_so_is_taken_up_again(tmp_path: Path) -> None:
    source = ("s", "a", StreamFormat(50, 4, 122, "index"))
    leg = LegRecorder(tmp_path / "left.seg", segment_meta("n", "left", *source, simulated=True))
    quiet = np.tile(np.array([0, 0, 8197], dtype=np.int16), (50, 1))
    for second in range(100):
        leg.frame(
            Frame(1, 50 * second if second < 60 else 50 * (second - 60), 0, quiet), (second + 1) * 10**9
        )
    assert leg.refused == 20
    assert leg.night.samples == 80 * 50
    assert leg.night.missing == 20 * 50 + 1, "a sample at least is missing where a sensor begins anew"


def grown(path: Path, before: int) -> bool:
    return path.stat().st_size > before


def test_a_busy_catalog_keeps_no_sample_waiting(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1000)
        with sqlite3.connect(data / "catalog.sqlite", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            path = next(data.glob("nights/*/left.seg"))
            before, until_then = path.stat().st_size, time.monotonic() + 7  # longer than a writer waits
            while time.monotonic() < until_then:
                until(partial(grown, path, before), what="samples are written all the while")
                before = path.stat().st_size
                time.sleep(0.5)
            other.execute("ROLLBACK")
        other.close()
        close_by_itself(process, data)
    assert not [r for r in records(data) if isinstance(r, Gap)]
    assert recorded(data) == sent(tmp_path)


def whole(data: Path) -> tuple[list[Record], list[Gap]]:
    """A night's records and gaps, every index once: a sample, in whatever order it came, or a named gap."""
    rows = records(data)
    gaps = [r for r in rows if isinstance(r, Gap)]
    axis = sorted(
        [(r.first, len(r.xyz)) for r in rows if isinstance(r, Samples)] + [(g.first, g.count) for g in gaps]
    )
    assert axis[0][0] == 0
    assert all(a + n == b for (a, n), (b, _) in pairwise(axis))
    return rows, gaps


def test_what_a_lost_link_kept_back_is_fetched_and_the_night_is_whole(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with (
        sensor(air, tmp_path, "--speed", "30", scenario=FIVE_A_MINUTE) as ankle,
        started(*recorder(data, air)) as process,
    ):
        assert ankle.process.stdin is not None
        until(lambda: recorded(data) > 3000)
        ankle.process.stdin.write("cut 1\n")
        ankle.process.stdin.flush()
        until(lambda: any(isinstance(r, Note) and r.value == "link_lost" for r in records(data)))
        before = recorded(data)
        until(lambda: recorded(data) > before + 4000)
        ankle.process.stdin.write("drop 3\ncorrupt 4\nduplicate 2\n")
        ankle.process.stdin.flush()
        until(lambda: recorded(data) > before + 8000)
        close_by_itself(process, data)
    rows, gaps = whole(data)
    assert not gaps
    assert any(isinstance(r, Samples) and not r.arrival_ns for r in rows), "some came late"
    assert recorded(data) == stopped_at(tmp_path)
    catalog = Catalog(data)
    live = score_night(catalog.tracks(catalog.night("last").id)).to_dict()
    catalog.close()
    assert json.dumps(live) == json.dumps(score_night([analyse(rows).track()]).to_dict())


def stopped_at(folder: Path) -> int:
    log = [json.loads(line) for line in (folder / "sent.jsonl").read_text().splitlines()]
    return int(next(e["next"] for e in log if e["event"] == "stop"))


def test_a_recorder_that_was_killed_fetches_what_it_missed(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    command = recorder(data, air)
    with sensor(air, tmp_path, "--speed", "30", scenario=FIVE_A_MINUTE):
        with started(*command) as first:
            until(lambda: recorded(data) > 3000)
            first.process.kill()
            first.process.wait()
        before = recorded(data)
        with started(*command) as second:
            until(lambda: recorded(data) > before + 6000)
            close_by_itself(second, data)
    _, gaps = whole(data)
    assert not gaps
    assert recorded(data) == stopped_at(tmp_path)


def test_a_sensor_that_reboots_leaves_one_gap_and_what_it_measured_before_is_fetched(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with started(*recorder(data, air)) as process:
        with sensor(air, tmp_path, "--speed", "30", "--resume") as first:
            until(lambda: recorded(data) > 3000)
            assert first.process.stdin is not None
            first.process.stdin.write("mute 30\n")  # its last seconds are only in its buffer
            first.process.stdin.flush()
            time.sleep(0.8)
            first.process.kill()
        before = recorded(data)
        with sensor(air, tmp_path, "--speed", "30", "--resume"):
            until(lambda: recorded(data) > before + 6000)
            close_by_itself(process, data)
    _, gaps = whole(data)
    assert [g.cause for g in gaps] == ["sensor_restarted"]
    log = [json.loads(line) for line in (tmp_path / "sent.jsonl").read_text().splitlines()]
    starts = [k for k, e in enumerate(log) if e["event"] == "start"]
    assert len(starts) == 2
    stopped = next(e["next"] for e in log if e["event"] == "stop")
    old = max(e["first"] + e["count"] for e in log[: starts[1]] if e["event"] in ("sent", "dropped"))
    assert recorded(data) == old + stopped


def sealed(data: Path) -> tuple[str, str, int] | None:
    with sqlite3.connect(data / "catalog.sqlite") as db:
        row = db.execute("select name, sha256, size from files").fetchone()
    db.close()
    return row if row is None else (row[0], row[1], row[2])


def test_a_closed_night_is_read_back_and_sealed(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1000)
        want(data, record=False)
        until(lambda: sealed(data), what="the file is verified")
        assert process.end() == 0
    (path,) = data.glob("nights/*/left.*")
    content = path.read_bytes()
    assert sealed(data) == ("left.sealed", hashlib.sha256(content).hexdigest(), len(content))
    assert path.stat().st_mode & 0o222 == 0


def is_off_charger(data: Path) -> bool:
    catalog = Catalog(data)
    said = catalog.recorder()
    catalog.close()
    return said is not None and [s.charging for s in said.sensors] == [False]


def test_the_sensor_on_its_charger_ends_the_night(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    code = "import sys; import legmon.recorder.ending as o; o.CHARGER_S = 1.0; "
    code += "from legmon.recorder.__main__ import main; sys.exit(main())"
    command = ("-c", code, *recorder(data, air)[2:])
    with sensor(air, tmp_path, "--speed", "30") as ankle, started(*command) as process:
        until(lambda: recorded(data) > 1000)
        until(lambda: is_off_charger(data), what="its state is known, which it says once a second")
        assert ankle.process.stdin is not None
        ankle.process.stdin.write("charge 1\n")
        ankle.process.stdin.flush()
        until(lambda: info(data).state == "closed", what="the night ends by itself")
        assert process.end() == 0
    assert info(data).ended_by == "charger", "and the page says so"
    notes = [(r.what, r.value) for r in records(data) if isinstance(r, Note)]
    assert ("charging", "true") in notes
    assert ("battery", "87") in notes


def test_a_recorder_whose_loop_hangs_ends_so_that_it_is_started_again() -> None:
    code = (
        "import time, types, legmon.recorder.__main__ as m; m.HUNG_S = 0.5; "
        "m._watch(types.SimpleNamespace(beat=time.monotonic()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 75
    assert "it ends and is started again" in done.stderr
    assert "thread" in done.stderr, "and it says where it hung"
