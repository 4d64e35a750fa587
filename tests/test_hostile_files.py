"""Whatever stands in a file, on the command line or in a request: it costs seconds, and gets a short sentence."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import os
import sqlite3
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.hostile_files import (
    BEGAN_NS,
    KINDS,
    REFUSALS,
    _folder,
    _open_catalog,
    _sent,
    mutations,
    placed,
    valid_files,
)
from benchmarks.hostile_values import ALIASES, MERGES
from firmware_sim.playback import Playback, PlaybackError
from firmware_sim.scenario import ScenarioError, parse_scenario, read_scenario
from legmon import terminal
from legmon.app import simulator
from legmon.catalog import zone
from legmon.catalog.annotation_files import load_night_annotations
from legmon.catalog.annotations import Annotations, NightNote
from legmon.catalog.carry_over import carry_over
from legmon.catalog.database import contents
from legmon.catalog.derived import Derived
from legmon.catalog.rows import CatalogValueError
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.exchange.csv import read_csv
from legmon.exchange.events import score_events
from legmon.exchange.stamps import MOST_STRETCHES
from legmon.messages import ProblemCode, problem_sentence
from legmon.movement import NS
from legmon.night.posture import Posture
from legmon.night.track import LegTrack, score_night
from legmon.nights import report
from legmon.outside import MOST_PARTS, parse_json, read_outside
from legmon.quoting import LONGEST_SENTENCE, plain, sentence, shown
from legmon.recording.records import Gap
from legmon.scoring.result import MOST_HOURS, by_hour
from legmon.scoring.rules import Interpretation
from legmon.scoring.score import score
from legmon.timeline.clock import Anchor
from tests.conftest import ROOT, run_command

SECONDS = 60.0
"""Bounds a hang, not the speed of the machine."""


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SECONDS


def said_of(read: Callable[[], object]) -> str:
    """Return the sentence for what is refused."""
    with pytest.raises(REFUSALS) as error:
        read()
    text = sentence(error.value)
    assert len(text) <= LONGEST_SENTENCE
    assert text.isprintable()
    return text


def events(path: Path) -> object:
    return [s.to_dict() for s in score_events(path, "wasm2016", Interpretation())]


# What stands in the place of a file.


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_hole_of_a_terabyte(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


FILES = sorted(KINDS.keys() - {"catalog", "request", "notifications", "recording"})


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("deed", [a_pipe, a_device, a_folder, a_hole_of_a_terabyte])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str, deed: Callable[[Path], None]) -> None:
    path = tmp_path / KINDS[kind].name
    deed(path)
    if kind == "flash":
        assert KINDS[kind].read(path) is None
    elif kind == "audit":
        assert KINDS[kind].read(path) == "[]"
    elif kind == "annotations" and deed is not a_hole_of_a_terabyte:
        KINDS[kind].read(path)  # nobody said anything of this night
    elif kind != "state":
        text = said_of(lambda: KINDS[kind].read(path))
        said = ("a folder, a pipe or a device", "larger than", "is damaged", "cannot be read")
        assert any(words in text for words in said), text


def test_a_state_file_that_is_none_names_nobody(tmp_path: Path) -> None:
    from legmon.app.running import REPORT, Report
    from legmon.catalog.clock import Moment
    from legmon.recorder import presence
    from legmon.web import keys

    for name, deed in (
        (REPORT, a_pipe),
        (presence.RECORDER, a_device),
        (keys.DASHBOARD, a_hole_of_a_terabyte),
    ):
        deed(tmp_path / name)
    a_pipe(tmp_path / keys.BEARER)
    assert Report.read(tmp_path) is None
    assert presence.recorder(tmp_path) is None
    assert keys.pages_of(tmp_path) is None
    assert not keys.has_bearer_token(tmp_path)
    for value in (
        {"wall_ns": "x", "ticks_ns": 0},
        {"wall_ns": 10**400, "ticks_ns": 0},
        {"wall_ns": 1, "ticks_ns": -5},
    ):
        (tmp_path / "clock.json").write_text(json.dumps(value | {"boot": Moment.now().boot}))
        assert isinstance(Moment.kept(tmp_path / "clock.json", anew=False).wall_ns, int)
        assert Moment.kept(tmp_path / "clock.json", anew=False).wall_ns > 10**18


# What stands in a file of samples.

HEADER = b"time_s,x_g,y_g,z_g\n"
ROWS = b"".join(b"%.2f,0,0,1\n" % (n / 50) for n in range(50))
SIGNALS = {
    "a step of 3,000 years": (ROWS + b"94672800000,0,0,1\n", "step from 0.98 s to 94672800000 s"),
    "a cell of 5 MB": (ROWS + b"1," + b"A" * 5_000_000 + b",0,1\n", "it has no end"),
    "a cell of 50 kB": (ROWS + b"1," + b"A" * 50_000 + b",0,1\n", "x_g is 'AAAA"),
    "a control character": (ROWS + b"1,\x1b[31mred,0,1\n", "x_g is"),
    "brackets": (ROWS + b"1,[red]x[/],0,1\n", "x_g is '[red]x[/]'"),
    "a line without an end": (b"9" * 3_000_000, "it has no end"),
    "a million columns": (b"1," * 40_000 + b"\n" + ROWS, "40001 columns"),
    "zeros": (bytes(3_000_000), "it has no end"),
    "zeros between": (ROWS + b"\0\0\0\n" + ROWS, "1 columns"),
    "5,000 digits": (ROWS + b"9" * 5000 + b",0,0,1\n", "expected a finite number"),
    "1e400": (ROWS + b"1e400,0,0,1\n", "expected a finite number"),
    "UTF-16": ((HEADER + ROWS).decode().encode("utf-16"), "not text in UTF-8"),
}


@pytest.mark.parametrize("what", SIGNALS)
def test_samples_that_cannot_be_are_refused(tmp_path: Path, what: str) -> None:
    content, says = SIGNALS[what]
    path = tmp_path / "ankle.csv"
    path.write_bytes(content if what == "UTF-16" else HEADER + content)
    assert says in said_of(lambda: read_csv(path))
    with pytest.raises(PlaybackError) as error:
        Playback(path, "left")
    assert len(str(error.value)) < 500


def test_a_gap_at_every_sample_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "ankle.csv"
    rows = (
        b"%.2f,0,0,1\n%.2f,0,0,1\n%.2f,0,0,1\n" % (n, n + 0.02, n + 0.04) for n in range(MOST_STRETCHES + 9)
    )
    path.write_bytes(HEADER + b"".join(rows))
    assert "more than 50,000 gaps" in said_of(lambda: read_csv(path))


def test_blocks_change_nothing_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for ending in (b"\n", b"\r\n", b"\r"):
        path = tmp_path / "ankle.csv"
        path.write_bytes(b"\xef\xbb\xbf" + (HEADER + ROWS + b"\n" + b"1.00, 0 ,0,1").replace(b"\n", ending))
        whole = read_csv(path)
        for size in (1, 7, 64):
            monkeypatch.setattr("legmon.outside.BLOCK", size)
            found = read_csv(path)
            assert (found.stretches[0].xyz == whole.stretches[0].xyz).all()
            assert found.rate_hz == whole.rate_hz
        monkeypatch.undo()
        assert len(whole.stretches[0].xyz) == 51


def test_a_file_that_only_the_slow_way_reads_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("legmon.exchange.csv.MOST_SLOW", 10)
    monkeypatch.setattr("legmon.exchange.csv.np.loadtxt", lambda *_, **__: (_ for _ in ()).throw(ValueError))
    path = tmp_path / "ankle.csv"
    path.write_bytes(HEADER + ROWS)
    assert "unusual way" in said_of(lambda: read_csv(path))


# What stands in a file of movements.


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


ONE = [[1, 2, "left"]]
EVENTS = {
    "a deep list": deep(100_000),
    "a deep movement": f'{{"movements": {deep(900)}}}',
    "more lists than fit": "[" + "[]," * (MOST_PARTS + 1) + "[]]",
    "a number of 5,000 digits": '{"movements": [], "duration_s": ' + "9" * 5000 + "}",
    "a number of 400 digits": '{"movements": [], "duration_s": ' + "9" * 400 + "}",
    "a time of 400 digits": '{"movements": [[1, ' + "9" * 400 + ', "left"]]}',
    "1e400": '{"movements": [[1, 1e400, "left"]]}',
    "1e300": '{"movements": [[1, 1e300, "left"]]}',
    "not a number": '{"movements": [[NaN, 2, "left"]]}',
    "a stage that is a list": '{"movements": [], "stages": [[0, 30, []]]}',
    "a key of 5 MB": '{"movements": [], "' + "A" * 5_000_000 + '": 1}',
    "a leg of 5 MB": '{"movements": [[1, 2, "' + "A" * 5_000_000 + '"]]}',
    "a control character": '{"movements": [[1, 2, "\\u001b[31m"]]}',
    "half a character": '{"movements": [[1, 2, "\\ud800"]]}',
}


@pytest.mark.parametrize("what", EVENTS)
def test_movements_that_cannot_be_are_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(EVENTS[what])
    said_of(lambda: events(path))


def test_movements_in_text_that_cannot_be_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    for content in (
        b"1,2,left\n" * 300_000,
        b"1," + b"9" * 5_000_000 + b",left",
        b"1,1e400,left",
        b"\0" * 5_000_000,
    ):
        table.write_bytes(b"onset_s,offset_s,leg\n" + content)
        said_of(lambda: events(table))
    annotations = tmp_path / "a.annot"
    annotations.write_text("PLM " + "@@" * 1_000_000 + "\t.\t.\t1\t2\t.\n")
    assert events(annotations), "a search that starts again at each character would take hours"


def test_a_time_since_1970_has_no_row_for_each_hour_since() -> None:
    with pytest.raises(ValueError, match="which is no time"):
        score([], gaps=[(0, 1e11)])
    long = score([], gaps=[(1_790_000_000, 1_790_000_001)], duration_s=9e8)
    assert by_hour(long) == []
    assert len(json.dumps(long.to_dict())) < 5000
    assert len(by_hour(score([], duration_s=MOST_HOURS * 3600))) == MOST_HOURS


def test_thousands_of_rows_of_each_kind_take_seconds(tmp_path: Path) -> None:
    rows = [[2.0 * n, 2.0 * n + 1] for n in range(12_000)]
    whole = {
        "movements": [[*row, "left"] for row in rows],
        "gaps": [[b, b + 0.3] for _, b in rows],
        "respiratory": rows,
        "stages": [[*row, "N2"] for row in reversed(rows)],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(whole))
    for rules in ("wasm2016", "aasm"):
        (scored,) = score_events(path, rules, Interpretation())
        scored.to_dict()


def edf(
    signals: int = 1,
    *,
    samples: int = 50,
    records: int = 3,
    annotations: bytes = b"",
    header: int | None = None,
) -> bytes:
    """Return an EDF+ file with a signal of annotations."""
    fields = [b"0".ljust(8), b"X".ljust(80), b"X".ljust(80), b"01.01.2600.00.00"]
    fields += [
        str(header or 256 * (signals + 1)).encode().ljust(8),
        b"EDF+C".ljust(44),
        str(records).encode().ljust(8),
    ]
    fields += [b"1".ljust(8), str(signals).encode().ljust(4)]
    lengths = [
        (b"EDF Annotations", 16),
        (b"", 80),
        (b"", 8),
        (b"-1", 8),
        (b"1", 8),
        (b"-32768", 8),
        (b"32767", 8),
        (b"", 80),
    ]
    fields += [text.ljust(n) * signals for text, n in lengths]
    fields += [str(samples).encode().ljust(8) * signals, b"".ljust(32) * signals]
    data = b"".join(fields)
    return data + (annotations or b"+0\x14\x14\0").ljust(2 * max(samples, 0) * signals, b"\0") * max(
        records, 0
    )


EDF = {
    "no signals": edf(0),
    "9,999 signals": edf(1)[:252] + b"9999" + edf(1)[256:],
    "a header that ends elsewhere": edf(1, header=99_999_999),
    "records of no bytes": edf(1, samples=0),
    "records of fewer than no bytes": edf(1, samples=-5),
    "millions of records": edf(1, samples=1) + bytes(500_000),
    "a number of a million digits": edf(1, samples=600_000, records=1, annotations=b"+" + b"1" * 1_000_000),
    "annotations without an end": edf(1, samples=600_000, records=1, annotations=b"+1\x14" * 300_000 + b"\n"),
    "more annotations than fit": edf(1, samples=20_000_000, records=1),
    "text": b"not an EDF file",
}


@pytest.mark.parametrize("what", EDF)
def test_an_edf_file_that_would_take_for_ever_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(EDF[what])
    assert "cannot be read as EDF+" in said_of(lambda: events(path))
    path.write_bytes(edf())
    assert events(path)


# What stands in a scenario.

SCENARIOS = {
    "aliases of aliases": f"duration: 8h\n{ALIASES}",
    "merges of merges": f"duration: 8h\n{MERGES}",
    "a part in itself": "duration: 8h\nx: &x [" + "*x, " * 50 + "*x]",
    "deep nesting": "duration: 8h\nx: " + "[" * 5000,
    "a name of 5 MB": "duration: 8h\nname: " + "A" * 5_000_000,
    "a name of 50 kB": "duration: 8h\nname: " + "A" * 50_000,
    "a key of 50 kB": "duration: 8h\n" + "A" * 50_000 + ": 1",
    "a list of thousands": "duration: 8h\nfaults: [" + "{kind: clip, at: 1, for: 1}, " * 3000 + "]",
    "5,000 digits": "duration: " + "9" * 5000,
    "1e400": "duration: 1.0e+400",
    "not a number": "duration: .nan",
    "a control character": "duration: 8h\nseed: \"\\e[31m\"",
    "brackets": "duration: 8h\nseed: '[red]'",
    "a tag": "duration: 8h\nseed: !!python/object/apply:os.system [true]",
    "a key that is a list": "duration: 8h\n? [a, b]\n: c",
}  # fmt: skip


@pytest.mark.parametrize("what", SCENARIOS)
def test_a_scenario_that_would_take_for_ever_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "night.yaml"
    path.write_text(SCENARIOS[what])
    with pytest.raises(ScenarioError) as error:
        read_scenario(path)
    assert len(str(error.value)) < LONGEST_SENTENCE + len(str(path))
    assert "\x1b" not in str(error.value)


def test_a_scenario_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfduration: 1h\n")
    assert read_scenario(tmp_path / "a.yaml") == parse_scenario("duration: 1h")


@pytest.mark.radio
def test_a_simulator_that_complains_at_length_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waited for somebody to read its complaint while its output was waited for."""
    script = "import sys; sys.stderr.write('name ' + 'A' * 1_000_000); print('progress 1.0'); sys.exit(2)"
    monkeypatch.setattr(simulator, "firmware_sim", lambda: [sys.executable, "-c", script])
    done: list[float] = []
    with pytest.raises(LegmonError) as error:
        simulator.run_simulator([], done.append)
    assert done == [1.0]
    assert str(error.value).startswith("name AAA")
    assert len(str(error.value)) <= simulator.LONGEST_COMPLAINT


# The catalog.


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE nights SET started_ns = 'soon'",
        "UPDATE nights SET utc_offset_s = 1000000000000",
        "UPDATE nights SET rules = '[red]'",
        "UPDATE legs SET quality = '[1'",
        'UPDATE legs SET "end" = 4611686018427387904',
        "UPDATE movements SET \"end\" = x'00'",
        "UPDATE anchors SET rate_hz = 0",
        "UPDATE anchors SET rate_hz = 9e999",
        "UPDATE marks SET end_ns = 'x'",
        "UPDATE wanted SET sensors = '{'",
    ],
)
def test_a_value_that_legmon_did_not_write_is_named(tmp_path: Path, change: str) -> None:
    kind = KINDS["catalog"]
    with placed(kind, valid_files(kind)[0]) as path:
        with contextlib.closing(sqlite3.connect(path)) as c, c:
            c.execute(change)
        with pytest.raises(CatalogValueError, match=r"the catalog holds .* `legmon rescan` makes it anew"):
            kind.read(path)


def test_a_catalog_whose_tables_cannot_be_named_is_damaged(tmp_path: Path) -> None:
    """SQLite names what is malformed in the bytes of the file, which need not be text."""
    kind = KINDS["catalog"]
    with placed(kind, valid_files(kind)[0]) as path:
        with contextlib.closing(sqlite3.connect(path)) as c, c:
            c.execute("PRAGMA writable_schema = ON")
            c.execute("UPDATE sqlite_master SET name = CAST(x'e7e7' AS TEXT), sql = 'x' WHERE name = 'marks'")
        assert contents(path).kind == "damaged"
        assert kind.read(path)


def test_what_was_said_is_carried_over_whatever_else_is_there(tmp_path: Path) -> None:
    kind = KINDS["catalog"]
    with placed(kind, valid_files(kind)[0]) as path:
        with contextlib.closing(sqlite3.connect(path)) as c, c:
            c.execute("UPDATE marks SET kind = x'ff'")
            c.execute("UPDATE lights SET off_ns = 9e999")
            c.execute("UPDATE nights SET detector = CAST(x'e7' AS TEXT)")
        carry_over(path, tmp_path)
    (said,) = tmp_path.glob("nights/*/annotations.json")
    assert [mark["kind"] for mark in json.loads(said.read_text())["marks"]] == [None]


def test_a_report_that_no_recorder_wrote_is_no_report(tmp_path: Path) -> None:
    kind = KINDS["catalog"]
    with placed(kind, valid_files(kind)[0]) as path:
        catalog = Catalog(path.parent)
        with contextlib.closing(sqlite3.connect(path)) as c, c:
            for sensors in (
                '[{"leg": "left", "samples": "many"}]',
                "[1]",
                '[{"leg": "left", "rssi_dbm": NaN}]',
            ):
                values: dict[str, Any] = {
                    "id": 1,
                    "seen_ns": 5,
                    "clock_night_ns": 0,
                    "clock_wall_ns": 0,
                    "clock_speed": 1,
                    "simulated": 0,
                }
                values |= {
                    "moment": '{"wall_ns": 1, "ticks_ns": 1, "boot": null}',
                    "sensors": sensors,
                    "nearby": "[]",
                }
                values |= {
                    "confirmed": "{}",
                    "counts": "{}",
                    "analysed_ns": 0,
                    "last_movements": "[]",
                    "mode": "off",
                }
                values["computer"] = "{}"
                names = ", ".join(values)
                places = ", ".join("?" * len(values))
                insert = f"INSERT OR REPLACE INTO recorder ({names}) VALUES ({places})"  # noqa: S608
                c.execute(insert, [*values.values()])
                c.commit()
                assert catalog.recorder() is None
            c.execute('UPDATE recorder SET sensors = \'[{"leg": "left"}]\'')
            c.commit()
        found = catalog.recorder()
        assert found is not None
        assert found.sensors[0].leg == "left"
        catalog.close()


def test_a_summary_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    kind = KINDS["catalog"]
    with placed(kind, valid_files(kind)[0]) as path:
        right = kind.read(path)
        (path.parent / "nights").unlink()
        with contextlib.closing(sqlite3.connect(path)) as c, c:
            assert c.execute("UPDATE summaries SET value = '{}'").rowcount
        assert kind.read(path) == right


def test_a_night_of_thousands_of_gaps_takes_seconds() -> None:
    gaps = [Gap(50 * n, 1, "link_lost") for n in range(1, 30_000)]
    anchors = [Anchor(0, BEGAN_NS, 50.0)]
    track = LegTrack("left", 1_500_000, [], gaps, anchors, simulated=False)
    assert len(score_night([track]).gaps) == len(gaps)
    listed = report._gaps([track])
    assert len(listed) == report.MOST_LISTED
    assert listed == sorted(listed, key=lambda gap: gap.start)
    assert len(report._longest(gaps[:100], lambda gap: gap.count)) == 100


def test_a_night_of_a_hundred_years_has_a_short_envelope() -> None:
    assert zone.changes("Europe/Paris", 0, 100 * 365 * 86_400 * NS) == []
    assert len(zone.changes("Europe/Paris", BEGAN_NS, BEGAN_NS + 31 * 86_400 * NS)) == 1
    assert (
        zone.changes("Europe", 0, NS) == zone.changes("A" * 5000, 0, NS) == zone.changes("../..", 0, NS) == []
    )
    anchors = [Anchor(0, BEGAN_NS, 50.0), Anchor(100, BEGAN_NS + (1 << 61), 50.0)]
    track = LegTrack("left", 200, [], [], anchors, simulated=False)
    derived = Derived(Posture(500, np.zeros((1, 6), np.float32), np.ones(20, np.float32), 200), [])
    with placed(KINDS["catalog"], valid_files(KINDS["catalog"])[0]) as path:
        catalog = Catalog(path.parent)
        info = catalog.nights()[0]
        catalog.close()
    found = report.NightReport(
        info,
        "wasm2016",
        [track],
        {"left": derived},
        score_night([track]),
        None,
        (None, None),
        0,
        [],
        [],
        NightNote(),
    )
    assert len(report.leg_envelope(found, track)[0]) == report.LONGEST_S
    answer = report.summary(found)
    assert answer.duration_s > 1e9
    assert len(answer.to_json()) < 5000


@pytest.mark.parametrize("deed", [a_pipe, a_device, a_folder, a_hole_of_a_terabyte])
def test_what_stands_in_the_place_of_annotations_keeps_nobody_waiting(
    tmp_path: Path, deed: Callable[[Path], None]
) -> None:
    catalog = Catalog(tmp_path)
    deed(tmp_path / "annotations.json")
    if deed is a_folder:
        with pytest.raises(LegmonError, match="cannot be stored"):
            Annotations(catalog).set_settings({"theme": "dark"})
    else:
        Annotations(catalog).set_settings({"theme": "dark"})
        assert json.loads((tmp_path / "annotations.json").read_text())["settings"] == {"theme": "dark"}
    catalog.close()


@pytest.mark.parametrize("deed", [a_pipe, a_device, a_folder, a_hole_of_a_terabyte])
def test_what_stands_in_the_place_of_the_catalog_keeps_nobody_waiting(
    tmp_path: Path, deed: Callable[[Path], None]
) -> None:
    deed(tmp_path / "catalog.sqlite")
    with contextlib.suppress(LegmonError):
        Catalog(tmp_path).close()
    assert not list(tmp_path.glob("catalog.damaged*")) or deed is a_hole_of_a_terabyte


def test_an_entry_without_a_part_is_left_out() -> None:
    whole = json.loads(valid_files(KINDS["annotations"])[0])
    catalog, night = _open_catalog()
    for name in ("checks", "marks", "seals"):
        for part in whole[name][0]:
            entry = {k: v for k, v in whole[name][0].items() if k != part}
            with contextlib.suppress(ZeroDivisionError), catalog.session() as s:
                assert load_night_annotations(s, night, {name: [entry]}) == (name != "seals")
                raise ZeroDivisionError


# Sentences, names and markup.


def test_a_value_is_quoted_short_and_without_control_characters() -> None:
    values: list[Any] = [
        "A" * 5_000_000,
        10**5000,
        [10**5000],
        [[["x" * 100] * 100] * 100] * 100,
        "\x1b[31m\x9b\u202e\0",
        "",
        b"\x1b" * 1000,
    ]
    for value in values:
        assert len(shown(value)) <= 70
        assert shown(value).isprintable()
    assert shown("") == "''"
    assert len(sentence("a\n" * 1_000_000)) <= LONGEST_SENTENCE
    assert plain("é [red] 日本\n") == "é [red] 日本\n"


ODD_NAMES = [
    "[red]",
    "[/]",
    "[bold",
    "a[link=http://x]b[/link]",
    "\x1b[31mx",
    "\x9b2J",
    ":smile:",
    "A" * 5_000,
    "\u202ex",
    "\udc80",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_is_no_markup(name: str) -> None:
    from rich.table import Table

    for markup in (False, True):
        out = io.StringIO()
        console = terminal.console(markup=markup, file=out)
        console.width = 10_000
        table = Table("name")
        table.add_row(name)
        if not markup:
            console.print(name, soft_wrap=True)
            console.print(table)
            assert plain(name) in out.getvalue()
        console.print(name, table)  # raises nothing, whatever the brackets are
        assert not set("\x1b\x9b\u202e\udc80") & set(out.getvalue())
    text = terminal.json_text({"name": name})
    assert json.loads(text) == {"name": name}
    text.encode("utf-8")
    assert text.isprintable()


def test_only_one_place_prints() -> None:
    """A console of its own would take a name for markup; a plain print would pass a control character on."""
    found = []
    rooms = [
        ROOT / "src" / "legmon" / room
        for room in ("cli", "app", "evaluation", "exchange", "nights", "catalog", "qualify")
    ]
    for path in (p for room in rooms for p in room.rglob("*.py")):
        calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
        names = ((n.lineno, n.func.id) for n in calls if isinstance(n.func, ast.Name))
        found += [f"{path.name}, line {at}: {name}()" for at, name in names if name in {"print", "Console"}]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "--rules", "A" * 100_000, "--events", "x.json"),
        ("score", "--left", "A" * 100_000 + ".csv"),
        ("score", "--left", "a\0b.csv"),
        ("score", "--events", "\x1b[31m.json"),
        ("score", "--events", "[red].txt"),
        ("score", "--chunk", "9" * 5000, "x"),
        ("score", "--chunk", "[/]", "x"),
        ("replay", "\x1b[31m" * 5000 + ".csv"),
        ("[/red]" + "A" * 100_000,),
        ("decode", "[red]" * 10_000, "00"),
        ("decode", "polar", "zz" * 100_000),
        ("decode", "polar", "00", "--set", "factor=" + "9" * 100_000),
        ("decode", "polar", "00", "--set", "\x1b[31m" * 1000),
        ("scan", "--hci", "[/]" * 10_000),
        ("nights", "[bold]" * 1000),
        ("restore", "[red]" + "\x1b" * 100),
    ],
)  # fmt: skip
def test_the_command_line_quotes_nothing_at_length(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGMON_DATA", str(_folder()))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    done = run_command(*arguments)
    assert done.returncode == 2, done.stderr[-500:]
    assert 0 < len(done.stderr) < 3000
    assert not set("\x1b\x9b\0") & set(done.stderr)
    assert not done.stdout


def test_the_command_line_shortens_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "[red]\x1b.csv"
    path.write_bytes(HEADER + ROWS + b"1," + b"A" * 50_000 + b",0,1\n")
    done = run_command("score", "--left", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) <= LONGEST_SENTENCE + 1
    assert "[red]\ufffd.csv, line 52: x_g is 'AAAA" in done.stderr


# Requests.


def described() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((ROOT / "dashboard" / "openapi.json").read_text())
    return value


def unbounded(schema: dict[str, Any], at: str, seen: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: PLR0912 (one for each type)
    """Yield each number, text, list and object of a schema that has no bound."""
    if reference := schema.get("$ref"):
        if reference not in seen:
            target = described()["components"]["schemas"][reference.rpartition("/")[2]]
            yield from unbounded(target, f"{at}/{reference.rpartition('/')[2]}", (*seen, reference))
        return
    if "enum" in schema or "const" in schema:
        return
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        for number, choice in enumerate(choices):
            yield from unbounded(choice, f"{at}[{number}]", seen)
        return
    match schema.get("type"):
        case "boolean" | "null":
            return
        case "number" | "integer":
            if (
                not {"minimum", "exclusiveMinimum"} & schema.keys()
                or not {"maximum", "exclusiveMaximum"} & schema.keys()
            ):
                yield at
        case "string":
            if "maxLength" not in schema:
                yield at
        case "array":
            if "maxItems" not in schema:
                yield at
            yield from unbounded(schema["items"], f"{at}[]", seen)
        case "object":
            if schema.get("additionalProperties") is not False:
                yield at
            for name, part in schema["properties"].items():
                yield from unbounded(part, f"{at}.{name}", seen)
        case kind:
            yield f"{at} is {kind}"


def test_every_number_text_and_list_of_a_request_has_a_bound() -> None:
    found: list[str] = []
    parts = 0
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                parts += 1
                found += unbounded(parameter["schema"], f"{method} {path} {parameter['name']}")
            for content in operation.get("requestBody", {}).get("content", {}).values():
                parts += 1
                found += unbounded(content["schema"], f"{method} {path}")
    assert parts > 25
    assert not found, "\n".join(found)


def test_a_schema_without_a_bound_is_found() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "number", "minimum": 0},
            "b": {"type": "array", "items": {"type": "string"}},
            "c": {},
        },
    }
    assert list(unbounded(schema, "x")) == ["x", "x.a", "x.b", "x.b[]", "x.c is None"]


NOW = 1_772_400_010
FITS: list[Any] = [
    {"leg": "left", "steps": [{"step": "toes", "start": NOW, "end": NOW + 15, "cues": []}]},
    {"leg": "left", "steps": [{"step": "toes", "start": NOW, "end": NOW + 15, "cues": [0, 9e9]}]},
    {"leg": "left", "steps": [{"step": "toes", "start": 0, "end": 100}] * 8},
    {"leg": "left", "steps": [{"step": "still", "start": 8.99e9, "end": 8.99e9 + 1}]},
    {"leg": "left", "steps": [{"step": s, "start": NOW, "end": NOW + 1e-6} for s in ("still", "toes", "roll", "stand")]},
    {"leg": "left", "steps": [{"step": "still", "start": 1e18, "end": 2e18}]},
    {"leg": "left", "steps": [{"step": "still", "start": -5, "end": 5}]},
    {"leg": "left", "steps": [{"step": "still", "start": float("nan"), "end": float("inf")}]},
    {"leg": "left", "steps": [{"step": "toes", "start": NOW, "end": NOW + 9, "cues": [float("nan")]}]},
    {"leg": "left", "steps": [{"step": "toes", "start": NOW, "end": NOW + 9, "cues": [NOW] * 21}]},
    {"leg": "left", "steps": []},
    {"leg": "left", "steps": [], **{f"[red]{n}\ud800\x1b": "A" * 1000 for n in range(500)}},
    {"leg": "\ud800", "steps": 10**400},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FITS)))
def test_a_fit_check_of_any_numbers_is_answered(number: int) -> None:
    answer = asyncio.run(_sent("POST", "/api/v1/checks/fit", json.dumps(FITS[number]).encode()))
    assert answer.status_code in ((200, 422) if number < 5 else (422,)), answer.text[:500]
    assert len(answer.content) < 5000
    if answer.status_code == 422:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]


def test_what_a_problem_quotes_is_short_and_can_be_sent() -> None:
    said = problem_sentence(ProblemCode.SENSOR_NOT_NEAR, address="\ud800\x1b" + "A" * 1_000_000)
    assert len(said) < LONGEST_SENTENCE + 200
    said.encode("utf-8")
    assert "\x1b" not in said
    body = json.dumps({"address": "\x1b[red]"}).encode()
    answer = asyncio.run(_sent("PUT", "/api/v1/wanted/sensors/left", body))
    assert answer.status_code == 404


def test_settings_of_another_version_leave_the_pages_standing() -> None:
    from legmon.web.models_evening import Settings

    stored = {"theme": "pink", "language": "de", "leg": [1], "set_up": "x", "more": float("nan"), "": None}
    assert Settings.of(stored) == Settings(language="de")


# A small sample of `benchmarks.mutations`.


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_read_or_refused(kind: str) -> None:
    chosen = KINDS[kind]
    for seed in range(8 if kind == "catalog" else 30):
        with placed(chosen, mutations(chosen, seed)) as path:
            try:
                chosen.read(path)
            except REFUSALS as error:
                said = sentence(error)
                assert said.isprintable(), seed
                assert 0 < len(said) <= LONGEST_SENTENCE, seed


def test_json_is_parsed_within_bounds(tmp_path: Path) -> None:
    for text in (deep(100_000), "9" * 5000, "[" + "{}," * MOST_PARTS + "{}]", "{", "\0", ""):
        with pytest.raises(ValueError, match=r"."):
            parse_json(text)
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    (tmp_path / "x").write_bytes(bytes(100))
    with pytest.raises(OSError, match="larger than 0 kB"):
        read_outside(tmp_path / "x", 99)


def test_a_capture_of_frames_without_end_is_refused(tmp_path: Path) -> None:
    data = valid_files(KINDS["capture"])[0]
    head = data[: data.index(b"\n") + 1]
    for body in (struct.pack("<QH", 0, 0) * 100_000, struct.pack("<QH", 2**63, 30) + bytes(30)):
        (tmp_path / "left.capture").write_bytes(head + body)
        said_of(lambda: KINDS["capture"].read(tmp_path / "left.capture"))
